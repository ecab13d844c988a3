"""The page of promises: each names tests that exist, and the page is the one that the generator writes."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROMISES = tomllib.loads((ROOT / "tests" / "promises.toml").read_text(encoding="utf-8"))["promise"]


@pytest.mark.parametrize("test", sorted({test for promise in PROMISES for test in promise["tests"]}))
def test_a_promise_names_a_test_that_exists(test: str) -> None:
    path, _, name = test.partition("::")
    assert re.search(rf"def {name}\(", (ROOT / path).read_text(encoding="utf-8"))


def test_the_page_is_fresh() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "what-holds", "--check"], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr

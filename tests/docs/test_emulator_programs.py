"""The examples in Python, Node and Java on the page about other programs run as they stand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hubwire.testing import running_emulator

PAGE = Path(__file__).parents[2] / "docs" / "emulator-programs.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
RUNNERS = {"python": (sys.executable, "example.py"), "js": ("node", "example.mjs"), "java": ("java", "Example.java")}


@pytest.mark.parametrize("language", RUNNERS)
def test_an_example_writes_a_contact(language: str, tmp_path: Path) -> None:
    program, name = RUNNERS[language]
    command = shutil.which(program)
    if command is None:
        pytest.skip(f"{program} is not installed: the {language} example of docs/emulator-programs.md is not run")
    example = next(text for kind, text in FENCE.findall(PAGE.read_text()) if kind == language)
    (tmp_path / name).write_text(example)
    with running_emulator(access_token="pat-na1-local") as emulator:
        environment = {**os.environ, "HUBSPOT_BASE_URL": emulator.base_url}
        subprocess.run([command, str(tmp_path / name)], env=environment, check=True, timeout=60, cwd=tmp_path)
        emails = [contact["properties"]["email"] for contact in emulator.contacts()]
    assert emails == [f"{'node' if language == 'js' else language}@example.com"]

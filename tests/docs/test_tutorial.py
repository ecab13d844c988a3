"""The tutorial's commands run as they stand, against `hubwire serve` started as it says but on free ports."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.docs.pages import DOCS, blocks, section
from tests.support.process import HUBWIRE, HubwireProcess

TEXT = (DOCS / "tutorial.md").read_text(encoding="utf-8")
HUBWIRE_URL, EMULATOR_URL = "http://127.0.0.1:8080", "http://127.0.0.1:8081"
SECTIONS = ("A contact", "A track", "A group", "A failure", "A replay")


@pytest.fixture
def hubwire(tmp_path: Path) -> Iterator[HubwireProcess]:
    """Hubwire's sandbox with the tutorial's write key, as `make run` starts it."""
    start = blocks(section(TEXT, "Start"))[0].text
    found = re.fullmatch(r"HUBWIRE_WRITE_KEY=(\S+) make run\n", start)
    assert found, start
    with HubwireProcess(tmp_path, HUBWIRE_WRITE_KEY=found[1]) as process:
        yield process


def steps(heading: str) -> Iterator[tuple[str, str, str]]:
    """The commands of a section, each with the language and text of the answer that is shown after it."""
    found = blocks(section(TEXT, heading))
    for number, block in enumerate(found):
        if block.language == "sh":
            after = found[number + 1] if number + 1 < len(found) else None
            shown = after if after is not None and after.language != "sh" else None
            yield block.text, shown.language if shown else "", shown.text if shown else ""


def holds(shown: Any, actual: Any) -> bool:
    """True when everything shown is in the actual answer, at its place; lists may be longer than shown."""
    if isinstance(shown, dict):
        return isinstance(actual, dict) and all(key in actual and holds(shown[key], actual[key]) for key in shown)
    if isinstance(shown, list):
        return isinstance(actual, list) and all(any(holds(item, other) for other in actual) for item in shown)
    return bool(shown == actual)


def unwrapped(text: str) -> str:
    """Words with one blank between them: a terminal's width breaks lines elsewhere."""
    return " ".join(text.split())


def test_every_command_answers_as_shown(hubwire: HubwireProcess) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed: the commands of docs/tutorial.md are not run")
    path = f"{HUBWIRE.parent}:{hubwire.environment['PATH']}"
    compared = 0
    for heading in SECTIONS:
        for command, language, shown in steps(heading):
            here = command.replace(HUBWIRE_URL, hubwire.url).replace(EMULATOR_URL, hubwire.emulator_url())
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", here],
                cwd=hubwire.folder,
                env={**hubwire.environment, "PATH": path, "COLUMNS": "200"},
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
            if language == "json":
                last = json.loads(done.stdout[done.stdout.rindex('{"results"' if "results" in shown else "{") :])
                assert holds(json.loads(shown), last), f"{command}\nshown {shown}\nactual {last}"
            elif language == "text":
                text = unwrapped(done.stdout)
                missing = [line for line in shown.splitlines() if unwrapped(line) not in text]
                assert not missing, f"{command}\nnot said: {missing}\nsaid: {done.stdout}"
            compared += bool(language)
    assert compared >= 7


def test_the_sandbox_starts_where_the_page_says() -> None:
    assert HUBWIRE_URL in TEXT
    assert EMULATOR_URL in TEXT


def test_the_comparison_can_fail() -> None:
    assert holds({"a": [{"b": 1}]}, {"a": [{"b": 0}, {"b": 1, "c": 2}]})
    assert not holds({"a": [{"b": 1}]}, {"a": []})
    assert not holds({"a": 1}, {"a": 2})

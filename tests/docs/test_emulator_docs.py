"""The emulator's page: its commands run as they stand, against `hubwire emulator` started as it says."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from tests.support.waiting import until

from hubwire.emulator.calls.portal.control import LimitsBody, PortalBody
from hubwire.emulator.store.faults import FaultRule
from hubwire.manage.changes import TOKEN
from hubwire.settings import Settings
from hubwire.testing import Emulator, EmulatorConfig

ROOT = Path(__file__).parents[2]
README, PAGE = ROOT / "README.md", ROOT / "docs" / "emulator.md"
BIN = Path(sys.executable).parent
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.fixture
def base_url() -> Iterator[str]:
    """Where `hubwire emulator` listens, started as the page says but on a free port."""
    port = free_port()
    start = next(line for line in PAGE.read_text().splitlines() if line.startswith("hubwire emulator "))
    command = [str(BIN / "hubwire"), *start.removesuffix(" &").split()[1:]]
    command[command.index("--port") + 1] = str(port)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield listening(f"http://127.0.0.1:{port}", process)
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize(("page", "heading"), [(README, "## The emulator alone"), (PAGE, "## Five lines")])
def test_the_five_lines_work_as_they_are_pasted(page: Path, heading: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed: the five lines of README.md and docs/emulator.md are not run")
    code = next(text for language, text in FENCE.findall(page.read_text().partition(heading)[2]) if language == "sh")
    assert len(code.splitlines()) == 5
    port = free_port()
    shown = re.search(r"--port (\d+)", code)
    assert shown, code
    assert int(shown[1]) not in (Settings().port, Settings().emulator_port), "it runs beside `hubwire serve`"
    [token] = re.findall(r"--access-token (\S+)", code)
    assert TOKEN.fullmatch(token), "the console takes it for a destination"
    here = code.replace(shown[1], str(port)).replace(".venv/bin/hubwire", "hubwire")
    script = f"trap 'kill %1' EXIT\n{here}"
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert f"HubSpot emulator: portal 1234567, tier enterprise, http://127.0.0.1:{port}/" in done.stdout
    assert '"portalId":1234567' in done.stdout
    assert '"email":"ada@example.com"' in done.stdout


def listening(url: str, process: subprocess.Popen[bytes]) -> str:
    """The address, once something answers there."""

    def answers() -> bool:
        assert process.poll() is None, "hubwire emulator ended"
        try:
            with urlopen(f"{url}/_emulator/clock", timeout=5) as answer:
                return bool(answer.read())
        except URLError:
            return False

    until(answers, 30)
    return url


def examples() -> Iterator[tuple[str, Any]]:
    """Commands of the Examples section, each with the answer that follows it (None for none)."""
    section = PAGE.read_text().partition("## Examples")[2].partition("\n## ")[0]
    blocks = FENCE.findall(section)
    for number, (language, text) in enumerate(blocks):
        if language == "sh":
            answer = blocks[number + 1] if number + 1 < len(blocks) else ("", "")
            yield text, json.loads(answer[1]) if answer[0] == "json" else None


def holds(shown: Any, actual: Any) -> bool:
    """True when everything shown is in the actual answer, at its place."""
    if isinstance(shown, dict):
        return isinstance(actual, dict) and all(key in actual and holds(shown[key], actual[key]) for key in shown)
    if isinstance(shown, list):
        pairs = zip(shown, actual, strict=False)
        return isinstance(actual, list) and len(shown) == len(actual) and all(holds(*pair) for pair in pairs)
    return bool(shown == actual)


def test_every_example_answers_as_shown(base_url: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed: the examples of docs/emulator.md are not run")
    environment = {**os.environ, "HUBSPOT_BASE_URL": base_url, "HUBSPOT_ACCESS_TOKEN": "pat-na1-local"}
    setup, compared = "", 0
    for text, shown in examples():
        if "curl" not in text:
            setup += text
            continue
        command = ["bash", "-euo", "pipefail", "-c", setup + text]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        last = done.stdout[last_document(done.stdout) :]
        actual = json.loads(last) if last.strip() else None
        assert shown is None or holds(shown, actual), f"{text}\nshown {shown}\nactual {actual}"
        compared += shown is not None
    assert compared >= 8


def last_document(text: str) -> int:
    """Where the last of several JSON documents written one after another begins."""
    decoder, start = json.JSONDecoder(), 0
    while True:
        _, end = decoder.raw_decode(text, start)
        if not text[end:].strip():
            return start
        start = end


def test_the_comparison_can_fail() -> None:
    assert holds({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}], "d": 3})
    assert not holds({"a": [{"b": 1}]}, {"a": [{"b": 2}]})
    assert not holds({"a": []}, {"a": [1]})
    assert not holds({"a": 1}, {})


def test_every_setting_limit_and_fault_field_is_described() -> None:
    text = PAGE.read_text()
    names = {field.name for field in dataclasses.fields(EmulatorConfig)}
    names |= {*LimitsBody.__struct_fields__, *PortalBody.__struct_fields__, *FaultRule.__struct_fields__}
    names -= {"matched", "applied"}
    assert {name for name in names if f"`{name}`" not in text} == set()


def test_the_python_example_runs() -> None:
    section = PAGE.read_text().partition("## In a test, in the same process")[2]
    code = next(text for language, text in FENCE.findall(section) if language == "python")
    scope: dict[str, Any] = {}
    exec(code, scope)
    assert isinstance(scope["emulator"], Emulator)
    assert scope["emulator"].state.config.tier == "starter"

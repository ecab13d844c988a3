"""The Containerfile: linted, and in step with the settings, the paths and the files that an image is built from."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import PurePosixPath

from tests.deploy.files import CONTAINERFILE, DATA, PORT, ROOT, check_command, of_hubwire, settings_of, tool

TEXT = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", CONTAINERFILE.read_text(encoding="utf-8"), flags=re.M))
RUNTIME = TEXT.rpartition("\nFROM ")[2]


def instructions(name: str, text: str = RUNTIME) -> list[str]:
    return re.findall(rf"^{name} (.*)$", text, re.M)


def test_it_is_linted() -> None:
    program = tool("hadolint", "the Containerfile is not linted")
    done = subprocess.run([program, str(CONTAINERFILE)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_it_runs_the_server_as_nobody_in_particular() -> None:
    assert json.loads(instructions("ENTRYPOINT")[0]) == ["hubwire"]
    check_command(json.loads(instructions("CMD")[0]))
    [user] = instructions("USER")
    assert user.split(":")[0] != "0"
    assert all(re.search(rf"--[ug]id {user.split(':')[0]}\b", RUNTIME) for _ in "ug")


def test_its_settings_are_what_an_image_needs() -> None:
    [assignments] = instructions("ENV")
    settings = settings_of(of_hubwire(dict(part.split("=", 1) for part in assignments.split())))
    assert settings.host == "0.0.0.0"
    assert settings.data == DATA
    assert instructions("VOLUME") == instructions("WORKDIR") == [DATA]
    assert instructions("EXPOSE") == [str(PORT)]


def test_its_health_is_asked_where_it_listens() -> None:
    [check] = instructions("HEALTHCHECK")
    assert f"http://127.0.0.1:{PORT}/health" in check


def test_what_it_is_built_from_is_let_in_and_nothing_more() -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {rule[1:] for rule in rules if rule.startswith("!")}
    assert all((ROOT / name).exists() for name in allowed)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    needed = {"pyproject.toml", "constraints.txt", "src", "browser"}
    named = re.findall(r'^(?:readme|path) = "(.*)"$', project, re.M)
    needed |= {name for name in named if not name.startswith("src/")}
    needed |= set(re.findall(r'license-files = \["(.*)"\]', project))
    assert needed == allowed
    kept_out = [rule for rule in rules[1:] if not rule.startswith("!")]
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8")
    for rule in kept_out:
        assert PurePosixPath(rule).name in ignored, f"{rule} is in git: why is it kept out?"


def test_the_extras_that_it_installs_exist() -> None:
    [extras] = re.findall(r"'\.\[([a-z,]+)\]'", TEXT)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert all(re.search(rf"^{extra} = \[", project, re.M) for extra in extras.split(","))

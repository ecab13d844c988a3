"""The systemd units: understood by systemd, hardened, and in step with what `hubwire serve` does."""

from __future__ import annotations

import inspect
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from tests.deploy.files import DATA, DEPLOY, check_command, tool

from hubwire.deliver.lanes.worker import Worker
from hubwire.process.server import GRACE_SECONDS

UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
PROGRAM = "/opt/hubwire/bin/hubwire"
MAX_EXPOSED = 15
"""Of 100, as `systemd-analyze security` counts."""
INSTANCE = "8080"

units = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)


def lines(unit: Path, key: str) -> list[str]:
    """The values of a key, for an instance."""
    text = unit.read_text(encoding="utf-8").replace("%i", INSTANCE)
    return re.findall(rf"^{key}=(.*)$", text, re.M)


def test_there_is_one_for_a_single_process_and_one_for_each_role() -> None:
    assert sorted(unit.stem for unit in UNITS) == ["hubwire", "hubwire-deliver@", "hubwire-receive@"]


@units
def test_systemd_understands_it(unit: Path, tmp_path: Path) -> None:
    program = tool("systemd-analyze", "the units are not verified")
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text(encoding="utf-8").replace(PROGRAM, sys.executable))
    done = subprocess.run(
        [program, "verify", "--man=no", "--recursive-errors=no", str(copy)], capture_output=True, text=True, check=False
    )
    if "Unit sysinit.target not found" in done.stderr:
        pytest.skip("systemd's own units are not installed: the units are not verified")
    assert (done.returncode, done.stderr) == (0, "")


@units
def test_it_may_do_little_to_the_machine(unit: Path) -> None:
    program = tool("systemd-analyze", "the units' hardening is not measured")
    command = [program, "security", "--offline=true", f"--threshold={MAX_EXPOSED}", "--no-pager", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "offline" in done.stderr:
        pytest.skip("this systemd is too old to measure the units' hardening")
    assert done.returncode == 0, done.stdout


@units
def test_its_command_exists(unit: Path) -> None:
    [command] = lines(unit, "ExecStart")
    program, *words = shlex.split(command)
    assert program == PROGRAM
    check_command(words)


@units
def test_it_writes_to_its_own_folder_only(unit: Path) -> None:
    [folder] = lines(unit, "StateDirectory")
    assert f"/var/lib/{folder}".startswith(DATA)
    assert lines(unit, "Environment") == [f"HUBWIRE_DATA=/var/lib/{folder}"]
    assert lines(unit, "WorkingDirectory") == [f"/var/lib/{folder}"]
    assert lines(unit, "ProtectSystem") == ["strict"]


@units
def test_it_is_given_the_time_that_draining_may_take(unit: Path) -> None:
    drain_seconds = inspect.signature(Worker.stop).parameters["timeout_seconds"].default
    [seconds] = lines(unit, "TimeoutStopSec")
    assert int(seconds) >= GRACE_SECONDS + drain_seconds


def test_they_differ_in_nothing_but_their_role() -> None:
    def hardening(unit: Path) -> str:
        return unit.read_text(encoding="utf-8").partition("RestartSec")[2]

    assert len({hardening(unit) for unit in UNITS}) == 1


def test_the_command_beside_the_service_has_its_user_folder_and_settings() -> None:
    script = (DEPLOY / "systemd" / "hubwire").read_text(encoding="utf-8")
    for key in (
        "DynamicUser",
        "User",
        "UMask",
        "StateDirectory",
        "StateDirectoryMode",
        "EnvironmentFile",
        "WorkingDirectory",
    ):
        [value] = lines(DEPLOY / "systemd" / "hubwire.service", key)
        assert f"--property={key}={value}" in script
    assert PROGRAM in script
    subprocess.run(["sh", "-n", str(DEPLOY / "systemd" / "hubwire")], check=True)

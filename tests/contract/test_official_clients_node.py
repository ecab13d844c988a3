"""HubSpot's own Node client (`@hubspot/api-client`), unmodified, against the emulator."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from hubwire.testing import running_emulator

FOLDER = Path(__file__).parent / "node_client"
TOKEN = "pat-na1-check"
PORTAL = 1234567
CHECKS = (
    "contacts",
    "merge",
    "multiStatus",
    "errors",
    "retriesOnItsOwn",
    "search",
    "properties",
    "associations",
    "events",
    "oauth",
)


@pytest.fixture(scope="module")
def results() -> dict[str, str]:
    """What each check of `check.js` said."""
    node = install()
    with running_emulator(access_token=TOKEN, portal_id=PORTAL, creates_companies_from_emails=False) as emulator:
        command = [node, "check.js", emulator.base_url, TOKEN, str(PORTAL)]
        done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    results: dict[str, str] = json.loads(done.stdout)
    return results


def install() -> str:
    """The path of `node`, with the client installed beside the check."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed: @hubspot/api-client not checked")
    if not (FOLDER / "node_modules" / "@hubspot" / "api-client").exists():
        command = [npm, "ci", "--ignore-scripts"]
        done = subprocess.run(
            command, cwd=FOLDER, capture_output=True, text=True, timeout=300, check=False, env=os.environ
        )
        if done.returncode != 0:
            pytest.skip(f"npm could not install @hubspot/api-client: {done.stderr.strip().splitlines()[-1:]}")
    return node


def test_every_check_ran(results: dict[str, str]) -> None:
    assert tuple(results) == CHECKS


@pytest.mark.parametrize("check", CHECKS)
def test_node_client(check: str, results: dict[str, str]) -> None:
    assert results[check] == "ok"

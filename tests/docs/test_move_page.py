"""The page on moving to PostgreSQL: its commands run as they stand, on an installation that is at work."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.docs.pages import DOCS, blocks, section
from tests.support.process import HUBWIRE, TOKEN, WRITE_KEY, HubwireProcess

from hubwire.testing import Emulator, running_emulator

PAGE = (DOCS / "how-to" / "move-to-postgresql.md").read_text(encoding="utf-8")
TARGET = "postgresql://hubwire@db/hubwire"


def commands(step: str) -> list[str]:
    """The commands of a step of the page."""
    return [block.text.strip() for block in blocks(section(PAGE, step)) if block.language == "sh"]


[COPY] = commands("1. Copy while the server runs")
[FINISH] = commands("2. Stop the server and finish")
SERVE, KEY = commands("3. Start on the new database")


@pytest.fixture
def hubspot() -> Iterator[Emulator]:
    with running_emulator(access_token=TOKEN) as emulator:
        yield emulator


def send(hubwire: HubwireProcess, numbers: Sequence[int]) -> None:
    batch = [
        {
            "type": "track",
            "event": "Counted",
            "messageId": f"m{number}",
            "userId": f"user-{number % 5}",
            "properties": {"number": number},
            "context": {"traits": {"email": f"user-{number % 5}@example.com"}},
        }
        for number in numbers
    ]
    body = json.dumps({"batch": batch, "writeKey": WRITE_KEY}).encode()
    with urllib.request.urlopen(f"{hubwire.url}/v1/batch", data=body, timeout=10) as response:
        assert response.status == 200


def test_an_installation_moves_as_the_page_says(tmp_path: Path, postgres_url: str, hubspot: Emulator) -> None:
    old = HubwireProcess(tmp_path, hubspot.base_url)

    def shell(command: str) -> subprocess.CompletedProcess[str]:
        environment = {**old.environment, "PATH": f"{HUBWIRE.parent}{os.pathsep}{os.environ['PATH']}"}
        return subprocess.run(
            ["bash", "-c", command.replace(TARGET, shlex.quote(postgres_url))],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    with old:
        send(old, range(20))
        copied = shell(COPY)
        assert copied.returncode == 0, copied.stderr
        assert "20 messages copied" in copied.stdout
        send(old, range(20, 30))
        too_early = shell(FINISH)
        assert too_early.returncode == 1
        assert "a server still receives into" in too_early.stderr
        old.drained()
    finished = shell(FINISH)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines()[1].split()[:2] == ["journal", "30"]
    assert "Both sides are equal" in finished.stdout
    refused = old.run("serve", check=False)
    assert refused.returncode == 1
    assert "was moved to postgresql://127.0.0.1" in refused.stderr
    assert shell(FINISH).returncode == 1

    assert f"HUBWIRE_DATABASE_URL={TARGET} hubwire serve" == SERVE
    with HubwireProcess(tmp_path, hubspot.base_url, HUBWIRE_DATABASE_URL=postgres_url) as new:
        send(new, range(10, 40))
        lane = new.drained()
    assert sorted(int(event["properties"]["number"]) for event in hubspot.events()) == list(range(40))
    assert (lane["taken"], lane["delivered"], lane["dead"]) == (40, 40, 0)


def test_other_machines_get_every_key_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "secret.key").write_text("newer=\nolder=\n")
    printed = subprocess.run(
        ["bash", "-c", f'{KEY}; printf %s "$HUBWIRE_SECRET_KEY"'],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout == "newer=,older="

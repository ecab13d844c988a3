"""Commands run in process, in a folder of their own, against an emulator on a loopback port."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from hubwire.backends.store import Store, open_store
from hubwire.cli import main
from hubwire.clock import SystemClock
from hubwire.settings import load
from hubwire.testing import Emulator, running_emulator

TOKEN = "pat-na1-not-a-real-token"
HUB = 4242


class Ran(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Shell:
    """Runs `hubwire …` as the installed command would, without a process."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        monkeypatch.chdir(folder)

    def __call__(self, *arguments: str, stdin: str = "") -> Ran:
        self._capsys.readouterr()
        self._monkeypatch.setattr(sys, "argv", ["hubwire", *arguments])
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = 0
        try:
            main()
        except SystemExit as exc:
            code = exc.code if isinstance(exc.code, int) else int(bool(exc.code))
        return Ran(code, *self._capsys.readouterr())

    def set(self, **environment: str) -> None:
        for name, value in environment.items():
            self._monkeypatch.setenv(name, value)

    def store(self) -> Store:
        """The installation's store, to look into; the caller closes it."""
        return open_store(load(), SystemClock(), appends=False)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("hubwire.privacy.forget.NOTICED_SECONDS", 0.0)
    return Shell(tmp_path, monkeypatch, capsys)


@pytest.fixture(scope="module")
def portal() -> Iterator[Emulator]:
    with running_emulator(access_token=TOKEN, portal_id=HUB) as emulator:
        yield emulator


@pytest.fixture
def emulator(portal: Emulator) -> Emulator:
    """A fresh portal: hub 4242, Enterprise, one token."""
    portal.reset()
    return portal


@pytest.fixture
def installed(shell: Shell, emulator: Emulator) -> Shell:
    """A shell in an installation with a database, whose HubSpot is the emulator."""
    shell.set(HUBSPOT_BASE_URL=emulator.base_url)
    shell.store().close()
    return shell

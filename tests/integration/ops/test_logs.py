"""The logs of a whole run: fixed words, one line per event, no e-mail, name, token or write key in any of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
import structlog
from tests.servers import free_port
from tests.support.waiting import until

from hubwire.monitoring.logs import TracebackOnce, TroubleSeldom, configure_logs, without_personal_data
from hubwire.testing import running_emulator

TOKEN = "pat-na1-a-very-secret-token"
KEY = "a-secret-write-key"
ADMIN = "a-secret-admin-token"
EMAILS = ("anna.anders@example.com", "bad@example.com", "dora@example.com")
WORD = re.compile(r"[a-z]+(?:-[a-z]+)*\.[a-z]+(?:-[a-z]+)*")
SECONDS = 60.0


class Running:
    """`hubwire serve` as a process, with all its logs."""

    def __init__(self, folder: Path, hubspot: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.environment = {
            **os.environ,
            "HUBSPOT_ACCESS_TOKEN": TOKEN,
            "HUBSPOT_BASE_URL": hubspot,
            "HUBWIRE_WRITE_KEY": KEY,
            "HUBWIRE_ADMIN_TOKEN": ADMIN,
            "HUBWIRE_LOG_LEVEL": "debug",
            "HUBWIRE_LOG_FORMAT": "json",
            "HUBWIRE_LINGER_SECONDS": "0",
        }
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(Path(sys.executable).parent / "hubwire"), "serve", "--port", str(self.port)],
                cwd=folder,
                env=self.environment,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        self.until(lambda: self.answers("/health"))

    def answers(self, path: str) -> bool:
        try:
            return httpx2.get(f"http://127.0.0.1:{self.port}{path}", timeout=2).status_code == 200
        except httpx2.HTTPError:
            return False

    def send(self, message: dict[str, Any]) -> None:
        answer = httpx2.post(f"http://127.0.0.1:{self.port}/v1/{message['type']}", json=message, auth=(KEY, ""))
        assert answer.status_code == 200

    def status(self) -> Any:
        command = [str(Path(sys.executable).parent / "hubwire"), "status", "--json"]
        return json.loads(subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True).stdout)

    def until(self, is_so: Any) -> None:
        until(lambda: self.process.poll() is not None or is_so(), SECONDS, self.log.read_text)
        assert self.process.poll() is None, self.log.read_text()

    def stop(self) -> str:
        self.process.terminate()
        self.process.wait(SECONDS)
        return self.log.read_text()


def test_no_line_of_a_run_tells_of_a_person_or_a_secret(tmp_path: Path) -> None:
    with running_emulator(access_token=TOKEN) as emulator:
        emulator.fault(method="POST", path="*contacts/batch/upsert*", occurrences=[1], status=500)
        running = Running(tmp_path, emulator.base_url)
        try:
            running.send({"type": "identify", "userId": "u-anna", "traits": {"email": EMAILS[0], "lastname": "Anders"}})
            running.send({"type": "identify", "userId": "u-bad", "traits": {"email": EMAILS[1], "lifecyclestage": "x"}})
            running.send({"type": "track", "userId": "u-anna", "event": "Bought", "properties": {"sku": "A-1"}})
            running.send({"type": "track", "event": "Nobody's"})
            httpx2.post(f"http://127.0.0.1:{running.port}/v1/identify", content=b"{", auth=(KEY, ""))
            httpx2.post(f"http://127.0.0.1:{running.port}/v1/identify", json={}, auth=("unknown-key-1234", ""))
            running.until(lambda: running.status()["is_drained"])
            emulator.fault(method="*", path="*", status=401)
            running.send({"type": "identify", "userId": "u-dora", "traits": {"email": EMAILS[2]}})
            running.until(lambda: running.status()["destinations"][0]["stopped_reason"] == "unauthorised")
        finally:
            text = running.stop()
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert any(line["event"] == "cycle.recorded" for line in lines)
    assert any(line["event"] == "lane.stopped" for line in lines)
    assert all(WORD.fullmatch(line["event"]) for line in lines), {line["event"] for line in lines}
    for secret in (*EMAILS, "Anders", "u-anna", "A-1", TOKEN, KEY, ADMIN, "unknown-key-1234"):
        assert secret not in text, secret


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Contact anna@example.com exists", "Contact [hidden] exists"),
        ("o'brien+x@mail.example.co.uk,b", "[hidden],b"),
        ("token pat-na1-0123-abcd was refused", "token [hidden] was refused"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: [hidden]"),
        ("source wk_0123456789abc", "source [hidden]"),
        ("upsert contacts in 12-13 ms", "upsert contacts in 12-13 ms"),
    ],
)
def test_what_looks_personal_or_secret_is_hidden_all_the_same(text: str, expected: str) -> None:
    assert without_personal_data(None, "info", {"event": "x.y", "detail": text})["detail"] == expected


def test_a_traceback_is_hidden_too(capsys: pytest.CaptureFixture[str]) -> None:
    before = structlog.get_config()
    try:
        configure_logs("info", "json")
        structlog.configure(cache_logger_on_first_use=False, logger_factory=structlog.PrintLoggerFactory(sys.stderr))
        try:
            raise ValueError("cannot write anna@example.com")
        except ValueError:
            structlog.get_logger("x").exception("lane.failed")
    finally:
        structlog.configure(**before)
    log = capsys.readouterr().err
    assert "ValueError" in log
    assert "anna@example.com" not in log


FORGED = "m-1\r\n2026-01-01T00:00:00Z [info     ] lane.resumed\x1b[2J\x9b31m\u2028\u202e\x00\ud800"


@pytest.mark.parametrize("form", ["json", "console"])
def test_what_somebody_wrote_begins_no_line_and_commands_no_terminal(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = structlog.get_config()
    try:
        configure_logs("info", form)
        structlog.get_logger("x").error("lane.stopped", detail=FORGED, message_id=FORGED)
        try:
            raise ValueError(FORGED)
        except ValueError:
            structlog.get_logger("x").exception("message.failed", message_id=FORGED)
    finally:
        structlog.configure(**before)
    log = capsys.readouterr().err
    assert all(line.isprintable() for line in log.split("\n"))
    begun = [line for line in log.splitlines() if not line.startswith("    ") and line]
    assert [re.findall(r"lane\.stopped|message\.failed", line) for line in begun] == [
        ["lane.stopped"],
        ["message.failed"],
    ]
    if form == "json":
        assert [json.loads(line)["message_id"] for line in begun] == [FORGED, FORGED]


def test_trouble_that_goes_on_is_told_once_in_ten_seconds() -> None:
    now = [100.0]
    seldom = TroubleSeldom(lambda: now[0])

    def logged(**event: str) -> dict[str, Any] | None:
        try:
            return dict(seldom(None, "error", dict(event)))
        except structlog.DropEvent:
            return None

    away = {"event": "backend.failed", "destination": "HubSpot", "error": "connection refused"}
    assert logged(**away) == away
    for now[0] in (101.0, 105.0, 109.9):
        assert logged(**away) is None
        assert logged(event="lane.lost", destination="HubSpot") is not None, "only what says that something is away"
    assert logged(**away | {"error": "out of memory"}) is not None
    assert logged(**away | {"destination": "Other"}) is not None
    now[0] = 110.0
    assert logged(**away) == away | {"repeated": 3}
    now[0] = 121.0
    assert logged(**away) == away


def test_one_traceback_for_each_cause_wherever_it_is_logged() -> None:
    def fail(number: int) -> None:
        raise (ValueError if number % 2 else KeyError)(number)

    with structlog.testing.capture_logs([TracebackOnce()]) as lines:
        log = structlog.get_logger()
        for number in range(6):
            try:
                fail(number)
            except (ValueError, KeyError) as exc:
                log.exception("chore.failed") if number < 4 else log.error("lane.failed", exc_info=exc)
        log.error("backend.failed", error="away", exc_info=None)
    assert [bool(line.get("exc_info")) for line in lines] == [True, True, False, False, False, False, False]
    assert [line["cause"].partition(" ")[0] for line in lines[:-1]] == 3 * ["KeyError", "ValueError"]


def test_the_causes_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubwire.monitoring.logs.MAX_CAUSES", 1)
    once = TracebackOnce()
    lines = [once(None, "error", {"event": "lane.failed", "exc_info": fault()}) for fault in (KeyError, ValueError)]
    assert [line.get("exc_info") is not None for line in lines] == [True, False]

"""The database file is damaged while Hubwire runs: who sends keeps the messages, and who looks reads what to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import httpx2
from tests.support.process import WRITE_KEY, HubwireProcess
from tests.support.waiting import until

ADMIN_TOKEN = "the-admin-token-of-this-test"
PAGE_BYTES = 4096
SENT = 50


def damage(path: Path) -> None:
    """Everything but the first page becomes nonsense, and what connections remember of it is out of date."""
    db = sqlite3.connect(path)
    db.execute("UPDATE registry_version SET version = version + 1")
    db.commit()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    with path.open("r+b") as file:
        file.seek(PAGE_BYTES)
        file.write(b"\x55" * (path.stat().st_size - PAGE_BYTES))


def test_a_damaged_database_refuses_uploads_and_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "data" / "hubwire.db"
    with HubwireProcess(tmp_path, HUBWIRE_ADMIN_TOKEN=ADMIN_TOKEN) as process:

        def send(number: int) -> httpx2.Response:
            body = {"userId": f"u{number}", "messageId": f"m{number}", "traits": {"email": f"p{number}@example.org"}}
            return httpx2.post(f"{process.url}/v1/identify", json=body, auth=(WRITE_KEY, ""), timeout=30)

        assert {send(number).status_code for number in range(SENT)} == {200}
        process.drained()
        damage(path)
        refused = send(SENT)
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        assert int(refused.headers["retry-after"]) > 0
        assert str(path) not in refused.text, "a sender has no business with our files"
        until(lambda: httpx2.get(f"{process.url}/ready").status_code == 503, 60, lambda: process.output)
        assert "is damaged" in httpx2.get(f"{process.url}/ready").json()["message"]
        headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}
        for given_path in ("/api/v1/status", "/api/v1/messages", "/metrics", "/?format=json"):
            answer = httpx2.get(f"{process.url}{given_path}", headers=headers, timeout=30)
            assert (answer.status_code, answer.json()["code"]) == (503, "database-damaged"), given_path
            assert answer.json()["message"].endswith("restore a backup")
        assert "PRAGMA integrity_check" in httpx2.get(f"{process.url}/api/v1/status", headers=headers).json()["hint"]
        finished = process.run("status", check=False)
        assert (finished.returncode, "restore a backup" in finished.stderr, finished.stdout) == (1, True, "")
        process.await_output("chore.failed")
    assert "Traceback" not in process.output
    assert "restore a backup" in process.output

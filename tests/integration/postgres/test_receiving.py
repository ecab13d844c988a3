"""Uploads over PostgreSQL through the real process: none where it only delivers; while the database is away they hear
so, and nothing is kept twice when it is back.
"""

from __future__ import annotations

from pathlib import Path

import httpx2
import psycopg
from tests.servers import PostgresServer
from tests.support.process import TOKEN, WRITE_KEY, HubwireProcess
from tests.support.waiting import until

UPLOAD = {"userId": "u1", "event": "Bought"}


def in_role(folder: Path, own_server: PostgresServer, role: str) -> HubwireProcess:
    settings = {"HUBWIRE_DATABASE_URL": own_server.url(), "HUBSPOT_ACCESS_TOKEN": TOKEN, "HUBWIRE_ROLE": role}
    return HubwireProcess(folder, None, **settings)


def kept(own_server: PostgresServer) -> int:
    with psycopg.connect(own_server.url()) as db:
        row = db.execute("SELECT count(*) FROM journal").fetchone()
    assert row is not None
    return int(row[0])


def test_a_process_that_only_delivers_takes_no_upload(tmp_path: Path, own_server: PostgresServer) -> None:
    with in_role(tmp_path, own_server, "deliver") as process:
        answer = httpx2.post(f"{process.url}/v1/track", json=UPLOAD, auth=(WRITE_KEY, ""), timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (404, "no-such-path")
    assert "delivers only" in answer.json()["message"]
    assert kept(own_server) == 0


def test_while_the_database_is_away_an_upload_hears_so_and_is_kept_once_afterwards(
    tmp_path: Path, own_server: PostgresServer
) -> None:
    with (
        in_role(tmp_path, own_server, "receive") as process,
        httpx2.Client(base_url=process.url, auth=(WRITE_KEY, ""), timeout=30) as caller,
    ):
        assert caller.post("/v1/track", json=UPLOAD).status_code == 200
        own_server.stop()
        refused = caller.post("/v1/track", json=UPLOAD)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "3")
        own_server.start()
        until(lambda: caller.post("/v1/track", json=UPLOAD).status_code == 200)
    assert kept(own_server) == 2

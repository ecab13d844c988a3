"""Uploads over PostgreSQL through the real process: none where it only delivers; while the database is away they hear
so, and nothing is kept twice when it is back.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import psycopg
import pytest
from tests.servers import PostgresServer
from tests.support.process import TOKEN, WRITE_KEY, HubwireProcess
from tests.support.waiting import until

UPLOAD = {"userId": "u1", "event": "Bought"}


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    missing = PostgresServer.why_not()
    if missing is not None:
        pytest.skip(missing)
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


def in_role(folder: Path, server: PostgresServer, role: str) -> HubwireProcess:
    settings = {"HUBWIRE_DATABASE_URL": server.url(), "HUBSPOT_ACCESS_TOKEN": TOKEN, "HUBWIRE_ROLE": role}
    return HubwireProcess(folder, None, **settings)


def kept(server: PostgresServer) -> int:
    with psycopg.connect(server.url()) as db:
        row = db.execute("SELECT count(*) FROM journal").fetchone()
    assert row is not None
    return int(row[0])


def test_a_process_that_only_delivers_takes_no_upload(tmp_path: Path, server: PostgresServer) -> None:
    with in_role(tmp_path, server, "deliver") as process:
        answer = httpx2.post(f"{process.url}/v1/track", json=UPLOAD, auth=(WRITE_KEY, ""), timeout=30)
    assert answer.status_code in (404, 405)
    assert kept(server) == 0


def test_while_the_database_is_away_an_upload_hears_so_and_is_kept_once_afterwards(
    tmp_path: Path, server: PostgresServer
) -> None:
    with (
        in_role(tmp_path, server, "receive") as process,
        httpx2.Client(base_url=process.url, auth=(WRITE_KEY, ""), timeout=30) as caller,
    ):
        assert caller.post("/v1/track", json=UPLOAD).status_code == 200
        server.stop()
        refused = caller.post("/v1/track", json=UPLOAD)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "3")
        server.start()
        until(lambda: caller.post("/v1/track", json=UPLOAD).status_code == 200)
    assert kept(server) == 2

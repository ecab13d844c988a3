"""`/ready` tells a balancer whether to send here: not while the database is away. `/health` stays well."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

import pytest
from tests.servers import PostgresServer
from tests.support.process import TOKEN, HubwireProcess
from tests.support.waiting import until

CHANGE_SECONDS = 30.0


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=15) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as exc:
        return exc.code


def wait_for(url: str, expected: int) -> None:
    until(lambda: status(url) == expected, CHANGE_SECONDS, lambda: f"{url} is {status(url)}")


def test_a_receiver_is_ready_while_its_database_answers(tmp_path: Path) -> None:
    missing = PostgresServer.why_not()
    if missing is not None:
        pytest.skip(missing)
    server = PostgresServer()
    try:
        server.start()
        settings = {"HUBWIRE_DATABASE_URL": server.url(), "HUBSPOT_ACCESS_TOKEN": TOKEN, "HUBWIRE_ROLE": "receive"}
        with HubwireProcess(tmp_path, None, **settings) as process:
            ready = f"{process.url}/ready"
            assert status(ready) == 200
            server.stop()
            wait_for(ready, 503)
            assert status(f"{process.url}/health") == 200
            server.start()
            wait_for(ready, 200)
    finally:
        server.remove()

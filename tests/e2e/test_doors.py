"""What answers beside console, admin API and tracking paths: each door has its own key, and no other key opens it."""

from __future__ import annotations

from pathlib import Path

import httpx2
from tests.support.process import WRITE_KEY, HubwireProcess

ADMIN_TOKEN = "the-admin-token-of-this-test"
METRICS_TOKEN = "the-metrics-token-of-this-test"


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_each_door_takes_its_own_key_only(tmp_path: Path) -> None:
    settings = {"HUBWIRE_ADMIN_TOKEN": ADMIN_TOKEN, "HUBWIRE_METRICS_TOKEN": METRICS_TOKEN}
    line = b'{"type":"page","userId":"1","messageId":"m1"}\n'
    with HubwireProcess(tmp_path, **settings) as process, httpx2.Client(base_url=process.url, timeout=30) as http:
        for headers in ({}, bearer("x" * 5000), bearer(ADMIN_TOKEN), bearer(METRICS_TOKEN)):
            request = {"source": "server", "first_line": "1"}
            answer = http.post("/api/v1/import", params=request, content=line, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthorised")
        for headers in ({}, bearer(ADMIN_TOKEN), bearer(WRITE_KEY)):
            assert http.get("/metrics", headers=headers).status_code == 401
        assert http.get("/metrics", headers=bearer(METRICS_TOKEN)).status_code == 200
        for token in (METRICS_TOKEN, WRITE_KEY):
            assert http.get("/api/v1/status", headers=bearer(token)).status_code == 401
        assert http.post("/v1/track", json={"userId": "1", "event": "x"}, auth=(ADMIN_TOKEN, "")).status_code == 401
        assert http.get("/api/v1/status", headers=bearer(ADMIN_TOKEN)).json()["last_position"] == 0
        for path in ("/health", "/ready"):
            assert set(http.get(path).json()) <= {"status", "version"}


def test_metrics_without_a_token_are_for_this_machine_and_not_for_who_comes_through_a_proxy(tmp_path: Path) -> None:
    with HubwireProcess(tmp_path) as process, httpx2.Client(base_url=process.url) as http:
        assert http.get("/metrics").status_code == 200
        for name in ("x-forwarded-for", "forwarded", "x-real-ip"):
            assert http.get("/metrics", headers={name: "203.0.113.7"}).status_code == 401

"""A deletion request, end to end: gone from HubSpot, gone here, and kept out afterwards."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from tests.support.process import TOKEN, WRITE_KEY, HubwireProcess

from hubwire.testing import running_emulator


def send(url: str, message: Mapping[str, object]) -> None:
    body = json.dumps({**message, "writeKey": WRITE_KEY}).encode()
    with urllib.request.urlopen(f"{url}/v1/{message['type']}", data=body, timeout=60) as response:
        assert response.status == 200


def test_a_forgotten_person_is_gone_everywhere_and_stays_out(tmp_path: Path) -> None:
    person = {"type": "identify", "userId": "42", "messageId": "m-1", "traits": {"email": "gone@example.com"}}
    with (
        running_emulator(access_token=TOKEN) as hubspot,
        HubwireProcess(tmp_path, hubspot.base_url, HUBWIRE_ADMIN_TOKEN="an-admin-token") as hubwire,
    ):
        send(hubwire.url, person)
        assert hubwire.drained()["delivered"] == 1
        receipt = json.loads(hubwire.run("forget", "gone@example.com", "--yes", "--json").stdout)
        assert receipt["state"] == "FINISHED"
        assert hubspot.contacts() == []
        assert b"gone@example.com" not in (tmp_path / "data" / "hubwire.db").read_bytes()
        send(hubwire.url, {**person, "messageId": "m-2"})
        hubwire.drained()
        assert json.loads(hubwire.run("messages", "--user", "42", "--json").stdout) == []
        assert hubspot.contacts() == []
    assert "gone@example.com" not in hubwire.output

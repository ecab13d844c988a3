"""One bad trait of each kind: the good ones go in one call, and the command line says what became of the others."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

from tests.support.process import TOKEN, WRITE_KEY, HubwireProcess

from hubwire.testing import running_emulator

PROPERTIES = [
    {"name": "seats", "type": "number", "fieldType": "number"},
    {"name": "size", "type": "enumeration", "fieldType": "select", "options": [{"value": "s", "label": "Small"}]},
    {"name": "motto", "type": "string", "fieldType": "text"},
    {"name": "renewal", "type": "date", "fieldType": "date"},
    {"name": "score", "type": "number", "fieldType": "number", "modificationMetadata": {"readOnlyValue": True}},
]
GOOD = {"firstName": "Ada", "lastName": "Lovelace", "address": {"city": "London"}}
BAD = {
    "shoeSize": 37,
    "seats": "many",
    "size": "colossal",
    "motto": "x" * 70_000,
    "score": 7,
    "renewal": "next spring",
}
REASONS = {
    "traits.shoeSize": "unknown-property",
    "traits.seats": "wrong-type",
    "traits.size": "not-an-option",
    "traits.motto": "too-long",
    "traits.score": "read-only-property",
    "traits.renewal": "bad-date",
}


def test_one_bad_trait_of_each_kind_leaves_the_good_ones_and_is_reported_with_its_reason(tmp_path: Path) -> None:
    with running_emulator(access_token=TOKEN) as hubspot:
        hubspot.seed(properties={"contacts": PROPERTIES})
        with HubwireProcess(tmp_path, hubspot.base_url, HUBWIRE_MAX_MESSAGE_BYTES="131072") as hubwire:
            message = {
                "userId": "1",
                "messageId": "ada-1",
                "traits": {"email": "ada@example.com", **GOOD, **BAD},
                "writeKey": WRITE_KEY,
            }
            request = urllib.request.Request(f"{hubwire.url}/v1/identify", data=json.dumps(message).encode())
            with urllib.request.urlopen(request, timeout=60) as response:
                assert response.status == 200
            assert hubwire.drained()["delivered"] == 1
            [shown] = json.loads(hubwire.run("message", "ada-1", "--json").stdout)
            for_people = hubwire.run("message", "ada-1").stdout
        [contact] = hubspot.contacts()
        writes = {call: n for call, n in hubspot.stats()["calls"].items() if "contacts/batch" in call}
    properties = contact["properties"]
    assert (properties["firstname"], properties["lastname"], properties["city"]) == ("Ada", "Lovelace", "London")
    assert not {"seats", "size", "motto", "renewal", "score"} & properties.keys()
    assert writes == {"POST /crm/objects/2026-09/contacts/batch/upsert": 1}
    fate = shown["summary"]["fates"][0]
    assert fate["state"] == "delivered"
    assert {item["field"]: item["reason"] for item in fate["left_out"]} == REASONS
    for field, reason in REASONS.items():
        assert field in for_people
        assert reason in for_people

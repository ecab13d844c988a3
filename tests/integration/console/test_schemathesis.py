"""Schemathesis against the admin API of a real process, with an admin's token: whatever it makes up, the answers are
those of the API document, what the document allows is taken, what it forbids is refused, and nothing without a token.

A call that is allowed is made on things that are there: what it removes is put there first, so nothing that the next
call needs is ever gone. Whatever reaches HubSpot reaches the emulator.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.support.process import TOKEN, HubwireProcess, ndjson

from hubwire.api.openapi import document
from hubwire.api.table import OPERATIONS
from hubwire.testing import running_emulator

ADMIN_TOKEN = "the-admin-token-of-this-test"
EXAMPLES = 8
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    positive_data_acceptance,
    negative_data_rejection,
]
MESSAGES: list[dict[str, Any]] = [
    {"type": "identify", "userId": "u1", "messageId": "m-1", "traits": {"email": "paula@example.org", "plan": "Gold"}},
    {"type": "track", "userId": "nobody", "messageId": "m-2", "event": "Bought Item"},
    {"type": "page", "userId": "u1", "messageId": "m-3", "name": "Pricing"},
]

RULE = {"name": "Plan", "trigger": 'event = "Plan Changed"', "object": "contact", "properties": {"jobtitle": "x"}}
RULE_BODIES: dict[str, Any] = {
    "add-rule": {**RULE, "name": "Second", "properties": {"city": "$.properties.city"}, "position": 1},
    "replace-rule": RULE,
    "replace-rules": {"rules": [RULE]},
    "test-rules": {"rule": RULE, "message": MESSAGES[0]},
}
"""Rules that make sense: the document cannot describe their languages."""

schema = schemathesis.openapi.from_dict(document(OPERATIONS))
schema.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])


@dataclass
class Installation:
    """A server, and an admin who puts there what a call is about."""

    url: str
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    is_guarded: set[str] = field(default_factory=set)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {ADMIN_TOKEN}"}

    def call(self, method: str, path: str, **body: Any) -> Any:
        answer = httpx2.request(method, f"{self.url}/api/v1{path}", headers=self.headers, json=body or None, timeout=30)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def allow(self, case: schemathesis.Case[Any], operation: str) -> None:
        """Make a call that the document allows one that makes sense here."""
        known = self.there(set(case.path_parameters or {}))
        case.path_parameters = {name: quote(known[name], safe="") for name in case.path_parameters or {}}
        if operation == "plan-stored":
            case.query = {**case.query, "message_id": "m-1", "destination": "hubspot"}
        body: Any = case.body
        for fields in (case.query, body):
            # Which part of a replay, but not of which one.
            if isinstance(fields, dict) and fields.get("replay") is None:
                fields.pop("replay_part", None)
        if isinstance(body, dict):
            case.body = body = whole(body)
            if body.get("subjectType") == "EMAIL":
                body["subjectIds"] = [f"person{number}@example.com" for number, _ in enumerate(body["subjectIds"])]
            if body.get("token") is not None:
                # HubSpot, here the emulator, accepts one token, and it belongs to one hub.
                body["token"] = TOKEN
                body.pop("hub_id", None)
            if "day_zone" in body:
                body["day_zone"] = "Europe/Berlin"
            if operation == "change-alert-settings":
                # The test of the alerts sends to this address. The three settings of e-mail belong together.
                body["alert_webhook_url"] = "http://127.0.0.1:9/"
                for name in ("alert_email_to", "alert_email_from", "smtp_url"):
                    body.pop(name, None)
            if operation in ("snooze", "wake"):
                body["destination"] = "hubspot"
            if operation == "apply-schema":
                body["items"] = None
            if operation == "snooze":
                body.update({"for": "24h", "until": None})
            case.body = RULE_BODIES.get(operation, body)

    def there(self, names: set[str]) -> dict[str, str]:
        """What is there for an operation to work on, by the names of its path; of its own, as it may remove it."""
        if "message_id" in names:
            return {"message_id": "m-1"}
        if "replay_id" in names:
            return {"replay_id": str(self.call("POST", "/replay", state="held")["replay"]["replay_id"])}
        if "regulation_id" in names:
            request = {"regulationType": "SUPPRESS_ONLY", "subjectType": "USER_ID", "subjectIds": ["u9"]}
            return {"regulation_id": self.call("POST", "/regulations", **request)["data"]["regulateId"]}
        own = f"own-{next(self.numbers)}"
        if "source_id" in names:
            answer = self.call("POST", "/sources", name=own)
            return {"source_id": own, "key": answer["write_keys"][0]["key_id"]}
        if "destination_id" in names:
            self.call("POST", "/destinations", name=own, token=TOKEN, is_paused=True)
            if "rule_name" in names:
                self.call("POST", f"/destinations/{own}/rules", **RULE)
            return {"destination_id": own, "rule_name": str(RULE["name"])}
        return {}


def whole(value: Any) -> Any:
    """A JSON value whose whole numbers are written as such: 525 and not 525.0, which is the same in a JSON Schema."""
    if isinstance(value, dict):
        return {name: whole(part) for name, part in value.items()}
    if isinstance(value, list):
        return [whole(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@pytest.fixture(scope="module", params=["process"])  # without any, pytest gives all operations' tests one id
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder: Path = tmp_path_factory.mktemp("schemathesis")
    with (
        running_emulator(access_token=TOKEN) as hubspot,
        HubwireProcess(
            folder, hubspot.base_url, HUBWIRE_ADMIN_TOKEN=ADMIN_TOKEN, HUBWIRE_TRUSTED_PROXIES="127.0.0.1"
        ) as process,
    ):
        # So many destinations of one portal would wait for each other.
        hubspot.set_limits(burst=100_000)
        process.run("import", "-", "--source", "server", text=ndjson(MESSAGES))
        process.drained()
        yield Installation(process.url)


@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_answers_are_those_of_the_document(case: schemathesis.Case[Any], installation: Installation) -> None:
    operation = case.operation.definition.raw["operationId"]
    assert case.meta is not None
    if case.meta.generation.mode.is_positive:
        installation.allow(case, operation)
    # Once each, and each from an address of its own: a token that is not known counts, and fifty of them lock one.
    checks = CHECKS if operation in installation.is_guarded else [*CHECKS, ignored_auth]
    headers = {**installation.headers, "X-Forwarded-For": f"192.0.2.{len(installation.is_guarded)}"}
    answer = case.call_and_validate(base_url=installation.url, headers=headers, checks=checks)
    if answer.status_code < 300:
        installation.is_guarded.add(operation)


def test_every_operation_was_done_and_asked_for_its_token(installation: Installation) -> None:
    assert installation.is_guarded == {operation.name for operation in OPERATIONS}

"""Seeded forms of the emulator, and what a deletion for privacy leaves of a person."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hubwire.hubspot.form_definitions import FormDefinition, forms_of
from hubwire.testing import Emulator

FIELDS = [{"name": "email", "required": True}, {"name": "plan", "options": ["free", "pro"]}]


def submit(emulator: Emulator, form: str, secure: bool = True, **values: str) -> tuple[int, list[str]]:
    path = f"/submissions/v3/integration/{'secure/' if secure else ''}submit/1234567/{form}"
    fields = [{"objectTypeId": "0-1", "name": name, "value": value} for name, value in values.items()]
    answer = emulator.call("POST", path, {"fields": fields})
    errors: list[dict[str, Any]] = (answer.body or {}).get("errors", [])
    return answer.status, [error["errorType"] for error in errors]


@pytest.fixture
def emulator() -> Emulator:
    new_emulator = Emulator(portal_id=1234567)
    new_emulator.seed(forms=[{"id": "f1", "fields": FIELDS}, {"id": "f2", "captcha": True}])
    return new_emulator


def test_a_form_refuses_what_its_definition_forbids(emulator: Emulator) -> None:
    assert submit(emulator, "f1", email="a@acme.com", plan="pro") == (200, [])
    assert submit(emulator, "f1", plan="pro") == (400, ["REQUIRED_FIELD"])
    assert submit(emulator, "f1", email="a@acme.com", plan="gold") == (400, ["VALUE_NOT_IN_FIELD_DEFINITION"])
    assert submit(emulator, "f2", email="a@acme.com") == (400, ["FORM_HAS_RECAPTCHA_ENABLED"])
    assert submit(emulator, "f3", email="a@acme.com")[0] == 404


def test_only_a_call_with_a_token_may_carry_other_fields(emulator: Emulator) -> None:
    assert submit(emulator, "f1", email="a@acme.com", other="x") == (200, [])
    refused = submit(emulator, "f1", secure=False, email="a@acme.com", other="x")
    assert refused == (400, ["FIELD_NOT_IN_FORM_DEFINITION"])


def test_a_deletion_for_privacy_takes_lists_subscriptions_and_submissions_along(emulator: Emulator) -> None:
    submit(emulator, "f1", email="a@acme.com")
    [contact] = emulator.contacts()
    emulator.seed(lists=[{"name": "VIP", "members": [contact["id"]]}])
    body = {"subscriptionId": 101, "statusState": "SUBSCRIBED", "channel": "EMAIL"}
    emulator.call("POST", "/communication-preferences/2026-09/statuses/a@acme.com", body)
    deleted = {"objectId": "a@acme.com", "idProperty": "email"}
    assert emulator.call("POST", "/crm/objects/2026-09/contacts/gdpr-delete", deleted).status == 204
    assert emulator.call("GET", "/_emulator/subscriptions").body["results"] == {}
    assert emulator.call("GET", "/_emulator/submissions").body["results"] == []
    assert [found["members"] for found in emulator.call("GET", "/_emulator/lists").body["results"]] == [[]]
    assert submit(emulator, "f1", email="a@acme.com") == (400, ["BLOCKED_EMAIL"])


def test_the_forms_are_listed_with_their_fields_page_by_page(emulator: Emulator) -> None:
    emulator.seed(
        forms=[{"id": "f3", "name": "Trial", "fields": [{"name": "name", "objectTypeId": "0-2", "label": "Company"}]}]
    )
    first = emulator.call("GET", "/marketing/v3/forms?limit=2").body
    second = emulator.call("GET", f"/marketing/v3/forms?limit=2&after={first['paging']['next']['after']}").body
    forms, after = forms_of(msgspec.json.encode({"results": [*first["results"], *second["results"]]}))
    assert forms == [
        FormDefinition("f1", "f1", {"email": "email", "plan": "plan"}),
        FormDefinition("f2", "f2", {}),
        FormDefinition("f3", "Trial", {"company.name": "Company"}),
    ]
    assert after is None
    assert "paging" not in second

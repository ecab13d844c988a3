"""A dry run shows what rules about lists, subscriptions and forms would do, and the requests."""

from __future__ import annotations

import json

from hubwire.deliver.preview import preview
from hubwire.destination import Destination, Source
from hubwire.message import JournalRow
from hubwire.plan.default_portal import default_portal
from hubwire.rule import Rule

FORM = "1b2c3d4e-0000-4000-8000-1234567890ab"
RULES = (
    Rule(name="List", trigger='type = "identify"', list="VIP", member="$.traits.vip"),
    Rule(name="News", trigger='type = "identify"', subscription="101", status="unsubscribed"),
    Rule(name="Form", trigger='type = "identify"', form=FORM, fields={"company.name": "$.traits.firm"}),
)


def test_a_dry_run_shows_the_operations_and_their_requests() -> None:
    destination = Destination(destination_id=1, name="hubspot", rules=RULES)
    body = {
        "type": "identify",
        "userId": "u",
        "messageId": "m",
        "traits": {"email": "ann@acme.com", "vip": True, "firm": "Acme"},
    }
    row = JournalRow(1, 1, "m", 1_790_000_000_000, json.dumps(body).encode(), None, False, None)
    sources = {1: Source(source_id=1, name="server")}
    [run], _ = preview([row], destination, sources, default_portal("1234567"), lambda keys: {})
    shown = {operation.kind: (operation.key, operation.note) for operation in run.operations}
    assert shown["put on list"] == ("VIP", "ann@acme.com")
    assert shown["set subscription"] == ("101", "ann@acme.com: UNSUBSCRIBED")
    assert shown["submit form"] == (FORM, "ann@acme.com")
    requests = {request.path: request.body for request in run.requests}
    assert requests["/crm/lists/2026-09/LIST_ID/memberships/add-and-remove"] == {
        "recordIdsToAdd": ["<contact ann@acme.com>"],
        "recordIdsToRemove": [],
    }
    assert requests["/communication-preferences/2026-09/statuses/ann%40acme.com"]["statusState"] == "UNSUBSCRIBED"
    fields = requests[f"/submissions/v3/integration/secure/submit/1234567/{FORM}"]["fields"]
    assert {(field["objectTypeId"], field["name"]) for field in fields} == {("0-1", "email"), ("0-2", "name")}

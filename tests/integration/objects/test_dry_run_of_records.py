"""A dry run shows how a rule's record is associated."""

from __future__ import annotations

import json

from hubwire.deliver.preview import preview
from hubwire.destination import Destination, Source
from hubwire.message import JournalRow
from hubwire.plan.default_portal import default_portal
from hubwire.rule import Association, Rule


def test_a_dry_run_says_that_an_association_needs_a_new_record() -> None:
    rule = Rule(
        name="Trial",
        trigger='type = "identify"',
        object="company",
        key={"domain": "$.traits.site"},
        mode="create",
        properties={"name": "$.traits.firm"},
        associate=(Association(object="contact", label="Owner"),),
    )
    destination = Destination(destination_id=1, name="hubspot", rules=(rule,))
    traits = {"email": "ann@acme.com", "site": "acme.com", "firm": "Acme"}
    body = json.dumps({"type": "identify", "userId": "u", "messageId": "m", "traits": traits}).encode()
    row = JournalRow(1, 1, "m", 1_790_000_000_000, body, None, False, None)
    sources = {1: Source(source_id=1, name="server")}
    [run], _ = preview([row], destination, sources, default_portal("1234567"), lambda keys: {})
    notes = [operation.note for operation in run.operations if "associate" in operation.kind]
    assert notes == ["label Owner, only if this message creates the company"]

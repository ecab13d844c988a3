"""`hubwire schema`: what the portal lacks for the journal's newest messages, typed; created when asked."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from tests.integration.ops.conftest import TOKEN, Shell

from hubwire.destination import Source, SourceKind
from hubwire.manage.schema import plan
from hubwire.manage.schema.plan import common_type
from hubwire.message import Entry
from hubwire.testing import Emulator

SERVER, WEB = 1, 2


@pytest.fixture
def ready(installed: Shell, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Shell:
    emulator.set_limits(property_lag_seconds=0)
    monkeypatch.setattr(plan, "PROPERTY_LAG_SECONDS", 0)
    installed("destination", "add", "hubspot", "--token-stdin", stdin=TOKEN)
    store = installed.store()
    store.registry.save_source(Source(source_id=0, name="api"))
    store.registry.save_source(
        Source(source_id=0, name="website", kind=SourceKind.WEB, identity_space="source:website")
    )
    store.close()
    return installed


def journal(shell: Shell, source_id: int, *messages: dict[str, Any]) -> None:
    store = shell.store()
    at = store.journal.extent().last
    store.journal.append(
        [
            Entry(source_id, f"m{at + number}", 1_790_000_000_000, json.dumps(message).encode())
            for number, message in enumerate(messages)
        ]
    )
    store.journal.close()
    store.close()


def identify(**traits: Any) -> dict[str, Any]:
    return {"type": "identify", "userId": "1", "traits": {"email": "anna@example.com", **traits}}


def track(event: str, **properties: Any) -> dict[str, Any]:
    return {"type": "track", "userId": "1", "event": event, "properties": {"email": "anna@example.com", **properties}}


def test_what_is_missing_is_listed_with_types_and_nothing_is_created(ready: Shell, emulator: Emulator) -> None:
    journal(ready, SERVER, identify(firstname="Anna", plan="gold", seats=3), identify(seats="many", vip=True))
    journal(ready, WEB, identify(plan="gold", theme="dark"))
    journal(ready, SERVER, track("Signed Up", source="ad", cost=1.5))
    found = ready("schema", "plan", "--json").json
    assert [
        (definition["name"], definition["type"], definition["is_public_only"]) for definition in found["properties"]
    ] == [
        ("plan", "string", False),
        ("seats", "string", False),
        ("theme", "string", True),
        ("vip", "bool", False),
    ]
    [event] = found["events"]
    assert (event["label"], event["properties"], event["is_new"]) == (
        "Signed Up",
        {"cost": "number", "source": "string"},
        True,
    )
    assert found["message_count"] == 4
    assert "plan" not in {definition["name"] for definition in emulator.properties("contacts")}
    assert emulator.event_definitions() == []


def test_applying_creates_it_and_then_nothing_is_missing(ready: Shell, emulator: Emulator) -> None:
    journal(ready, SERVER, identify(plan="gold"), track("Signed Up", cost=1.5))
    journal(ready, WEB, identify(theme="dark"))
    assert ready("schema", "apply", stdin="n\n").code == 1
    assert emulator.event_definitions() == []
    assert ready("schema", "apply", "--yes").code == 0
    names = {definition["name"] for definition in emulator.properties("contacts")}
    assert "plan" in names
    assert "theme" not in names
    assert len(emulator.event_definitions()) == 1
    left = ready("schema", "plan", "--json").json
    assert [definition["name"] for definition in left["properties"]] == ["theme"]
    assert left["events"] == []
    assert ready("schema", "apply", "--yes", "--public").code == 0
    assert "theme" in {definition["name"] for definition in emulator.properties("contacts")}


def test_an_event_that_exists_gets_the_properties_that_it_lacks(ready: Shell, emulator: Emulator) -> None:
    journal(ready, SERVER, track("Signed Up", cost=1.5))
    ready("schema", "apply", "--yes")
    journal(ready, SERVER, track("Signed Up", colour="red"))
    [event] = ready("schema", "plan", "--json").json["events"]
    assert (event["is_new"], event["properties"]) == (False, {"colour": "string"})
    assert ready("schema", "apply", "--yes").code == 0
    assert ready("schema", "plan", "--json").json["events"] == []


def test_only_the_newest_messages_count(ready: Shell) -> None:
    journal(ready, SERVER, identify(old="x"), identify(new="x"))
    found = ready("schema", "plan", "--messages", "1", "--json").json
    assert [definition["name"] for definition in found["properties"]] == ["new"]


def test_a_portal_without_custom_events_is_told(ready: Shell, emulator: Emulator) -> None:
    emulator.set_portal(tier="professional")
    journal(ready, SERVER, track("Signed Up"))
    ran = ready("schema", "plan")
    assert ran.code == 0
    assert "not available" in ran.out


def test_several_destinations_must_be_named(ready: Shell) -> None:
    ready("destination", "add", "second", "--token-stdin", stdin=TOKEN)
    ran = ready("schema", "plan")
    assert ran.code == 1
    assert "hubspot, second" in ran.err


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ({"number"}, "number"),
        ({"number", "string"}, "string"),
        ({"date", "datetime"}, "datetime"),
        ({"bool", "number"}, "string"),
        ({"date", "datetime", "number"}, "string"),
    ],
)
def test_a_type_that_takes_all_values(kinds: set[str], expected: str) -> None:
    assert common_type(kinds) == expected


def states(found: dict[str, Any], object_type: str) -> dict[str, str]:
    return {entry["name"]: entry["state"] for entry in found["entries"] if entry["object_type"] == object_type}


def test_what_messages_bring_is_shown_beside_what_the_portal_has(ready: Shell, emulator: Emulator) -> None:
    for name in ("seats", "tier", "nobody", "mapped"):
        path = "/crm/properties/2026-09/contacts"
        definition = {
            "name": name,
            "label": name,
            "type": "number",
            "fieldType": "number",
            "groupName": "contactinformation",
        }
        assert emulator.call("POST", path, definition).status == 201
    assert emulator.call("DELETE", "/crm/properties/2026-09/contacts/tier").status == 204
    store = ready.store()
    [hubspot] = store.registry.destinations().values()
    mapping = msgspec.structs.replace(hubspot.mapping, contact={"rank": "mapped"})
    store.registry.save_destination(msgspec.structs.replace(hubspot, mapping=mapping))
    store.close()
    journal(ready, SERVER, identify(firstname="Anna", seats="many", tier=1), identify(seats=3, plan="gold"))
    found = ready("schema", "plan", "--json").json
    assert states(found, "contact") == {
        "plan": "missing",
        "seats": "type differs",
        "tier": "archived",
        "firstname": "matches",
        "nobody": "unused",
    }
    [seats] = [entry for entry in found["entries"] if entry["name"] == "seats"]
    assert (seats["count"], seats["misfit_count"], seats["detail"]) == (
        2,
        1,
        "1 value does not fit: a number is expected",
    )
    assert found["quotas"][0] == {"object_type": "contact", "used": 3, "limit": 1000}
    brief, full = ready("schema", "plan").out, ready("schema", "plan", "--all").out
    assert "a number is expected" in brief
    assert "nobody" not in brief
    assert "nobody" in full


def test_events_are_compared_by_their_properties(ready: Shell, emulator: Emulator) -> None:
    theirs = [{"name": "cost", "label": "Cost", "type": "number"}]
    emulator.seed(event_definitions=[{"name": "signed_up", "label": "Signed Up", "properties": theirs}])
    journal(ready, SERVER, track("Signed Up", cost=1.5), track("Gone Again", cost=1.5))
    ready("schema", "apply", "--yes")
    hub_id = emulator.state.config.portal_id
    journal(ready, SERVER, track("Signed Up", cost=["much"], source="ad"))
    found = ready("schema", "plan", "--messages", "1", "--json").json
    assert states(found, "event") == {f"pe{hub_id}_signed_up": "missing", f"pe{hub_id}_gone_again": "unused"}
    ready("schema", "apply", "--messages", "1", "--yes")
    found = ready("schema", "plan", "--messages", "1", "--json").json
    assert states(found, "event")[f"pe{hub_id}_signed_up"] == "type differs"
    [entry] = [entry for entry in found["entries"] if entry["misfit_count"]]
    assert entry["detail"] == "1 value does not fit: cost: a number is expected"
    assert (
        states(ready("schema", "plan", "--messages", "2", "--json").json, "event")[f"pe{hub_id}_gone_again"]
        == "matches"
    )


def test_a_text_for_a_number_that_we_created_fits_the_property_beside_it(ready: Shell, emulator: Emulator) -> None:
    journal(ready, SERVER, track("Signed Up", cost=1.5))
    ready("schema", "apply", "--yes")
    journal(ready, SERVER, track("Signed Up", cost="much"))
    ready("schema", "apply", "--messages", "1", "--yes")
    found = ready("schema", "plan", "--messages", "1", "--json").json
    assert set(states(found, "event").values()) == {"matches"}


def test_a_company_property_is_a_companys(ready: Shell) -> None:
    traits = {"website": "https://www.initech.example", "seats": 3, "industry": "no industry of hubspot"}
    journal(ready, SERVER, identify(), {"type": "group", "userId": "1", "groupId": "g", "traits": traits})
    found = ready("schema", "plan", "--json").json
    assert states(found, "company")["seats"] == "missing"
    assert states(found, "company")["industry"] == "type differs"
    assert "industry" not in states(found, "contact")


def test_what_is_created_goes_into_a_group_of_its_own_and_an_archived_one_comes_back(
    ready: Shell, emulator: Emulator
) -> None:
    journal(ready, SERVER, identify(plan="gold"))
    refused = ready("schema", "apply", "--yes", "--group", "My Group")
    assert refused.code == 1
    assert "lower-case letters" in refused.err
    assert ready("schema", "apply", "--yes", "--group", "from_segment").code == 0
    [plan] = [definition for definition in emulator.properties("contacts") if definition["name"] == "plan"]
    assert plan["groupName"] == "from_segment"
    emulator.call("DELETE", "/crm/properties/2026-09/contacts/plan")
    assert states(ready("schema", "plan", "--json").json, "contact")["plan"] == "archived"
    assert ready("schema", "apply", "--yes", "--group", "from_segment").code == 0
    assert states(ready("schema", "plan", "--json").json, "contact")["plan"] == "matches"


def test_a_portal_that_does_not_tell_its_limits_is_compared_all_the_same(ready: Shell, emulator: Emulator) -> None:
    journal(ready, SERVER, identify(plan="gold"))
    emulator.fault(method="GET", path="*limits*", status=403)
    found = ready("schema", "plan", "--json").json
    assert found["quotas"] == []
    assert states(found, "contact")["plan"] == "missing"

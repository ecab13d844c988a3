"""`hubwire schema`: what the portal lacks for the journal's newest messages, typed; created when asked."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.integration.ops.conftest import TOKEN, Shell

from hubwire.destination import Source, SourceKind
from hubwire.manage import schema_plan
from hubwire.manage.schema_plan import common_type
from hubwire.message import Entry
from hubwire.testing import Emulator

SERVER, WEB = 1, 2


@pytest.fixture
def ready(installed: Shell, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Shell:
    emulator.set_limits(property_lag_seconds=0)
    monkeypatch.setattr(schema_plan, "PROPERTY_LAG_SECONDS", 0)
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
            Entry(source_id, f"m{at + number}", 1_790_000_000_000, json.dumps(one).encode())
            for number, one in enumerate(messages)
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
    assert [(one["name"], one["type"], one["is_public_only"]) for one in found["properties"]] == [
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
    assert "plan" not in {one["name"] for one in emulator.properties("contacts")}
    assert emulator.event_definitions() == []


def test_applying_creates_it_and_then_nothing_is_missing(ready: Shell, emulator: Emulator) -> None:
    journal(ready, SERVER, identify(plan="gold"), track("Signed Up", cost=1.5))
    journal(ready, WEB, identify(theme="dark"))
    assert ready("schema", "apply", stdin="n\n").code == 1
    assert emulator.event_definitions() == []
    assert ready("schema", "apply", "--yes").code == 0
    names = {one["name"] for one in emulator.properties("contacts")}
    assert "plan" in names
    assert "theme" not in names
    assert len(emulator.event_definitions()) == 1
    left = ready("schema", "plan", "--json").json
    assert [one["name"] for one in left["properties"]] == ["theme"]
    assert left["events"] == []
    assert ready("schema", "apply", "--yes", "--public").code == 0
    assert "theme" in {one["name"] for one in emulator.properties("contacts")}


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
    assert [one["name"] for one in found["properties"]] == ["new"]


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
    ("kinds", "wanted"),
    [
        ({"number"}, "number"),
        ({"number", "string"}, "string"),
        ({"date", "datetime"}, "datetime"),
        ({"bool", "number"}, "string"),
        ({"date", "datetime", "number"}, "string"),
    ],
)
def test_a_type_that_takes_all_values(kinds: set[str], wanted: str) -> None:
    assert common_type(kinds) == wanted

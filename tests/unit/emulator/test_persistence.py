"""A portal that outlives its process."""

from __future__ import annotations

import itertools
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest

from hubwire.emulator.store.persistence import PersistenceError
from hubwire.testing import Emulator

NOON_MS = 1_790_164_800_000
CONTACTS = "/crm/objects/2026-09/contacts"
PROPERTIES = "/crm/properties/2026-09/contacts"


def opened(path: Path, **overrides: Any) -> Emulator:
    return Emulator(start_at_ms=NOON_MS, access_token="t", persistence_path=path, **overrides)


def fill(emulator: Emulator) -> None:
    kinds = {"label": "Plan", "type": "string", "fieldType": "text", "groupName": "contactinformation"}
    emulator.call("POST", PROPERTIES, {"name": "plan", "hasUniqueValue": True, **kinds})
    emulator.call("POST", PROPERTIES, {"name": "gone", **kinds})
    emulator.call("DELETE", f"{PROPERTIES}/gone")
    for email in ("ada@example.com", "bob@example.com", "cleo@example.com", "dan@example.com", "eve@example.com"):
        emulator.call("POST", CONTACTS, {"properties": {"email": email, "city": "Paris"}})
    emulator.call("PATCH", f"{CONTACTS}/101", {"properties": {"city": "Oslo", "plan": "pro"}})
    emulator.call("POST", f"{CONTACTS}/merge", {"primaryObjectId": "102", "objectIdToMerge": "103"})
    emulator.call("DELETE", f"{CONTACTS}/104")
    emulator.call("POST", f"{CONTACTS}/gdpr-delete", {"objectId": "105"})
    emulator.call("POST", "/crm/v3/objects/companies", {"properties": {"name": "Acme"}})
    emulator.call("PUT", "/crm/v4/objects/contacts/101/associations/default/companies/20001")
    definition = {"label": "Paid", "includeDefaultProperties": False, "propertyDefinitions": []}
    emulator.call("POST", "/events/v3/event-definitions", definition)
    emulator.call("POST", "/events/v3/event-definitions", {**definition, "label": "Left"})
    emulator.call("DELETE", "/events/v3/event-definitions/left")
    pay(emulator, "u1")


def pay(emulator: Emulator, uuid: str) -> None:
    event = {"eventName": "pe1234567_paid", "email": "ada@example.com", "uuid": uuid, "properties": {}}
    assert emulator.call("POST", "/events/v3/send", event).status == 204


def everything(emulator: Emulator) -> dict[str, Any]:
    kinds = ("contacts", "companies", "associations", "events", "event-definitions", "archived/contacts")
    shown = {kind: emulator.call("GET", f"/_emulator/{kind}").body for kind in kinds}
    return {**shown, "properties": emulator.properties("contacts")}


@pytest.mark.parametrize("closes", [True, False])
def test_everything_comes_back_closed_or_not(tmp_path: Path, closes: bool) -> None:
    path = tmp_path / "portal.ndjson"
    before = opened(path)
    fill(before)
    contents = everything(before)
    if not closes:
        path = Path(shutil.copy(path, tmp_path / "left-by-a-killed-process.ndjson"))
    before.app.close()
    for _ in range(2):
        after = opened(path)
        assert everything(after) == contents
        after.app.close()


def test_rules_hold_after_coming_back(tmp_path: Path) -> None:
    path = tmp_path / "portal.ndjson"
    with opened(path) as before:
        fill(before)
    with opened(path) as after:
        pay(after, "u1")
        pay(after, "u2")
        assert [event["uuid"] for event in after.events()] == ["u1", "u2"]
        assert after.call("GET", f"{CONTACTS}/103").body["id"] == "106"
        assert after.call("POST", CONTACTS, {"properties": {"email": "eve@example.com"}}).status == 400
        assert after.call("POST", CONTACTS, {"properties": {"email": "new@example.com"}}).body["id"] == "107"
        input_ = {"id": "pro", "idProperty": "plan", "properties": {"city": "Rome"}}
        upserted = after.call("POST", f"{CONTACTS}/batch/upsert", {"inputs": [input_]}).body["results"][0]
        assert (upserted["id"], upserted["new"]) == ("101", False)
        history = after.call("GET", f"{CONTACTS}/101?propertiesWithHistory=city").body["propertiesWithHistory"]
        assert [entry["value"] for entry in history["city"]] == ["Rome", "Oslo", "Paris"]
        kinds = {"label": "Gone", "type": "string", "fieldType": "text", "groupName": "contactinformation"}
        assert after.call("POST", PROPERTIES, {"name": "gone", **kinds}).status == 201
        left = {"label": "Left", "includeDefaultProperties": False, "propertyDefinitions": []}
        assert after.call("POST", "/events/v3/event-definitions", left).status == 409


def test_counts_and_uuids_outlive_events_that_are_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "portal.ndjson"
    with opened(path, keep_events=1) as before:
        fill(before)
        pay(before, "u2")
    for _ in range(2):
        with opened(path, keep_events=1) as after:
            pay(after, "u1")
            shown = after.call("GET", "/_emulator/events").body
            assert (shown["counts"], len(shown["results"])) == ({"pe1234567_paid": 2}, 1)


def test_a_line_cut_short_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "portal.ndjson"
    with opened(path) as before:
        fill(before)
        contents = everything(before)
    with path.open("ab") as file:
        file.write(b'{"record":["contacts",{"id":"1')
    with opened(path) as after:
        assert everything(after) == contents


def test_a_file_that_has_grown_is_rewritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubwire.emulator.store.persistence.COMPACT_AFTER_BYTES", 50_000)
    path = tmp_path / "portal.ndjson"
    with opened(path) as before:
        before.call("POST", CONTACTS, {"properties": {"email": "ada@example.com"}})
        sizes = []
        for number in range(300):
            before.call("PATCH", f"{CONTACTS}/101", {"properties": {"city": f"City {number}"}})
            sizes.append(path.stat().st_size)
        contents = everything(before)
    assert max(sizes) < 120_000
    assert any(later < earlier for earlier, later in itertools.pairwise(sizes))
    with opened(path) as after:
        assert everything(after) == contents


def test_reset_empties_the_file_too(tmp_path: Path) -> None:
    path = tmp_path / "portal.ndjson"
    with opened(path) as before:
        fill(before)
        before.reset()
    with opened(path) as after:
        assert after.contacts() == []
        assert after.event_definitions() == []


def test_a_file_serves_one_emulator_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "portal.ndjson"
    with opened(path), pytest.raises(PersistenceError, match="in use by another emulator"):
        opened(path)
    opened(path).app.close()


@pytest.mark.parametrize(
    ("held", "text"),
    [
        (b"not an emulator's\n", "line 1"),
        (b"no line break at all", "line 1"),
        (b"\xff\xfe\x00", "line 1"),
        (b"{}\n", "line 1 is not an emulator's: the account is missing"),
        (b"[" * 100_000 + b"\n", "line 1"),
    ],
)
def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path: Path, held: bytes, text: str) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(held)
    with pytest.raises(PersistenceError, match=text):
        opened(path)
    assert path.read_bytes() == held


@pytest.mark.parametrize(
    "line", [b"torn{", b'{"record":["butterflies",{}]}', b'{"gone":["butterflies","1"]}', b'{"counts":5}']
)
def test_a_spoiled_line_is_named_and_nothing_is_overwritten(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "portal.ndjson"
    with opened(path) as before:
        fill(before)
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([*lines[:3], line, *lines[3:], b""]))
    held = path.read_bytes()
    with pytest.raises(PersistenceError, match="line 4 is not an emulator's"):
        opened(path)
    assert path.read_bytes() == held


def test_an_empty_file_is_a_fresh_portal(tmp_path: Path) -> None:
    path = tmp_path / "portal.ndjson"
    path.touch()
    with opened(path) as emulator:
        assert emulator.contacts() == []


def test_its_owner_alone_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "portal.ndjson"
    path.touch(0o644)
    with opened(path) as emulator:
        fill(emulator)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(PersistenceError, match="Is a directory"):
        opened(tmp_path)


def test_faults_that_come_after_the_work_leave_the_work_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "portal.ndjson"
    with opened(path) as before:
        before.fault(status=504, when="after")
        before.call("POST", CONTACTS, {"properties": {"email": "ada@example.com"}})
    with opened(path) as after:
        assert len(after.contacts()) == 1

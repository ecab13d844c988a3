"""The values of records at rest."""

from __future__ import annotations

import pytest

from hubwire.emulator.store.objects import records
from hubwire.emulator.store.objects.packed import pack, unpack
from hubwire.testing import Emulator

CONTACTS = "/crm/v3/objects/contacts"


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"city": ""},
        {"city": "Rome"},
        {"city": "Rome", "zip": "", "state": "😀"},
        {"city": "a\x1fb", "zip": "1"},
        {"city": "\x1f"},
    ],
)
def test_packed_values_come_back_as_they_were(values: dict[str, str]) -> None:
    assert unpack(pack(values)) == values


def test_records_of_the_same_shape_share_their_names() -> None:
    first, _ = pack({"city": "Rome", "zip": "1"})
    second, _ = pack({"city": "Bonn", "zip": "2"})
    assert first is second


def test_a_record_at_rest_is_read_found_changed_and_remembered_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAX_AWAKE", 0)
    emulator = Emulator(start_at_ms=1_790_000_000_000, creates_companies_from_emails=False)
    for name in ("ada", "bob", "cyd"):
        emulator.call("POST", CONTACTS, {"properties": {"email": f"{name}@ex.org", "city": "Rome"}})
    ada = emulator.state.stores["contacts"].records["101"]
    assert ada.packed is not None
    assert emulator.contacts()[0]["properties"]["city"] == "Rome"
    emulator.call("PATCH", f"{CONTACTS}/101", {"properties": {"city": "Bonn"}})
    search = {"filters": [{"propertyName": "city", "operator": "EQ", "value": "Rome"}]}
    emulator.advance(1)
    assert emulator.call("POST", f"{CONTACTS}/search", search).body["total"] == 0  # none is in the index yet
    emulator.advance(5)
    assert emulator.call("POST", f"{CONTACTS}/search", search).body["total"] == 2
    shown = emulator.call("GET", f"{CONTACTS}/101?propertiesWithHistory=city").body
    assert [version["value"] for version in shown["propertiesWithHistory"]["city"]] == ["Bonn", "Rome"]
    emulator.call("PATCH", f"{CONTACTS}/102", {"properties": {"city": "Oslo"}})
    assert emulator.call("POST", f"{CONTACTS}/search", search).body["total"] == 2  # bob's change is not seen yet

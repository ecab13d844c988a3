"""Files of HubSpot's change journal: what is read of them, and what is too much."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hubwire.errors import Unreadable
from hubwire.hubspot import change_journal
from hubwire.hubspot.change_journal import decode_file

HUB_ID = "1234567"


def event(**fields: Any) -> dict[str, Any]:
    usual = {"type": "OBJECT", "portalId": int(HUB_ID), "objectTypeId": "0-1", "objectId": 101, "action": "UPDATE"}
    return {**usual, **fields}


def file_of(*events: Any) -> bytes:
    return msgspec.json.encode({"offset": "o", "journalEvents": events, "publishedAt": "2026-01-15T10:30:00Z"})


def test_an_update_has_its_new_values_and_a_merge_all_its_records() -> None:
    body = file_of(
        event(propertyChanges={"city": "Wien", "phone": None, "age": 5}),
        event(objectTypeId="0-2", action="MERGE", mergedObjectIds=[7, 8]),
    )
    update, merge = decode_file(body, HUB_ID)
    assert update.values == {"city": "Wien", "phone": None, "age": None}
    assert (merge.action, merge.record_ids, merge.values) == ("MERGE", ["101", "7", "8"], {})


def test_other_portals_and_unreadable_records_are_left_out() -> None:
    body = file_of(event(portalId=9), {"objectId": []}, 5, event(propertyChanges=["city"]))
    [change] = decode_file(body, HUB_ID)
    assert change.values == {}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"journalEvents": 5}', b"\xff", b"[" * 100_000])
def test_a_damaged_file_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable, match="not a list of changes"):
        decode_file(body, HUB_ID)


def test_a_file_with_too_much_is_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_journal, "MAX_RECORDS", 2)
    assert len(decode_file(file_of(event(), event()), HUB_ID)) == 2
    with pytest.raises(Unreadable, match="has 3 records; Hubwire reads at most 2"):
        decode_file(file_of(event(), event(), event()), HUB_ID)
    monkeypatch.setattr(change_journal, "MAX_FILE_BYTES", 10)
    with pytest.raises(Unreadable, match="Hubwire reads at most 10"):
        decode_file(file_of(event()), HUB_ID)

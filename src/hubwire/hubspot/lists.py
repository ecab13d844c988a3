"""Lists and their members: request bodies, and reading of answers. Pure.

Source: HubSpot's OpenAPI (lists) and lists guide. A write of members answers `recordsIdsAdded`, `recordIdsRemoved` and
`recordIdsMissing`; records that are on the list already are in none of them, and unknown ids are no error.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

_encode = msgspec.json.Encoder().encode

MEMBERS_PER_CALL = 500
"""Record ids of one membership write. HubSpot's guide says 100,000; integrations in public use send up to 500."""
MANUAL = frozenset({"MANUAL", "SNAPSHOT"})
"""The types of lists whose members can be set."""
DUPLICATE_NAME = "ILS.DUPLICATE_LIST_NAMES"
"""The sub-category of the 400 for a name that another list has (recorded by third parties)."""


class FoundList(NamedTuple):
    """A list of HubSpot."""

    list_id: str
    name: str
    type_id: str
    processing_type: str
    size: int | None

    @property
    def takes_members(self) -> bool:
        """True if calls can set its members; HubSpot's filters decide those of a DYNAMIC list."""
        return self.processing_type in MANUAL


class ChangedMembers(NamedTuple):
    """The answer to a write of members, as record ids."""

    added: frozenset[str]
    removed: frozenset[str]
    missing: frozenset[str]
    """Records that HubSpot does not have."""


def create_list(name: str, type_id: str) -> bytes:
    """The body of a new list without filters."""
    return _encode({"name": name, "objectTypeId": type_id, "processingType": "MANUAL"})


def change_members(add: Iterable[str], remove: Iterable[str]) -> bytes:
    """The body of a write of members; HubSpot requires both lists."""
    return _encode({"recordIdsToAdd": list(add), "recordIdsToRemove": list(remove)})


def search_lists(count: int) -> bytes:
    """The body of a search for the first lists of any object type."""
    return _encode({"query": "", "count": count, "offset": 0})


def found_lists(body: bytes) -> tuple[list[FoundList], bool]:
    """The lists that a search found, and whether these are all."""
    raw = _object(body)
    entries = raw.get("lists")
    found = [_found(entry) for entry in entries] if isinstance(entries, list) else []
    return [known for known in found if known is not None], raw.get("hasMore") is not True


def found_list(body: bytes) -> FoundList | None:
    """The list in an answer; None if there is none."""
    raw = _object(body)
    return _found(raw.get("list", raw))


def _found(entry: Any) -> FoundList | None:
    if not isinstance(entry, dict) or not entry.get("listId"):
        return None
    size = entry.get("size")
    return FoundList(
        str(entry["listId"]),
        str(entry.get("name") or ""),
        str(entry.get("objectTypeId") or ""),
        str(entry.get("processingType") or ""),
        size if isinstance(size, int) and not isinstance(size, bool) else None,
    )


def changed_members(body: bytes) -> ChangedMembers | None:
    """The members that a write changed; None if the answer does not say it.

    Shape: HubSpot writes the first name as `recordsIdsAdded`; the regular spelling is read as well.
    """
    raw = _object(body)
    added = raw.get("recordsIdsAdded", raw.get("recordIdsAdded"))
    removed = raw.get("recordIdsRemoved", raw.get("recordsIdsRemoved"))
    missing = raw.get("recordIdsMissing", raw.get("recordsIdsMissing"))
    if added is None and removed is None and missing is None:
        return None
    return ChangedMembers(_ids(added), _ids(removed), _ids(missing))


def _ids(raw: object) -> frozenset[str]:
    return frozenset(str(entry) for entry in raw) if isinstance(raw, list) else frozenset()


def _object(body: bytes) -> dict[str, Any]:
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return {}
    return raw if isinstance(raw, dict) else {}

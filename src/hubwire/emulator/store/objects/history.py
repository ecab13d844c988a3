"""The earlier values of a record's properties, each with its time and with who wrote it.

Source: HubSpot's OpenAPI (`propertiesWithHistory`: value, timestamp, sourceType, sourceId, updatedByUserId; the words
of `sourceType`). Which word HubSpot uses for its own writes (automatic companies, mirrored associations) is chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from hubwire.emulator.moments import iso, parse_moment

MAX_VERSIONS = 20


class Origin(NamedTuple):
    """Who wrote a value: HubSpot's `sourceType`, the id within it, and the person where there is one."""

    kind: str
    id: str
    user_id: int | None = None


API = Origin("INTEGRATION", "emulator")
PERSON = Origin("CRM_UI", "userId:1001", 1001)
ACCOUNT_SETTING = Origin("CRM_SETTING", "companies-by-email-domain")
ASSOCIATION = Origin("ASSOCIATIONS", "primary-company")
MERGE = Origin("MERGE_OBJECTS", "merge")
FORM = Origin("FORM", "form-submission")


class Version(NamedTuple):
    """One value of one property at one time."""

    at_ms: int
    value: str
    origin: Origin = API

    def shown(self) -> dict[str, Any]:
        """The version in the shape of `propertiesWithHistory`."""
        body = {
            "value": self.value,
            "timestamp": iso(self.at_ms),
            "sourceType": self.origin.kind,
            "sourceId": self.origin.id,
        }
        return body if self.origin.user_id is None else {**body, "updatedByUserId": self.origin.user_id}


Entry = tuple[int, str] | tuple[int, str, Origin]
History = dict[str, list[Entry]]


def entry_of(version: Version) -> Entry:
    """The version as it is kept: without the usual origin, a plain tuple that the garbage collector need not follow."""
    return (version.at_ms, version.value) if version.origin == API else (version.at_ms, version.value, version.origin)


def compact(versions: Mapping[str, Iterable[Version]] | None) -> History | None:
    """Versions by property name as they are kept."""
    if versions is None:
        return None
    return {name: [entry_of(version) for version in entries] for name, entries in versions.items()}


def versions_by_name(history: History | None) -> dict[str, list[Version]] | None:
    """The inverse of `compact`."""
    if history is None:
        return None
    return {name: [Version(*entry) for entry in entries] for name, entries in history.items()}


class ShownVersion(msgspec.Struct, rename="camel"):
    """A version as `propertiesWithHistory` shows it; what is left out is a person's."""

    value: str
    timestamp: str | int
    source_type: str = PERSON.kind
    source_id: str = PERSON.id
    updated_by_user_id: int | None = None

    def version(self) -> Version:
        """The version to keep.

        Errors: ValueError for a timestamp that is no moment.
        """
        origin = Origin(self.source_type, self.source_id, self.updated_by_user_id)
        return Version(parse_moment(self.timestamp), self.value, origin)


def versions_of(shown: Iterable[ShownVersion]) -> list[Version]:
    """Versions, oldest first, from any order."""
    return sorted((item.version() for item in shown), key=lambda version: version.at_ms)

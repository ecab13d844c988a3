"""The id by which HubSpot's history names the writes of our own app.

HubSpot tells it with each record that the app made (`hs_object_source_id`). The lane's status stores it. Hubwire relies
on it only where a history names it, because no source says that both ids are the same for every kind of app.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

STORED_NAME = "own_source_id"
SOURCE_TYPES = frozenset({"INTEGRATION", "API", ""})
"""Source types that our own writes can have. Source: HubSpot's OpenAPI, `sourceType`; private apps are integrations."""


@dataclass(slots=True)
class OwnSource:
    """`source_id` is empty until HubSpot has told it."""

    source_id: str = ""

    @classmethod
    def of(cls, status: bytes) -> OwnSource:
        """The id in a lane's stored status."""
        try:
            return cls(msgspec.json.decode(status, type=_StoredStatus).own_source_id)
        except msgspec.MsgspecError:
            return cls()

    def learn(self, properties: Mapping[str, str | None]) -> None:
        """Take the id from the properties of a record that our app has just made."""
        source_id = properties.get("hs_object_source_id")
        if source_id and properties.get("hs_object_source") in SOURCE_TYPES:
            self.source_id = source_id


class _StoredStatus(msgspec.Struct):
    """The part of a lane's stored status that matters here."""

    own_source_id: str = ""

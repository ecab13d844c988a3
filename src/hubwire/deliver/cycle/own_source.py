"""The ids by which HubSpot's history names the writes of our own app.

HubSpot tells the id with each record that the app made (`hs_object_source_id`). The lane's status stores it, also after
the destination got the token of another app. Hubwire relies on the ids only after a history named one of them, because
no source says that both ids are the same for every kind of app.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

STORED_NAME = "own_source_ids"
SOURCE_TYPES = frozenset({"INTEGRATION", "API", ""})
"""Source types that our own writes can have. Source: HubSpot's OpenAPI, `sourceType`; private apps are integrations."""
MAX_IDS = 10


@dataclass(slots=True)
class OwnSource:
    """`source_ids` is empty until HubSpot has told one; `is_named` until a history has named one."""

    source_ids: list[str] = field(default_factory=list)
    is_named: bool = False

    @classmethod
    def of(cls, status: bytes) -> OwnSource:
        """The ids in a lane's stored status."""
        try:
            return cls(list(msgspec.json.decode(status, type=_StoredStatus).own_source_ids))
        except msgspec.MsgspecError:
            return cls()

    def learn(self, properties: Mapping[str, str | None]) -> None:
        """Take the id from the properties of a record that our app has just made."""
        source_id = properties.get("hs_object_source_id")
        is_ours = properties.get("hs_object_source") in SOURCE_TYPES
        if source_id and is_ours and source_id not in self.source_ids:
            self.source_ids = [*self.source_ids, source_id][-MAX_IDS:]

    def known(self, source_ids: Iterable[str]) -> frozenset[str] | None:
        """The ids of our own writes, given the ids in a record's history; None if they are not known."""
        self.is_named = self.is_named or not set(self.source_ids).isdisjoint(source_ids)
        return frozenset(self.source_ids) if self.is_named else None


class _StoredStatus(msgspec.Struct):
    """The part of a lane's stored status that matters here."""

    own_source_ids: Sequence[str] = ()

"""Lists of records ("segments"): their names, and their members with the time of joining.

Source: HubSpot's OpenAPI and a recorded page of lists (2025-01); one name in all the portal, whatever the object type.
Filters of a DYNAMIC list are kept and never evaluated (chosen): seed its members.
"""

from __future__ import annotations

from typing import Any

import msgspec

PROCESSING_TYPES = ("MANUAL", "DYNAMIC", "SNAPSHOT")


class RecordList(msgspec.Struct, kw_only=True):
    """One list; `members` maps record ids to the epoch milliseconds of joining, in that order."""

    id: str
    name: str
    object_type_id: str
    processing_type: str
    created_at: str
    updated_at: str
    filter_branch: dict[str, Any] | None = None
    version: int = 1
    is_deleted: bool = False
    members: dict[str, int] = {}

    def shown(self) -> dict[str, Any]:
        """The list as `GET …/lists/{listId}` shows it."""
        body: dict[str, Any] = {
            "listId": self.id,
            "listVersion": self.version,
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
            "filtersUpdatedAt": self.created_at,
            "processingStatus": "COMPLETE",
            "createdById": "1001",
            "updatedById": "1001",
            "processingType": self.processing_type,
            "objectTypeId": self.object_type_id,
            "name": self.name,
            "size": len(self.members),
        }
        if self.filter_branch is not None:
            body["filterBranch"] = self.filter_branch
        return body

    def found(self) -> dict[str, Any]:
        """The list as a search shows it: sizes as text (recorded)."""
        body = self.shown()
        del body["size"]
        body.pop("filterBranch", None)
        sizes = {"hs_list_size": str(len(self.members)), "hs_list_reference_count": "0"}
        if self.members:
            sizes["hs_last_record_added_at"] = str(max(self.members.values()))
        body["additionalProperties"] = sizes
        return body

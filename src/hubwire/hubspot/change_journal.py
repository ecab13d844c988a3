"""HubSpot's change journal: files of changes that others, and Hubwire itself, made in one portal.

Source: HubSpot's OpenAPI for the webhooks journal (2026-03 and later): subscriptions by type, the place of the next
file, and the fields of a file. A file has at most 10,000 records or 5 MB, and HubSpot keeps it for three days.
Not documented, and chosen here: `propertyChanges` has new values by name, an empty `properties` subscribes to all
properties, and a 400 or 404 for an offset means that HubSpot no longer has its file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from hubwire.errors import Refused, Unreadable
from hubwire.hubspot.account import must_succeed
from hubwire.hubspot.call import Call
from hubwire.hubspot.client import HubSpotClient
from hubwire.object_types import standard_type

SCOPES = (
    "developer.webhooks_journal.read",
    "developer.webhooks_journal.subscriptions.read",
    "developer.webhooks_journal.subscriptions.write",
)
CONTACT, COMPANY = "0-1", "0-2"
UPDATE = "UPDATE"
OBJECT_ACTIONS = (UPDATE, "DELETE", "MERGE", "RESTORE")
SUBSCRIPTIONS = (
    ("OBJECT", CONTACT, OBJECT_ACTIONS),
    ("OBJECT", COMPANY, OBJECT_ACTIONS),
    ("GDPR_PRIVACY_DELETION", CONTACT, ("GDPR_DELETE",)),
)
KEPT_MS = 3 * 24 * 3_600_000
"""How long HubSpot keeps a file."""
MAX_FILE_BYTES = 10_000_000
"""Twice of what HubSpot documents, which does not say whether it counts compressed bytes."""
MAX_RECORDS = 10_000


class ForeignChange(msgspec.Struct, frozen=True, rename="camel"):
    """One change of a record. Shape: `property_changes` has new values by name; only updates have them."""

    object_type_id: str
    object_id: int | str
    action: str
    portal_id: int | str = ""
    property_changes: Any = None
    merged_object_ids: list[int | str] = []

    @property
    def kind(self) -> str:
        """`contact`, `company`, or another object type as Hubwire's memory stores it."""
        known = standard_type(self.object_type_id)
        return known.stored_as if known is not None else self.object_type_id

    @property
    def record_ids(self) -> list[str]:
        """The records that the change concerns."""
        return [str(self.object_id), *map(str, self.merged_object_ids)]

    @property
    def values(self) -> dict[str, str | None]:
        """The new values by property; empty if the change has none that can be read."""
        if not isinstance(self.property_changes, dict):
            return {}
        return {name: value if isinstance(value, str) else None for name, value in self.property_changes.items()}


class _File(msgspec.Struct, rename="camel"):
    journal_events: list[msgspec.Raw]


class _Subscription(msgspec.Struct, rename="camel"):
    subscription_type: str = ""
    object_type_id: str = ""
    portal_id: int | str | None = None


class _Subscriptions(msgspec.Struct):
    results: list[_Subscription]


class _Place(msgspec.Struct, rename="camel"):
    url: str
    current_offset: str


@dataclass(frozen=True, slots=True)
class JournalFile:
    """The offset of one file, and its content."""

    offset: str
    body: bytes


class ChangeJournal:
    """Reads the journal of one portal. Errors: Unreachable, Refused, Unreadable."""

    def __init__(self, client: HubSpotClient, hub_id: str) -> None:
        self._client = client
        self._hub_id = hub_id

    async def subscribe(self, type_ids: Collection[str] = ()) -> dict[str, str]:
        """Subscribe to contacts, companies and these object types of this portal, unless the app already does.

        Returns the other types that HubSpot refused, by id, with its words: the app may lack their scope.
        """
        call = Call("read journal subscriptions", "GET", self._client.paths.journal_subscriptions)
        body = must_succeed(call, await self._client.call(call))
        try:
            existing = msgspec.json.decode(body, type=_Subscriptions).results
        except (msgspec.MsgspecError, ValueError) as exc:
            raise Unreadable(f"{call.name}: HubSpot's answer is not a list of subscriptions") from exc
        kinds = {(item.subscription_type, item.object_type_id, str(item.portal_id)) for item in existing}
        for kind, object_type_id, actions in SUBSCRIPTIONS:
            if (kind, object_type_id, self._hub_id) not in kinds:
                await self._subscribe(kind, object_type_id, actions)
        refused: dict[str, str] = {}
        for object_type_id in sorted(type_ids):
            if ("OBJECT", object_type_id, self._hub_id) not in kinds:
                try:
                    await self._subscribe("OBJECT", object_type_id, OBJECT_ACTIONS)
                except Refused as exc:
                    refused[object_type_id] = str(exc)
        return refused

    async def next_file(self, offset: str | None) -> JournalFile | None:
        """The file after this offset, or with None the oldest file; None if there is no newer file.

        Errors: also Unreadable for a file that is too large.
        """
        call = Call("read change journal", "GET", self._client.paths.journal_file(offset))
        answer = await self._client.call(call)
        body = must_succeed(call, answer)
        if answer.status == 204:
            return None
        try:
            place = msgspec.json.decode(body, type=_Place)
        except (msgspec.MsgspecError, ValueError) as exc:
            raise Unreadable(f"{call.name}: HubSpot's answer does not name the next file") from exc
        download = Call("read file of change journal", "GET", place.url)
        return JournalFile(place.current_offset, must_succeed(download, await self._client.download(place.url)))

    async def _subscribe(self, kind: str, object_type_id: str, actions: Iterable[str]) -> None:
        body: dict[str, Any] = {
            "subscriptionType": kind,
            "objectTypeId": object_type_id,
            "portalId": int(self._hub_id),
            "actions": list(actions),
        }
        if kind == "OBJECT":
            body |= {"properties": [], "objectIds": []}
        path = self._client.paths.journal_subscriptions
        call = Call("subscribe to change journal", "POST", path, msgspec.json.encode(body))
        must_succeed(call, await self._client.call(call))


def decode_file(body: bytes, hub_id: str) -> list[ForeignChange]:
    """The changes of this portal, in their order. Leaves out what cannot be read.

    Errors: Unreadable if the whole file is damaged, or has too many records.
    """
    if len(body) > MAX_FILE_BYTES:
        raise Unreadable(f"the file has {len(body)} bytes; Hubwire reads at most {MAX_FILE_BYTES}")
    try:
        records = msgspec.json.decode(body, type=_File).journal_events
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        raise Unreadable("the file is not a list of changes as HubSpot documents it") from exc
    if len(records) > MAX_RECORDS:
        raise Unreadable(f"the file has {len(records)} records; Hubwire reads at most {MAX_RECORDS}")
    changes = filter(None, map(_read, records))
    return [change for change in changes if str(change.portal_id) == hub_id]


def _read(record: msgspec.Raw) -> ForeignChange | None:
    try:
        return msgspec.json.decode(record, type=ForeignChange)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None

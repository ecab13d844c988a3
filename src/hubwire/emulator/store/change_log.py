"""What changed in a portal, for the apps that subscribed to it: the files of the webhooks journal.

Source: HubSpot's OpenAPI for the webhooks journal (subscriptions, actions, fields of a file; at most 10,000 records a
file, kept for three days). Chosen: a file ends when somebody reads, subscriptions and files do not outlive the process,
and only the newest 100,000 changes without a file are kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from hubwire.emulator.moments import iso

MAX_RECORDS = 10_000
KEPT_MS = 3 * 86_400_000
MAX_WAITING = 100_000


class Subscription(msgspec.Struct, rename="camel", frozen=True):
    """What an app wants to hear of. Shape: an empty `properties` or `object_ids` means all of them."""

    id: int
    subscription_type: str
    object_type_id: str
    portal_id: int
    actions: tuple[str, ...]
    properties: tuple[str, ...] = ()
    object_ids: tuple[int, ...] = ()

    def hears(self, type_id: str, action: str, record_id: str) -> bool:
        """True if it is about this change."""
        is_about = not self.object_ids or int(record_id) in self.object_ids
        return self.object_type_id == type_id and action in self.actions and is_about


class ChangeFile(msgspec.Struct, frozen=True):
    """One file of the journal."""

    offset: str
    published_at_ms: int
    events: Sequence[Mapping[str, Any]]


class ChangeLog:
    """The subscriptions of a portal, and the changes that they heard of."""

    def __init__(self, portal_id: int) -> None:
        self._portal_id = portal_id
        self.subscriptions: dict[int, Subscription] = {}
        self.files: list[ChangeFile] = []
        self._waiting: deque[dict[str, Any]] = deque(maxlen=MAX_WAITING)
        self._last_number = 0

    def note(self, type_id: str, action: str, record_id: str, now_ms: int, **more: Any) -> None:
        """Keep a change if somebody subscribed to it. `more` are further fields of the record in the file."""
        for subscription in self.subscriptions.values():
            if subscription.hears(type_id, action, record_id):
                self._waiting.append(
                    {
                        "type": subscription.subscription_type,
                        "portalId": self._portal_id,
                        "occurredAt": iso(now_ms),
                        "objectTypeId": type_id,
                        "objectId": int(record_id),
                        "action": action,
                        **more,
                    }
                )
                return

    def note_update(self, type_id: str, record_id: str, values: Mapping[str, str], now_ms: int) -> None:
        """Keep the new values of a record."""
        self.note(type_id, "UPDATE", record_id, now_ms, propertyChanges=dict(values))

    def next_number(self) -> int:
        """A new number for a subscription or a file."""
        self._last_number += 1
        return self._last_number

    def publish(self, now_ms: int) -> None:
        """Put the waiting changes into files, and drop files that are too old."""
        while self._waiting:
            count = min(len(self._waiting), MAX_RECORDS)
            events = [self._waiting.popleft() for _ in range(count)]
            offset = f"00000000-0000-4000-9000-{self.next_number():012x}"
            self.files.append(ChangeFile(offset, now_ms, events))
        self.files = [file for file in self.files if now_ms - file.published_at_ms <= KEPT_MS]

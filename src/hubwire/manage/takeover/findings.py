"""What was found in the files, whatever their form: destinations with their subscriptions, filters and functions."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Reference(str):
    """A value that the file does not hold: `var.token`, `segment_destination.hubspot.id`."""

    __slots__ = ()


class DestinationKind(StrEnum):
    """The HubSpot destinations of both vendors; anything else is passed over."""

    CLOUD = "HubSpot Cloud Mode (Actions)"
    WEB = "HubSpot Web (Actions)"
    CLASSIC = "HubSpot (classic)"
    RUDDERSTACK = "HubSpot of RudderStack"
    OTHER = "another destination"


METADATA = {
    "632b1116e0cb83902f3fd717": DestinationKind.CLOUD,
    "actions-hubspot-cloud": DestinationKind.CLOUD,
    "631a1c2bfdce36a23f0a14ec": DestinationKind.WEB,
    "actions-hubspot-web": DestinationKind.WEB,
    "54521fd725e721e32a72eec1": DestinationKind.CLASSIC,
    "hubspot": DestinationKind.CLASSIC,
}
"""Segment's ids and slugs of its HubSpot destinations; they are the same in every workspace."""
ACTIONS = {
    "v3BPw5E3WcwKH4nngqta2i": "upsertContact",
    "dfT2tG36Ddr8MUKCUvcvLt": "upsertCompany",
    "9cmB51ubHWyRFyhaCbYV8u": "sendCustomBehavioralEvent",
    "fRn8RWTicuG6dpma5JKi9d": "upsertCustomObjectRecord",
    "dMYued7r3VjK4c2gBWUTZi": "upsertObject",
    "mRG4EEHrTjKLyAfzbKhUZ9": "customEvent",
    "hSedKQQp1KxbB5FXsrofKB": "upsertContact (web)",
    "nQrUkFqLZ6Zv6JaZGYTBDd": "trackCustomBehavioralEvent (web)",
    "rnaHv5Y8rWxCiG6s3D6ShH": "trackPageView (web)",
}
"""Segment's ids of the actions of these destinations."""


@dataclass(slots=True)
class FoundDestination:
    """One destination. `key` is what its subscriptions and filters name it by."""

    key: str
    name: str
    kind: DestinationKind
    is_enabled: bool = True
    settings: dict[str, Any] = field(default_factory=dict)
    transformation: str = ""


@dataclass(slots=True)
class FoundSubscription:
    """One mapping of a destination. `action` is the slug, or the id that is not known."""

    name: str
    destination: str
    action: str
    trigger: str
    mapping: dict[str, Any] | None
    is_enabled: bool = True
    model: str = ""
    fault: str = ""
    """Why the mapping cannot be read."""


@dataclass(slots=True)
class FoundFilter:
    """One filter of a destination; `actions` as Segment has them."""

    name: str
    destination: str
    condition: str
    actions: list[dict[str, Any]]
    is_enabled: bool = True


@dataclass(slots=True)
class FoundOther:
    """A part that is no subscription and no filter: a function, a transformation, an unreadable file."""

    name: str
    kind: str
    reason: str


@dataclass(slots=True)
class Findings:
    """Everything of the files."""

    destinations: list[FoundDestination] = field(default_factory=list)
    subscriptions: list[FoundSubscription] = field(default_factory=list)
    filters: list[FoundFilter] = field(default_factory=list)
    others: list[FoundOther] = field(default_factory=list)

    def kind_of(self, key: str) -> DestinationKind | None:
        """The kind of a destination by its key; None if the files do not hold the destination."""
        return next((destination.kind for destination in self.destinations if destination.key == key), None)

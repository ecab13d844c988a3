"""Sources, destinations, and the mapping between traits and HubSpot properties."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from hubwire.rule import Rule

HOUR_SECONDS = 3600
MAX_RULES = 500
PROPERTY_NAME = r"[a-z][a-z0-9_]{0,99}"
"""The internal name of a property, as a pattern."""
Property = Annotated[str, Meta(extra_json_schema={"pattern": f"^{PROPERTY_NAME}$"})]
Rules = Annotated[
    dict[str, Property | None],
    Meta(extra_json_schema={"maxProperties": MAX_RULES, "propertyNames": {"minLength": 1}}),
]
"""Trait -> property. `manage/changes.py` checks the bounds; stored values are read without a check."""


OWN_SPACE = "source:"
"""The start of the identity space that a web or mobile source has by default."""
PUBLIC_MESSAGES_PER_SECOND = 100
"""The limit of a web or mobile source without one of its own. Chosen: one HubSpot call a second for new contacts, so a
stranger with a public write key delays nobody else's messages and cannot use up the calls of a day."""
PUBLIC_BURST_SECONDS = 60


class SourceKind(StrEnum):
    WEB = "web"
    MOBILE = "mobile"
    SERVER = "server"


class RateLimit(NamedTuple):
    """Messages per second on average, and as many at once after a pause."""

    per_second: int
    burst: int


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A source. Web and mobile write keys are public, so their identities stay in their own space.

    `identity_space`: sources of one space share the memory userId -> e-mail. Default: server sources share
    `server`; every web or mobile source has its own (`source:<name>`) unless the operator joins it to another.
    """

    source_id: int
    name: str
    kind: SourceKind = SourceKind.SERVER
    identity_space: str = "server"
    allowed_origins: tuple[str, ...] = ()
    device_mode: bool = False
    is_enabled: bool = True
    messages_per_second: int | None = None
    """The rate limit of this source; None means the default of its kind."""

    @property
    def rate_limit(self) -> RateLimit | None:
        """The limit of each receiver; None for a server source without one."""
        if self.messages_per_second is not None:
            return RateLimit(self.messages_per_second, self.messages_per_second)
        if not self.is_public:
            return None
        return RateLimit(PUBLIC_MESSAGES_PER_SECOND, PUBLIC_MESSAGES_PER_SECOND * PUBLIC_BURST_SECONDS)

    @property
    def is_public(self) -> bool:
        """True if the write key is public, because a page or an app contains it."""
        return self.kind != "server"  # Quicker than a look at the enum: planning asks this for every message.

    @property
    def is_in_shared_space(self) -> bool:
        """True for a public source that an operator joined to the identity space of other sources."""
        return self.is_public and not self.identity_space.startswith(OWN_SPACE)


class CompanyDomain(StrEnum):
    """The part of a website's host that identifies the company."""

    SITE = "site"
    """Without labels that name a service (`www`, `app`, `shop`…): other subdomains are companies of their own."""
    REGISTRABLE = "registrable"
    """The registrable domain by the Public Suffix List: all subdomains are one company."""


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """Rules that a destination changes: trait -> property (None ignores the trait), and what may be created.

    Traits are named as the sender writes them or normalised (`favColor` or `favcolor`).
    """

    contact: Rules = {}
    company: Rules = {}
    events: Annotated[dict[str, str | None], Meta(extra_json_schema={"maxProperties": MAX_RULES})] = {}
    """Track name -> HubSpot event name (internal or full); None filters the event."""
    only_events: Annotated[tuple[str, ...], Meta(extra_json_schema={"maxItems": MAX_RULES})] = ()
    """If it is not empty, track events with other names are discarded."""
    create_properties: bool = False
    create_event_definitions: bool = True
    pages_as_events: bool = False
    screens_as_events: bool = False
    group_from_browser: bool = False
    companies_need_contact: bool = True
    company_domain: CompanyDomain = CompanyDomain.SITE
    consent_categories: tuple[str, ...] = ()
    pending_is_device: bool = True
    """A track whose browser plugin was still loading counts as delivered by the browser."""
    events_by_cookie: bool = True
    """An event whose person stays unknown is sent with the visitor's `hubspotutk` cookie, if it has one."""


DEFAULTS = ("contacts", "context-traits", "companies", "associations", "events")
"""The default behaviour by names: an identify writes its contact, `context.traits` of other calls update it, a group
writes its company and associates the person, a track sends its event."""


class Trust(StrEnum):
    """Whose values of one person win."""

    SERVER = "server"
    """A web or mobile source does not overwrite what a server source wrote, because its write key is public."""
    EQUAL = "equal"
    """The newest message wins, whatever its source."""


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """One HubSpot portal that we deliver to. The access token is kept apart, encrypted."""

    destination_id: int
    name: str
    hub_id: str | None = None
    base_url: str = "https://api.hubapi.com"
    api_version: str = "2026-09"
    region: str = "na1"
    forms_url: str | None = None
    """The host of form submissions; None follows the region."""
    is_paused: bool = False
    is_sandbox: bool = False
    """True if the bundled emulator takes HubSpot's place; `base_url` is then its address."""
    load_forms_sdk: bool = False
    source_ids: tuple[int, ...] | None = None
    """The sources that feed it; None means all."""
    received_since_ms: int | None = None
    """Messages received before this time are discarded, because the destination was switched on without them. A replay
    delivers them; None: all."""
    mapping: Mapping = Mapping()
    rules: tuple[Rule, ...] = ()
    """Additional rules, in this order. If two rules give one property a value, the later one wins."""
    presets: tuple[str, ...] = ()
    """The presets that are on (`hubwire.plan.presets`). Their rules come after the destination's own."""
    defaults: tuple[str, ...] | None = None
    """The parts of the default behaviour that are on, of `DEFAULTS`; None means all."""
    contact_key: dict[str, Any] = {}
    """The unique property that contacts are known by instead of the e-mail, and its value: `{user_id = "$.userId"}`."""
    company_key: dict[str, Any] = {}
    """The unique property that companies are known by instead of the domain: `{account_id = "$.groupId"}`."""
    hold_hours: float = 72.0
    cookie_after_hours: float = 24.0
    """How long an event with a `hubspotutk` cookie waits for its person before the cookie is used."""
    suppress_unchanged_hours: float = 24.0
    """How long a confirmed value counts as still there; 0 sends every identify."""
    late_after_minutes: float = 10.0
    """Messages older than this at receipt, or at a later attempt, are compared with HubSpot's history; 0: all."""
    confirm_after_hours: float = 24.0
    """A contact or company that no answer has shown for this long is looked up before anything relies on it."""
    recheck_after_seconds: float = 5.0
    """A record whose messages change nothing is looked up at most once in this time, and only in a quiet portal."""
    day_zone: str = "UTC"
    """The time zone (IANA name) that determines the day of a time, for date properties."""
    future_grace_minutes: float = 5.0
    """The tolerance for a message's time after its arrival; beyond it, the time of arrival counts."""
    trust: Trust = Trust.SERVER
    public_definitions_per_day: int = 50
    """The event definitions, and properties of existing ones, that each web or mobile source may add in a day."""
    calls_per_second: float | None = None
    """Pins the rate; None starts at the seed's 10 per second and follows HubSpot's headers."""
    calls_per_day: int | None = None
    """Pins the daily budget; None starts at the seed's 40,000 and follows HubSpot's headers."""

    @property
    def has_rules(self) -> bool:
        """Whether it has rules, of its own or of a preset."""
        return bool(self.rules or self.presets)

    @property
    def hold_ms(self) -> int:
        """How long a message waits for its person or company."""
        return round(self.hold_hours * HOUR_SECONDS * 1000)

    @property
    def cookie_after_ms(self) -> int:
        """How long an event waits for its person before it is sent with the cookie; at most as long as the hold."""
        return min(self.hold_ms, round(self.cookie_after_hours * HOUR_SECONDS * 1000))

    @property
    def future_grace_ms(self) -> int:
        return round(self.future_grace_minutes * 60_000)

    def takes(self, source_id: int) -> bool:
        """True if this source feeds this destination."""
        return self.source_ids is None or source_id in self.source_ids


def of_same_hub(destinations: Iterable[Destination], destination: Destination) -> list[str]:
    """The names of the other destinations with the same Hub ID, which share its portal's limits."""
    return [
        other.name
        for other in destinations
        if other.destination_id != destination.destination_id and other.hub_id and other.hub_id == destination.hub_id
    ]

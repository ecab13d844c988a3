"""The configuration of an emulated portal: tier, tokens, limits, lags. Values only; reads no file and no clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hubwire.emulator.standard.kinds import LIBRARY


class Tier(StrEnum):
    """HubSpot's subscription tiers, which change the API's answers."""

    FREE = "free"
    STARTER = "starter"
    PROFESSIONAL = "professional"
    ENTERPRISE = "enterprise"


class Reading(StrEnum):
    """Other readings of HubSpot's API, for the rules on which sources disagree. COVERAGE.md describes each."""

    UNIQUE_CONFLICT_LISTED = "unique-conflict-listed"
    FIRST_FAULT_ONLY = "first-fault-only"
    OLDER_FAULT_TEXTS = "older-fault-texts"
    ASSOCIATION_IDS_AS_TEXT = "association-ids-as-text"
    ID_PROPERTY_400 = "id-property-400"
    EVENT_DEFAULTS_REQUIRED = "event-defaults-required"
    SEARCH_LIMIT_POLICY = "search-limit-policy"
    FULL_BATCH_ERRORS = "full-batch-errors"


@dataclass(frozen=True, slots=True)
class TierLimits:
    """The limits of a tier, and the features that it has.

    Units: bursts are calls per 10 seconds, `daily` is calls per day in the portal's time zone.
    Source: HubSpot docs, usage guidelines (private apps and service keys), the associations guide, and the tiers of the
    OpenAPI documents of events, leads and schemas, read 2026-11.
    """

    burst: int
    daily: int
    association_burst: int
    has_custom_events: bool
    has_leads: bool
    has_custom_objects: bool

    @property
    def form_burst(self) -> int:
        """Authenticated form submissions in ten seconds. Source: HubSpot's changelog on the limits of submissions."""
        return 100 if self.burst <= FREE_BURST else 150


FREE_BURST = 100
_SMALL = {"has_custom_events": False, "has_leads": False, "has_custom_objects": False}
_PROFESSIONAL = {**_SMALL, "has_leads": True}
_ENTERPRISE = {"has_custom_events": True, "has_leads": True, "has_custom_objects": True}
TIER_LIMITS: dict[Tier, TierLimits] = {
    Tier.FREE: TierLimits(burst=100, daily=250_000, association_burst=100, **_SMALL),
    Tier.STARTER: TierLimits(burst=100, daily=250_000, association_burst=100, **_SMALL),
    Tier.PROFESSIONAL: TierLimits(burst=190, daily=625_000, association_burst=150, **_PROFESSIONAL),
    Tier.ENTERPRISE: TierLimits(burst=190, daily=1_000_000, association_burst=150, **_ENTERPRISE),
}


@dataclass(frozen=True, slots=True)
class CustomObject:
    """A custom object type of the portal.

    Shape: `properties` are property definitions as the properties API takes them; `required` names those that a
    create must carry. `type_id` is HubSpot's `2-…` id. `primary_display` is the property that
    screens show for a record; without one it is the first required property.
    """

    name: str
    type_id: str
    singular: str = ""
    plural: str = ""
    properties: tuple[dict[str, Any], ...] = ()
    required: tuple[str, ...] = ()
    primary_display: str = ""
    secondary_display: tuple[str, ...] = ()
    searchable: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class OAuthApp:
    """The one public app that the token endpoint knows."""

    client_id: str = "emulator-client-id"
    client_secret: str = "emulator-client-secret"  # noqa: S105 - a published default of a test double
    redirect_uri: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorConfig:
    """One emulated portal.

    Shape: `access_token=None` accepts any Bearer token (one is still required); `scopes=None` grants every scope.
    `scopes` and `custom_objects` take any iterable, or a text with commas between the scopes or names. A custom object
    is a `CustomObject` or its name.
    `library_objects` are the types of the object library that are switched on.
    `tier` and `readings` also take plain words. `captcha_forms` are the ids of forms with a captcha.
    `start_at_ms` starts the clock there and keeps it still until it is advanced; None follows the machine's clock.
    `seed` decides the order of batch results, which HubSpot does not promise.
    Units: seconds where the name says so, epoch milliseconds for `start_at_ms`.
    """

    portal_id: int = 1234567
    tier: Tier | str = Tier.ENTERPRISE
    access_token: str | None = None
    scopes: Iterable[str] | str | None = None
    time_zone: str = "UTC"
    limits_enabled: bool = True
    burst: int | None = None
    daily: int | None = None
    search_per_second: int = 5
    sends_retry_after: bool = False
    search_lag_seconds: float = 2.0
    property_lag_seconds: float = 0.5
    default_lifecycle_stage: str = "lead"
    allows_partial_upsert: bool = True
    requires_identifying_property: bool = True
    creates_contacts_from_events: bool = False
    creates_companies_from_emails: bool = True
    requires_legal_basis: bool = False
    captcha_forms: Iterable[str] | str = ()
    readings: Iterable[Reading | str] = ()
    custom_property_limit: int = 1_000
    unique_property_limit: int = 10
    custom_objects: Iterable[CustomObject | str] | str = ()
    library_objects: Iterable[str] | str = LIBRARY
    oauth: OAuthApp = OAuthApp()
    keep_events: int | None = None
    keep_requests: int = 10_000
    keep_history: int = 20
    persistence_path: Path | str | None = None
    seed: int = 1
    start_at_ms: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "tier", Tier(self.tier))
        object.__setattr__(self, "readings", frozenset(map(Reading, self.readings)))
        if self.scopes is not None:
            object.__setattr__(self, "scopes", frozenset(_words(self.scopes)))
        object.__setattr__(self, "captcha_forms", frozenset(_words(self.captcha_forms)))
        object.__setattr__(self, "custom_objects", _custom_objects(self.custom_objects))
        object.__setattr__(self, "library_objects", frozenset(_words(self.library_objects)))
        if unknown := sorted(self.library - set(LIBRARY)):
            raise ValueError(f"library_objects: {', '.join(unknown)}: none of {', '.join(LIBRARY)}")
        if self.portal_id < 1:
            raise ValueError(f"portal_id: a Hub ID is a positive number, not {self.portal_id}")
        if self.access_token == "":
            raise ValueError("access_token: an empty one can never be sent; None takes any")
        if self.time_zone != "UTC":
            try:
                ZoneInfo(self.time_zone)
            except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
                raise ValueError(f"time_zone: this machine knows none of the name {self.time_zone!r}") from exc

    @property
    def granted_scopes(self) -> frozenset[str] | None:
        """The scopes of the configured token; None is every scope."""
        return None if self.scopes is None else frozenset(self.scopes)

    @property
    def library(self) -> frozenset[str]:
        """The types of the object library that are switched on."""
        return frozenset(self.library_objects)

    @property
    def own_objects(self) -> tuple[CustomObject, ...]:
        """The account's own object types."""
        return tuple(known for known in self.custom_objects if isinstance(known, CustomObject))

    def follows(self, reading: Reading) -> bool:
        """True when this reading is in force."""
        return reading in self.readings

    @property
    def tier_limits(self) -> TierLimits:
        """The tier's limits as HubSpot publishes them, before any override."""
        return TIER_LIMITS[Tier(self.tier)]


def _words(given: Iterable[str] | str) -> list[str]:
    return [word.strip() for word in given.split(",") if word.strip()] if isinstance(given, str) else list(given)


_NAME = {"name": "name", "label": "Name"}


def _custom_objects(given: Iterable[CustomObject | str] | str) -> tuple[CustomObject, ...]:
    items: Iterable[CustomObject | str] = _words(given) if isinstance(given, str) else given
    return tuple(
        CustomObject(item, f"2-{number}", properties=(_NAME,)) if isinstance(item, str) else item
        for number, item in enumerate(items, start=1_000_001)
    )

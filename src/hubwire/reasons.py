"""Every reason that a message, or a field of it, is rejected, discarded, held, left out or dead, with cause and remedy.

The docs page and the console read this table; nothing else words a reason.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    REJECTED = "rejected"
    DISCARDED = "discarded"
    HELD = "held"
    LEFT_OUT = "left out"
    DEAD = "dead"
    RETRYING = "retrying"
    STOPPED = "stopped"


class Reason(StrEnum):
    # rejected at the door: journaled, never delivered
    NO_IDS = "no-ids"
    NO_EVENT = "no-event"
    NO_TYPE = "no-type"
    UNKNOWN_TYPE = "unknown-type"
    NO_GROUP_ID = "no-group-id"
    NO_PREVIOUS_ID = "no-previous-id"
    TOO_MANY_IN_UPLOAD = "too-many-in-upload"
    # discarded by rule
    DISABLED_BY_INTEGRATIONS = "disabled-by-integrations"
    NO_CONSENT = "no-consent"
    EVENT_FILTERED = "event-filtered"
    DELIVERED_IN_BROWSER = "delivered-in-browser"
    PAGE_IS_DEVICE_ONLY = "page-is-device-only"
    SCREEN_NOT_SUPPORTED = "screen-not-supported"
    ALIAS_REMEMBERED = "alias-remembered"
    GROUP_FROM_BROWSER = "group-from-browser"
    GROUP_WITHOUT_WEBSITE = "group-without-website"
    INVALID_WEBSITE = "invalid-website"
    INVALID_EMAIL = "invalid-email"
    NOTHING_TO_SEND = "nothing-to-send"
    NEVER_IDENTIFIED = "never-identified"
    SUPPRESSED = "suppressed"
    EVENTS_NOT_AVAILABLE = "events-not-available"
    EVENT_NAME_UNUSABLE = "event-name-unusable"
    UNKNOWN_EVENT = "unknown-event"
    DISCARDED_BY_PERSON = "discarded-by-person"
    SOURCE_NOT_CONNECTED = "source-not-connected"
    # held
    UNKNOWN_PERSON = "unknown-person"
    CONTACT_NOT_IDENTIFIED = "contact-not-identified"
    # left out of what is sent
    UNKNOWN_PROPERTY = "unknown-property"
    READ_ONLY_PROPERTY = "read-only-property"
    IGNORED_BY_MAPPING = "ignored-by-mapping"
    WRONG_TYPE = "wrong-type"
    NOT_AN_OPTION = "not-an-option"
    TOO_LONG = "too-long"
    BAD_DATE = "bad-date"
    BAD_NAME = "bad-name"
    TOO_MANY_PROPERTIES = "too-many-properties"
    EMPTY_VALUE = "empty-value"
    OLDER_THAN_KNOWN = "older-than-known"
    REFUSED_BY_HUBSPOT = "refused-by-hubspot"
    # retrying, dead, stopped: words of the verdict
    RATE_LIMITED = "rate-limited"
    BUDGET_SPENT = "budget-spent"
    LOCKED = "locked"
    MIGRATING = "migrating"
    HUBSPOT_FAILED = "hubspot-failed"
    HUBSPOT_UNREACHABLE = "hubspot-unreachable"
    HUBSPOT_UNREADABLE = "hubspot-unreadable"
    RECORD_MISSING = "record-missing"
    INVALID_INPUT = "invalid-input"
    CONFLICT = "conflict"
    NOT_FOUND = "not-found"
    MISSING_REQUIRED_PROPERTY = "missing-required-property"
    RETRIES_EXHAUSTED = "retries-exhausted"
    UNAUTHORISED = "unauthorised"
    MISSING_SCOPE = "missing-scope"
    RUN_OF_DEATHS = "run-of-deaths"
    PAUSED = "paused"


class Explanation(NamedTuple):
    kind: Kind
    cause: str
    remedy: str


EXPLANATIONS: dict[Reason, Explanation] = {}


def explain(reason: Reason) -> Explanation:
    """Cause and remedy of a reason, in words for the person who reads the message's page."""
    return EXPLANATIONS[reason]

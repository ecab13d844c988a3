"""Every reason to reject, discard, hold or retry a message, to leave out one of its fields, or to stop a destination.

`explanations.py` has the cause and the remedy of each.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    # rejected on arrival: journaled, never delivered
    NO_IDS = "no-ids"
    NO_EVENT = "no-event"
    NO_TYPE = "no-type"
    UNKNOWN_TYPE = "unknown-type"
    NO_GROUP_ID = "no-group-id"
    NO_PREVIOUS_ID = "no-previous-id"
    TOO_MANY_IN_UPLOAD = "too-many-in-upload"
    NOT_AN_OBJECT = "not-an-object"
    MESSAGE_TOO_LARGE = "message-too-large"
    TOO_DEEP = "too-deep"
    # discarded by rule
    DISABLED_BY_INTEGRATIONS = "disabled-by-integrations"
    NO_CONSENT = "no-consent"
    CONSENT_NOTED = "consent-noted"
    EVENT_FILTERED = "event-filtered"
    SKIPPED_BY_RULE = "skipped-by-rule"
    DEFAULT_IS_OFF = "default-is-off"
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
    DEFINITION_NEVER_MADE = "definition-never-made"
    FEATURE_NEVER_ALLOWED = "feature-never-allowed"
    RECORD_NEVER_THERE = "record-never-there"
    SUPPRESSED = "suppressed"
    EVENTS_NOT_AVAILABLE = "events-not-available"
    EVENT_NAME_UNUSABLE = "event-name-unusable"
    UNKNOWN_EVENT = "unknown-event"
    DELETED_FOR_PRIVACY = "deleted-for-privacy"
    DISCARDED_BY_PERSON = "discarded-by-person"
    SOURCE_NOT_CONNECTED = "source-not-connected"
    BEFORE_SWITCH_ON = "before-switch-on"
    NO_LONGER_KEPT = "no-longer-kept"
    # held
    UNKNOWN_PERSON = "unknown-person"
    UNKNOWN_COMPANY = "unknown-company"
    CONTACT_NOT_IDENTIFIED = "contact-not-identified"
    FEATURE_REFUSED = "feature-refused"
    RECORD_INCOMPLETE = "record-incomplete"
    WAITS_FOR_RECORD = "waits-for-record"
    SEVERAL_RECORDS = "several-records"
    DEFINITION_LIMIT = "definition-limit"
    EVENT_NAME_USED = "event-name-used"
    # fields that are left out of a message
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
    OVERRULED = "overruled"
    SENT_BY_COOKIE = "sent-by-cookie"
    RULE_WITHOUT_KEY = "rule-without-key"
    KEY_PROPERTY_NOT_UNIQUE = "key-property-not-unique"
    UNKNOWN_OBJECT = "unknown-object"
    STAGE_NOT_IN_PIPELINE = "stage-not-in-pipeline"
    TOO_MANY_RECORDS = "too-many-records"
    NO_SUCH_RECORD = "no-such-record"
    RECORD_EXISTS = "record-exists"
    NOT_EMPTY = "not-empty"
    UNKNOWN_LABEL = "unknown-label"
    LINE_ITEM_HAS_PARENT = "line-item-has-parent"
    RULE_FAILED = "rule-failed"
    LIST_NOT_FOUND = "list-not-found"
    LIST_UNUSABLE = "list-unusable"
    NOT_LISTED = "not-listed"
    UNKNOWN_SUBSCRIPTION = "unknown-subscription"
    OPTED_OUT = "opted-out"
    SUBMITTED_ALREADY = "submitted-already"
    FORM_NOT_SUBMITTED = "form-not-submitted"
    FORM_HAS_CAPTCHA = "form-has-captcha"
    FORM_MADE_NOTHING = "form-made-nothing"
    OLDER_THAN_KNOWN = "older-than-known"
    TIME_NOT_UNDERSTOOD = "time-not-understood"
    TIME_IN_FUTURE = "time-in-future"
    NEWER_IN_HUBSPOT = "newer-in-hubspot"
    STAGE_NOT_MOVED_BACK = "stage-not-moved-back"
    LOWER_TRUST = "lower-trust"
    TAKEN_BY_ANOTHER_RECORD = "taken-by-another-record"
    REFUSED_BY_HUBSPOT = "refused-by-hubspot"
    # retrying, dead, stopped: reasons of a verdict
    RATE_LIMITED = "rate-limited"
    BUDGET_SPENT = "budget-spent"
    LOCKED = "locked"
    MIGRATING = "migrating"
    HUBSPOT_FAILED = "hubspot-failed"
    HUBSPOT_UNREACHABLE = "hubspot-unreachable"
    HUBSPOT_UNREADABLE = "hubspot-unreadable"
    RECORD_MISSING = "record-missing"
    COMPANY_MAY_APPEAR = "company-may-appear"
    READ_WITH_NEXT = "read-with-next"
    COMPANIES_TOGETHER = "companies-together"
    FORM_UNCONFIRMED = "form-unconfirmed"
    INVALID_INPUT = "invalid-input"
    CONFLICT = "conflict"
    NOT_FOUND = "not-found"
    MISSING_REQUIRED_PROPERTY = "missing-required-property"
    SOURCE_PARKED = "source-parked"
    RETRIES_EXHAUSTED = "retries-exhausted"
    INTERNAL_ERROR = "internal-error"
    OPT_OUT_FAILED = "opt-out-failed"
    UNAUTHORISED = "unauthorised"
    MISSING_SCOPE = "missing-scope"
    KEY_NOT_UNIQUE = "key-not-unique"
    RUN_OF_DEATHS = "run-of-deaths"
    PAUSED = "paused"


class DiscardGroup(StrEnum):
    """What a discard means for the person who reads the numbers."""

    IN_BROWSER = "delivered in the browser"
    EXPIRED = "expired"
    INVALID = "invalid"
    BY_DESIGN = "not sent by design"


DISCARD_GROUPS: dict[Reason, DiscardGroup] = {
    Reason.DELIVERED_IN_BROWSER: DiscardGroup.IN_BROWSER,
    Reason.NEVER_IDENTIFIED: DiscardGroup.EXPIRED,
    Reason.DEFINITION_NEVER_MADE: DiscardGroup.EXPIRED,
    Reason.GROUP_WITHOUT_WEBSITE: DiscardGroup.EXPIRED,
    Reason.NO_LONGER_KEPT: DiscardGroup.EXPIRED,
    Reason.INVALID_EMAIL: DiscardGroup.INVALID,
    Reason.INVALID_WEBSITE: DiscardGroup.INVALID,
    Reason.EVENT_NAME_UNUSABLE: DiscardGroup.INVALID,
}
"""The group of each reason for a discard; the others are by design."""
LOST = tuple(
    reason.value for reason, group in DISCARD_GROUPS.items() if group in (DiscardGroup.EXPIRED, DiscardGroup.INVALID)
)
"""Reasons of discards that somebody may want to fix."""
FIXABLE = frozenset(
    {
        Reason.UNKNOWN_PROPERTY,
        Reason.READ_ONLY_PROPERTY,
        Reason.WRONG_TYPE,
        Reason.NOT_AN_OPTION,
        Reason.TOO_LONG,
        Reason.BAD_DATE,
        Reason.BAD_NAME,
        Reason.TOO_MANY_PROPERTIES,
        Reason.RULE_WITHOUT_KEY,
        Reason.KEY_PROPERTY_NOT_UNIQUE,
        Reason.UNKNOWN_LABEL,
        Reason.RULE_FAILED,
        Reason.LIST_NOT_FOUND,
        Reason.LIST_UNUSABLE,
        Reason.UNKNOWN_SUBSCRIPTION,
        Reason.FORM_HAS_CAPTCHA,
        Reason.TAKEN_BY_ANOTHER_RECORD,
        Reason.REFUSED_BY_HUBSPOT,
    }
)
"""Reasons for a left-out field that somebody can fix, here, in HubSpot or in the app that sends it."""


def discard_group(reason: str | None) -> DiscardGroup:
    """The group of a stored reason; by design for one that this version does not know."""
    known = Reason(reason) if reason in set(Reason) else None
    return DISCARD_GROUPS.get(known, DiscardGroup.BY_DESIGN) if known is not None else DiscardGroup.BY_DESIGN

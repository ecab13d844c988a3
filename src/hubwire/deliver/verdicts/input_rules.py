"""The rules for one input with a HubSpot error, and the rules without a status. Pure data.

Source: HubSpot docs, "Handling errors"; categories and codes observed live by third parties; those of 2026-09 from its
changelog (validation rules).
"""

from __future__ import annotations

from hubwire.deliver.verdicts.call_rules import Rule, Says
from hubwire.reasons import Reason

INPUT_VERDICTS: tuple[Rule, ...] = (
    Rule(
        "missing-required-property",
        "MISSING_REQUIRED_PROPERTY, MISSING_CONDITIONAL_REQUIRED_PROPERTY",
        Says.DEAD,
        "A rule of the account requires a value that the message does not have.",
        signs=("MISSING_REQUIRED_PROPERTY", "MISSING_CONDITIONAL_REQUIRED_PROPERTY"),
        reason=Reason.MISSING_REQUIRED_PROPERTY,
    ),
    Rule(
        "deleted-for-privacy",
        "an error about privacy or GDPR",
        Says.DEAD,
        "HubSpot deleted the person for privacy. Hubwire reports it once and sends nothing more about them.",
        signs=("(PRIVACY)",),
        reason=Reason.DELETED_FOR_PRIVACY,
    ),
    Rule(
        "property-refused",
        "an error that names a property of the input",
        Says.LEAVE_OUT,
        "One value is at fault, not the person. Hubwire leaves it out, reports it, and sends the rest at once.",
        signs=("(NAMES_PROPERTY)",),
        reason=Reason.REFUSED_BY_HUBSPOT,
        counts=False,
    ),
    Rule(
        "record-exists",
        "CONFLICT, OBJECT_ALREADY_EXISTS",
        Says.ADOPT,
        "Another record has this key. If HubSpot names its id, Hubwire adopts the record. An upsert can collide with "
        "itself, so Hubwire repeats it.",
        signs=("CONFLICT", "OBJECT_ALREADY_EXISTS", "(409)"),
        reason=Reason.CONFLICT,
        wait_seconds=1.0,
    ),
    Rule(
        "record-gone",
        "OBJECT_NOT_FOUND",
        Says.RETRY,
        "A remembered record id no longer exists (deleted or merged). Hubwire forgets it and searches again.",
        signs=("OBJECT_NOT_FOUND", "NOT_FOUND"),
        reason=Reason.NOT_FOUND,
    ),
    Rule(
        "event-unknown",
        "an error that names the event of a custom event",
        Says.RETRY,
        "The event's definition no longer exists. Hubwire reads the schema again and creates the definition if it may.",
        signs=("(NAMES_EVENT)",),
        reason=Reason.NOT_FOUND,
        wait_seconds=1.0,
    ),
    Rule(
        "input-forbidden",
        "FORBIDDEN, MISSING_SCOPES for one input",
        Says.DEAD,
        "This token may not write this record.",
        signs=("FORBIDDEN", "MISSING_SCOPES", "USER_DOES_NOT_HAVE_PERMISSIONS"),
        reason=Reason.MISSING_SCOPE,
    ),
    Rule(
        "input-throttled",
        "RATE_LIMITS for one input",
        Says.RETRY,
        "Calls come too fast.",
        signs=("RATE_LIMITS", "RATE_LIMIT", "RATE-LIMIT_REACHED"),
        reason=Reason.RATE_LIMITED,
        wait_seconds=10.0,
        counts=False,
    ),
    Rule(
        "input-locked",
        "LOCKED for one input",
        Says.RETRY,
        "HubSpot has locked the record.",
        signs=("LOCKED",),
        reason=Reason.LOCKED,
        wait_seconds=2.0,
    ),
    Rule(
        "input-failed",
        "INTERNAL_ERROR for one input",
        Says.RETRY,
        "HubSpot failed because of this input.",
        signs=("INTERNAL_ERROR", "SERVICE_UNAVAILABLE", "TIMEOUT"),
        reason=Reason.HUBSPOT_FAILED,
        wait_seconds=1.0,
    ),
    Rule(
        "input-refused",
        "any other error about one input",
        Says.DEAD,
        "HubSpot refuses the input as it is.",
        reason=Reason.INVALID_INPUT,
    ),
)

RECORD_MISSING = Rule(
    "record-missing",
    "2xx without the input's record and without an error",
    Says.RETRY,
    "HubSpot answered with success and wrote nothing (seen live). Hubwire does not count it as delivered.",
    reason=Reason.RECORD_MISSING,
    wait_seconds=1.0,
)
UNREADABLE = Rule(
    "unreadable",
    "2xx that is not what HubSpot documents",
    Says.RETRY,
    "It is unknown what HubSpot wrote; repeating is safe.",
    reason=Reason.HUBSPOT_UNREADABLE,
    wait_seconds=1.0,
)
NO_CULPRIT = Rule(
    "no-culprit",
    "4xx about a batch, without a culprit",
    Says.SPLIT,
    "One input makes the batch fail, and HubSpot does not say which. Hubwire sends parts until it finds it.",
    reason=Reason.INVALID_INPUT,
    counts=False,
)
BYSTANDER = Rule(
    "bystander",
    "4xx about a batch, with a culprit",
    Says.RETRY,
    "HubSpot refused the batch because of other inputs. Hubwire sends this one again at once.",
    reason=Reason.INVALID_INPUT,
    counts=False,
)

KEY_MISSING = Rule(
    "key-missing",
    "400, the key property does not exist",
    Says.RETRY,
    "Hubwire's key property is archived or missing. Hubwire reads the schema again and creates the property.",
    reason=Reason.UNKNOWN_PROPERTY,
    wait_seconds=1.0,
)

PROPERTY_REASONS: tuple[tuple[str, Reason, bool], ...] = (
    ("CONFLICTING_UNIQUE_VALUE", Reason.TAKEN_BY_ANOTHER_RECORD, False),
    ("PROPERTY_DOESNT_EXIST", Reason.UNKNOWN_PROPERTY, True),
    ("READ_ONLY", Reason.READ_ONLY_PROPERTY, True),
    ("INVALID_OPTION", Reason.NOT_AN_OPTION, True),
    ("INVALID_OWNER", Reason.NOT_AN_OPTION, False),
    ("INVALID_DATE", Reason.BAD_DATE, True),
    ("TOO_LONG", Reason.TOO_LONG, False),
    ("LENGTH", Reason.TOO_LONG, False),
    ("INVALID_LONG", Reason.WRONG_TYPE, True),
    ("INVALID_INTEGER", Reason.WRONG_TYPE, True),
    ("INVALID_NUMBER", Reason.WRONG_TYPE, True),
    ("INVALID_DOUBLE", Reason.WRONG_TYPE, True),
    ("INVALID_BOOLEAN", Reason.WRONG_TYPE, True),
)
"""(part of HubSpot's code, our reason for leaving the property out, whether our copy of the schema was wrong)."""

OF_THE_PROPERTY = frozenset({Reason.UNKNOWN_PROPERTY, Reason.READ_ONLY_PROPERTY})
"""Faults of the property itself, which concern every input that has it, whatever the value."""

OTHER_ROWS = (RECORD_MISSING, UNREADABLE, NO_CULPRIT, BYSTANDER, KEY_MISSING)
"""Rows that no status or sign selects; `judge.py` and `refusals.py` name them where they apply."""


def reason_of(code: str) -> tuple[Reason, bool]:
    """Why a property is left out, for HubSpot's code, and whether our copy of the schema was wrong."""
    for part, reason, is_stale in PROPERTY_REASONS:
        if part in code.upper():
            return reason, is_stale
    return Reason.REFUSED_BY_HUBSPOT, False

"""The table of HubSpot's answers, with the decision about each. `judge.py` applies it. Pure data.

`VERDICTS` reads the status of a whole call. Where that is not enough (2xx, 4xx), `INPUT_VERDICTS` (`input_rules.py`)
reads HubSpot's error about each input. The first row that matches decides. The documentation's page of verdicts is
rendered from both.

Source of the statuses: HubSpot docs, "Handling errors" and usage guidelines; bodies observed live by third parties.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hubwire.reasons import Reason


class Says(StrEnum):
    """The decision of a row."""

    LOOK = "judge each input"
    RETRY = "retry"
    DEAD = "dead"
    STOP = "stop delivery"
    SPLIT = "send again in parts"
    LEAVE_OUT = "send again without the property"
    ADOPT = "adopt the existing record"
    WITHOUT_EVENTS = "turn custom events off"
    WITHOUT_OBJECT = "hold what needs the object type"
    RENEW = "send again with a new token"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Shape: `statuses` are inclusive ranges, None is "no answer". One of `signs` must be present (empty matches any): a
    word is HubSpot's category, sub-category or code; words with a space are a part of its message; words in brackets
    are signs that `judge.py` finds. `is_about_events`: only for calls to custom events.
    Units: `wait_seconds` is the minimum wait, unless HubSpot names one (Retry-After, up to `longest_seconds`).
    """

    name: str
    answer: str
    says: Says
    why: str
    statuses: tuple[tuple[int, int] | None, ...] = ()
    signs: tuple[str, ...] = ()
    reason: Reason | None = None
    wait_seconds: float = 0.0
    longest_seconds: float = 60.0
    counts: bool = True
    is_about_events: bool = False
    is_about_objects: bool = False


def _only(*statuses: int) -> tuple[tuple[int, int], ...]:
    return tuple((status, status) for status in statuses)


PROBE_SECONDS = 900.0
"""After a stop that needs a person, the wait before one call tests whether the cause is fixed."""
DAY_SECONDS = 86_400.0

VERDICTS: tuple[Rule, ...] = (
    Rule(
        "no-answer",
        "refused, reset or timed out",
        Says.RETRY,
        "The network or HubSpot failed, not the messages. Upserts and events with a uuid can be repeated safely.",
        statuses=(None,),
        reason=Reason.HUBSPOT_UNREACHABLE,
        wait_seconds=1.0,
        counts=False,
    ),
    Rule(
        "success",
        "2xx",
        Says.LOOK,
        "An input is delivered only if its record came back. A 2xx with missing results is not a success.",
        statuses=((200, 299),),
    ),
    Rule(
        "redirected",
        "3xx, 407",
        Says.STOP,
        "HubSpot's API does not redirect: a proxy misbehaves, or the base URL is wrong. The waits grow to 300 s.",
        statuses=((300, 399), (407, 407)),
        reason=Reason.HUBSPOT_UNREADABLE,
        wait_seconds=5.0,
    ),
    Rule(
        "token-expired",
        "401, and the token can be renewed",
        Says.RENEW,
        "An OAuth token ended early: Hubwire requests a new one, once.",
        statuses=_only(401),
        signs=("(RENEWABLE)",),
        reason=Reason.UNAUTHORISED,
        counts=False,
    ),
    Rule(
        "unauthorised",
        "401",
        Says.STOP,
        "The token is wrong, revoked or expired. This is not the messages' fault: they stay pending.",
        statuses=_only(401),
        reason=Reason.UNAUTHORISED,
        wait_seconds=PROBE_SECONDS,
    ),
    Rule(
        "blocked",
        "400, 403, 406, 409, 415, 422 that is not JSON",
        Says.SPLIT,
        "Something in front of HubSpot's API refused the call, perhaps because of one value. Hubwire sends parts. An "
        "input that fails alone is retrying, not dead.",
        statuses=_only(400, 403, 406, 409, 415, 422),
        signs=("(NOT_JSON)",),
        reason=Reason.HUBSPOT_UNREADABLE,
        wait_seconds=1.0,
    ),
    Rule(
        "events-not-available",
        "403 on custom events",
        Says.WITHOUT_EVENTS,
        "The account has no Enterprise tier, or the token no event scope. This applies to the whole portal.",
        statuses=_only(403),
        reason=Reason.EVENTS_NOT_AVAILABLE,
        counts=False,
        is_about_events=True,
    ),
    Rule(
        "object-forbidden",
        "403 on another object type than contact and company",
        Says.WITHOUT_OBJECT,
        "The token lacks the scope of this object type, or the account has no such objects. Other objects are sent.",
        statuses=_only(403),
        reason=Reason.FEATURE_REFUSED,
        counts=False,
        is_about_objects=True,
    ),
    Rule(
        "object-unusable",
        "400 that the object type is unknown, its key not unique, or a permission is missing",
        Says.WITHOUT_OBJECT,
        "Somebody must switch the object on, make the key property unique, or give the permission. Other objects are "
        "sent.",
        statuses=_only(400),
        signs=(
            "UNABLE TO INFER OBJECT TYPE",
            "BY NON-UNIQUE",
            "EDIT ASSOCIATIONS' PERMISSION",
            "MISSING_SCOPES",
            "USER_DOES_NOT_HAVE_PERMISSIONS",
        ),
        reason=Reason.FEATURE_REFUSED,
        counts=False,
        is_about_objects=True,
    ),
    Rule(
        "object-path-unknown",
        "404 on another object type, without a record in question",
        Says.WITHOUT_OBJECT,
        "HubSpot has no path for this object type in this portal.",
        statuses=_only(404),
        signs=("(UNKNOWN_PATH)",),
        reason=Reason.FEATURE_REFUSED,
        counts=False,
        is_about_objects=True,
    ),
    Rule(
        "forbidden",
        "403",
        Says.STOP,
        "A scope or permission is missing. This is not the messages' fault: they stay pending.",
        statuses=_only(403),
        reason=Reason.MISSING_SCOPE,
        wait_seconds=PROBE_SECONDS,
    ),
    Rule(
        "key-not-unique",
        "400, the key property is not unique",
        Says.STOP,
        "Hubwire's key property exists without unique values. No upsert can work until somebody fixes it.",
        statuses=_only(400),
        signs=("BY NON-UNIQUE",),
        reason=Reason.KEY_NOT_UNIQUE,
        wait_seconds=PROBE_SECONDS,
    ),
    Rule(
        "permission-in-400",
        "400 Missing 'Edit Associations' permission",
        Says.STOP,
        "A user-level token lacks a permission (2026-09 answers 400 instead of 403).",
        statuses=_only(400),
        signs=("EDIT ASSOCIATIONS' PERMISSION", "MISSING_SCOPES", "USER_DOES_NOT_HAVE_PERMISSIONS"),
        reason=Reason.MISSING_SCOPE,
        wait_seconds=PROBE_SECONDS,
    ),
    Rule(
        "duplicate-or-too-many",
        "400 duplicate ids, or too many inputs",
        Says.SPLIT,
        "The batch is at fault, not an input. The same batch would fail again.",
        statuses=_only(400),
        signs=("DUPLICATE IDS FOUND", "MAXIMUM NUMBER OF INPUTS"),
        reason=Reason.INVALID_INPUT,
        counts=False,
    ),
    Rule(
        "no-such-path",
        "404 without a record in question",
        Says.STOP,
        "HubSpot has no such path, so the API version or the base URL is wrong.",
        statuses=_only(404, 405, 410),
        signs=("(UNKNOWN_PATH)",),
        reason=Reason.NOT_FOUND,
        wait_seconds=PROBE_SECONDS,
    ),
    Rule(
        "locked",
        "423",
        Says.RETRY,
        "HubSpot locks the record for about two seconds.",
        statuses=_only(423),
        reason=Reason.LOCKED,
        wait_seconds=2.0,
    ),
    Rule(
        "daily-limit",
        "429 DAILY",
        Says.STOP,
        "The day's calls are used up. Messages stay pending until the portal's midnight.",
        statuses=_only(429),
        signs=("(DAILY)",),
        reason=Reason.BUDGET_SPENT,
        wait_seconds=PROBE_SECONDS,
        longest_seconds=DAY_SECONDS,
    ),
    Rule(
        "throttled",
        "429 TEN_SECONDLY_ROLLING, SECONDLY",
        Says.RETRY,
        "Calls come too fast. The wait is `Retry-After`, or 10 s for the rolling and 1 s for the secondly limit.",
        statuses=_only(429),
        reason=Reason.RATE_LIMITED,
        wait_seconds=10.0,
        counts=False,
    ),
    Rule(
        "migrating",
        "477",
        Says.STOP,
        "HubSpot moves the account to another data centre. Messages stay pending for as long as HubSpot says.",
        statuses=_only(477),
        reason=Reason.MIGRATING,
        wait_seconds=300.0,
        longest_seconds=DAY_SECONDS,
    ),
    Rule(
        "tls-failed",
        "525, 526",
        Says.STOP,
        "HubSpot's edge cannot reach HubSpot securely. Only waiting helps.",
        statuses=_only(525, 526),
        reason=Reason.HUBSPOT_FAILED,
        wait_seconds=300.0,
        longest_seconds=PROBE_SECONDS,
    ),
    Rule(
        "gateway-failed",
        "408, 425, 502, 503, 504, 520 to 530",
        Says.RETRY,
        "HubSpot or its edge is down or slow. This is not the messages' fault.",
        statuses=(*_only(408, 425, 502, 503, 504), (520, 530)),
        reason=Reason.HUBSPOT_FAILED,
        wait_seconds=1.0,
        counts=False,
    ),
    Rule(
        "refused",
        "other 4xx",
        Says.LOOK,
        "An input is at fault. HubSpot names it, or Hubwire finds it by sending parts.",
        statuses=((400, 499),),
    ),
    Rule(
        "hubspot-failed",
        "500 and other 5xx",
        Says.RETRY,
        "HubSpot failed, perhaps because of an input. The attempts count, so that retries end.",
        statuses=((500, 599),),
        reason=Reason.HUBSPOT_FAILED,
        wait_seconds=1.0,
    ),
    Rule(
        "unknown-status",
        "any other status",
        Says.RETRY,
        "The status is not a known HTTP status.",
        statuses=((0, 99_999),),
        reason=Reason.HUBSPOT_UNREADABLE,
        wait_seconds=1.0,
    ),
)

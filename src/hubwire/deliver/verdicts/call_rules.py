"""Every answer that HubSpot gives, and what becomes of the inputs: the table that `verdict.py` obeys. Pure data.

`VERDICTS` reads the status of a whole call; where that is not enough (2xx, 4xx), the inputs are looked at one by one
and `INPUT_VERDICTS` (`input_rules.py`) reads HubSpot's error about each. The first row that fits decides. The
documentation's page of verdicts is rendered from both.

Source of the statuses: HubSpot docs, "Handling errors" and usage guidelines; bodies observed live by third parties.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hubwire.reasons import Reason


class Says(StrEnum):
    """What a row decides."""

    LOOK = "look at each input"
    RETRY = "retry"
    DEAD = "dead"
    STOP = "stop the line"
    SPLIT = "send again in parts"
    LEAVE_OUT = "send again without the property"
    ADOPT = "adopt the existing record"
    WITHOUT_EVENTS = "turn custom events off"
    RENEW = "send again with a new token"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Shape: `statuses` are inclusive ranges, None is "no answer". Of `signs` one must be there (empty fits any): a word
    is HubSpot's category, sub-category or code; words with a space stand in its message; words in brackets are what
    `verdict.py` noticed. `is_about_events`: only for calls to custom events.
    Units: `wait_seconds` is the least wait, unless HubSpot names one (Retry-After, up to `longest_seconds`).
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


def _only(*statuses: int) -> tuple[tuple[int, int], ...]:
    return tuple((status, status) for status in statuses)


PROBE_SECONDS = 900.0
"""How long a line stays stopped by what a person must mend, before one call looks whether it is mended."""
DAY_SECONDS = 86_400.0

VERDICTS: tuple[Rule, ...] = (
    Rule(
        "no-answer",
        "refused, reset or timed out",
        Says.RETRY,
        "The network's or HubSpot's fault, not the messages'; upserts and events with a uuid may be repeated.",
        statuses=(None,),
        reason=Reason.HUBSPOT_UNREACHABLE,
        wait_seconds=1.0,
        counts=False,
    ),
    Rule(
        "success",
        "2xx",
        Says.LOOK,
        "Delivered only where the record came back: a 2xx with missing results is no success.",
        statuses=((200, 299),),
    ),
    Rule(
        "redirected",
        "3xx, 407",
        Says.STOP,
        "HubSpot's API does not redirect: the base URL or a proxy is wrong.",
        statuses=((300, 399), (407, 407)),
        reason=Reason.HUBSPOT_UNREADABLE,
        wait_seconds=PROBE_SECONDS,
    ),
    Rule(
        "token-expired",
        "401, and the token can be renewed",
        Says.RENEW,
        "An OAuth token ended early: asked for anew once.",
        statuses=_only(401),
        signs=("(RENEWABLE)",),
        reason=Reason.UNAUTHORISED,
        counts=False,
    ),
    Rule(
        "unauthorised",
        "401",
        Says.STOP,
        "The token is wrong, revoked or expired: it is us, not the messages; everything is held.",
        statuses=_only(401),
        reason=Reason.UNAUTHORISED,
        wait_seconds=PROBE_SECONDS,
    ),
    Rule(
        "blocked",
        "400, 403, 406, 409, 415, 422 that is not JSON",
        Says.SPLIT,
        "Not HubSpot's API but something before it, perhaps over one value: parts are sent; an input that stands alone "
        "is retried, not dead.",
        statuses=_only(400, 403, 406, 409, 415, 422),
        signs=("(NOT_JSON)",),
        reason=Reason.HUBSPOT_UNREADABLE,
        wait_seconds=1.0,
    ),
    Rule(
        "events-not-available",
        "403 on custom events",
        Says.WITHOUT_EVENTS,
        "The account has no Enterprise tier or the token no scope for events: said once for the portal.",
        statuses=_only(403),
        reason=Reason.EVENTS_NOT_AVAILABLE,
        counts=False,
        is_about_events=True,
    ),
    Rule(
        "forbidden",
        "403",
        Says.STOP,
        "A scope or permission is missing: it is us, not the messages; everything is held.",
        statuses=_only(403),
        reason=Reason.MISSING_SCOPE,
        wait_seconds=PROBE_SECONDS,
    ),
    Rule(
        "key-not-unique",
        "400, the key property is not unique",
        Says.STOP,
        "Somebody made our key property without unique values: no upsert can work until that is mended.",
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
        "The batch is at fault, not an input: sending it again as it is would fail again.",
        statuses=_only(400),
        signs=("DUPLICATE IDS FOUND", "MAXIMUM NUMBER OF INPUTS"),
        reason=Reason.INVALID_INPUT,
        counts=False,
    ),
    Rule(
        "no-such-path",
        "404 without a record in question",
        Says.STOP,
        "The path is unknown: the API version setting or the base URL is wrong.",
        statuses=_only(404, 405, 410),
        signs=("(UNKNOWN_PATH)",),
        reason=Reason.NOT_FOUND,
        wait_seconds=PROBE_SECONDS,
    ),
    Rule(
        "locked",
        "423",
        Says.RETRY,
        "HubSpot holds a lock on the record for about two seconds.",
        statuses=_only(423),
        reason=Reason.LOCKED,
        wait_seconds=2.0,
    ),
    Rule(
        "daily-limit",
        "429 DAILY",
        Says.STOP,
        "The day's calls are used up: everything is held until the portal's midnight.",
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
        "Too fast: Retry-After if there is one, else 10 s for the rolling window and 1 s for a second's limit.",
        statuses=_only(429),
        reason=Reason.RATE_LIMITED,
        wait_seconds=10.0,
        counts=False,
    ),
    Rule(
        "migrating",
        "477",
        Says.STOP,
        "The account moves to another data centre: everything is held for as long as HubSpot says.",
        statuses=_only(477),
        reason=Reason.MIGRATING,
        wait_seconds=300.0,
        longest_seconds=DAY_SECONDS,
    ),
    Rule(
        "tls-failed",
        "525, 526",
        Says.STOP,
        "HubSpot's edge cannot reach HubSpot securely: nothing to be done but wait.",
        statuses=_only(525, 526),
        reason=Reason.HUBSPOT_FAILED,
        wait_seconds=300.0,
        longest_seconds=PROBE_SECONDS,
    ),
    Rule(
        "gateway-failed",
        "408, 425, 502, 503, 504, 520 to 530",
        Says.RETRY,
        "HubSpot or its edge is down or slow; not the messages' fault.",
        statuses=(*_only(408, 425, 502, 503, 504), (520, 530)),
        reason=Reason.HUBSPOT_FAILED,
        wait_seconds=1.0,
        counts=False,
    ),
    Rule(
        "refused",
        "other 4xx",
        Says.LOOK,
        "Something about the inputs: the culprit is named, or found by sending parts.",
        statuses=((400, 499),),
    ),
    Rule(
        "hubspot-failed",
        "500 and other 5xx",
        Says.RETRY,
        "HubSpot failed, perhaps over one of the inputs: counted, so that it ends some day.",
        statuses=((500, 599),),
        reason=Reason.HUBSPOT_FAILED,
        wait_seconds=1.0,
    ),
    Rule(
        "unknown-status",
        "any other status",
        Says.RETRY,
        "Not HTTP as we know it.",
        statuses=((0, 99_999),),
        reason=Reason.HUBSPOT_UNREADABLE,
        wait_seconds=1.0,
    ),
)

"""What an answer comes to: one verdict per input, and what the lane can learn from it. Values only, pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from hubwire.deliver.verdicts.call_rules import Rule
from hubwire.delivery import Dead, Retry, StopTheLine, Verdict
from hubwire.reasons import Reason

MAX_DETAIL = 1000


class Returned(NamedTuple):
    """The record that came back for an input, with the properties that HubSpot holds now."""

    record_id: str
    properties: Mapping[str, str | None]
    is_new: bool = False
    warnings: tuple[str, ...] = ()
    """Values that HubSpot took but changed (2026-09: dates), in its words."""


class Blamed(NamedTuple):
    """A property of an input that HubSpot refused, and why. Always one that the input has."""

    property: str
    reason: Reason
    message: str


@dataclass(slots=True)
class Judgement:
    """One answer, judged.

    Shape: `verdicts` has exactly one entry per input, in input order; the dicts and `gone` are keyed by input index.
    """

    rule: str
    """The row of the verdict table that decided about the call."""
    verdicts: list[Verdict]
    detail: str = ""
    """HubSpot's words, for the attempt and the log."""
    returned: dict[int, Returned] = field(default_factory=dict)
    blame: dict[int, list[Blamed]] = field(default_factory=dict)
    """Refused properties: leave them out and send the input again at once."""
    adopt: dict[int, str] = field(default_factory=dict)
    """The id of the record that exists already: update that one."""
    gone: list[int] = field(default_factory=list)
    """Inputs whose remembered record id leads nowhere: forget it."""
    again: list[int] = field(default_factory=list)
    """Inputs to send again at once: without the properties that are blamed, or without the culprits beside them."""
    split: bool = False
    """Something spoils the batch and nobody says what: send parts (`bisect.py`), never the same batch again."""
    again_after_seconds: float | None = None
    """The whole call failed and may be repeated as it is after this wait; None: it may not, or need not."""
    counts: bool = True
    """Whether repeating the whole call uses up an attempt."""
    is_answered: bool = True
    """HubSpot dealt with the call, whatever it said of the inputs; False: no answer, failed, throttled, stopped."""
    stop: StopTheLine | None = None
    schema_is_stale: bool = False
    """Our copy of the portal's schema is wrong: read it again before the next cycle."""
    events_available: bool = True
    is_daily_spent: bool = False
    may_renew_token: bool = False


def dead(reason: Reason, detail: str) -> Dead:
    """A death with HubSpot's words, shortened."""
    return Dead(reason, detail[:MAX_DETAIL])


def at_once(reason: Reason, detail: str = "") -> Retry:
    """Send again now, changed or in other company; no attempt is used up."""
    return Retry(0.0, reason, detail[:MAX_DETAIL], counts=False)


def later(row: Rule, detail: str = "") -> Retry:
    """Try again as a row of the table says."""
    return Retry(row.wait_seconds, row.reason or Reason.HUBSPOT_FAILED, detail[:MAX_DETAIL], row.counts)

"""The result of judging an answer: one verdict for each input, and facts for the lane. Only values, pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from hubwire.deliver.verdicts.call_rules import Rule
from hubwire.delivery import Dead, Retry, StopTheLine, Verdict
from hubwire.reasons import Reason

MAX_DETAIL = 1000


class Returned(NamedTuple):
    """The returned record of an input, with HubSpot's current properties."""

    record_id: str
    properties: Mapping[str, str | None]
    is_new: bool = False
    warnings: tuple[str, ...] = ()
    """HubSpot's warnings about values that it accepted but changed (2026-09: dates)."""


class Blamed(NamedTuple):
    """A property of an input that HubSpot refused, and why. Always one that the input has."""

    property: str
    reason: Reason
    message: str


@dataclass(slots=True)
class InputJudgement:
    """The judgement of one input."""

    verdict: Verdict
    returned: Returned | None = None
    blamed: list[Blamed] = field(default_factory=list)
    """Refused properties: leave them out and send the input again at once."""
    existing_id: str | None = None
    """The id of the record that already exists and must be updated instead."""
    is_gone: bool = False
    """The remembered record id leads nowhere: forget it."""
    is_again: bool = False
    """Send the input again at once: without its blamed properties, or without the inputs that are at fault."""


@dataclass(slots=True)
class Judgement:
    """One answer, judged. Shape: `inputs` has exactly one entry per input, in the order they were sent."""

    rule: str
    """The row of the verdict table that decided about the call."""
    inputs: list[InputJudgement]
    detail: str = ""
    """HubSpot's words, for the attempt and the log."""
    split: bool = False
    """Something unknown spoils the batch: send parts (`bisect.py`), never the same batch again."""
    again_after_seconds: float | None = None
    """The whole call failed and may be repeated as it is after this wait; None: it may not, or need not."""
    counts: bool = True
    """Whether repeating the whole call uses up an attempt."""
    is_answered: bool = True
    """Whether HubSpot processed the call, even if it refused inputs. False: no answer, failed, throttled, stopped."""
    stop: StopTheLine | None = None
    schema_is_stale: bool = False
    """Our copy of the portal's schema is wrong: read it again before the next cycle."""
    is_daily_spent: bool = False

    @property
    def verdicts(self) -> list[Verdict]:
        """The verdict of each input."""
        return [judged.verdict for judged in self.inputs]


def same_for_all(verdict: Verdict, inputs: Sequence[object]) -> list[InputJudgement]:
    """One entry per input, all with the same verdict."""
    return [InputJudgement(verdict) for _ in inputs]


def dead(reason: Reason, detail: str) -> Dead:
    """A death with HubSpot's words, shortened."""
    return Dead(reason, detail[:MAX_DETAIL])


def at_once(reason: Reason, detail: str = "") -> Retry:
    """A retry at once, of a changed input or in another batch. Uses up no attempt."""
    return Retry(0.0, reason, detail[:MAX_DETAIL], counts=False)


def later(row: Rule, detail: str = "") -> Retry:
    """The retry of a table row."""
    return Retry(row.wait_seconds, row.reason or Reason.HUBSPOT_FAILED, detail[:MAX_DETAIL], row.counts)

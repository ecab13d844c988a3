"""The effect of a verdict on dependent work. Pure."""

from __future__ import annotations

from hubwire.delivery import Dead, Delivered, Retry, StopTheLine, Verdict
from hubwire.reasons import Reason


def as_stop(verdict: Verdict) -> StopTheLine:
    """The stop of a cycle that needs this answer, for as long as the verdict says."""
    match verdict:
        case StopTheLine():
            return verdict
        case Retry():
            return StopTheLine(verdict.reason, verdict.detail, retry_after_seconds=max(verdict.after_seconds, 1.0))
        case Dead():
            return StopTheLine(verdict.reason, verdict.detail)
        case Delivered():
            raise AssertionError("a delivery stops nothing")


def is_delivered(verdict: Verdict) -> bool:
    """Whether HubSpot confirmed this input."""
    return isinstance(verdict, Delivered)


def was_sent(verdict: Verdict) -> bool:
    """Whether an undelivered input may still have had an effect."""
    return not (isinstance(verdict, Retry) and verdict.reason is Reason.BUDGET_SPENT)


def follows(verdict: Verdict) -> Verdict:
    """The verdict of everything that depended on an undelivered input."""
    match verdict:
        case Retry():
            return Retry(verdict.after_seconds, verdict.reason, verdict.detail, counts=False)
        case Dead():
            return Dead(verdict.reason, verdict.detail)
        case _:
            return verdict

"""Verdicts that follow from no single answer of HubSpot: a spent budget, a missing record, a bug, a run of deaths.

With `judge.py` and `dependants.py`, these are all the places that decide about retries; the steps and the lane call
them by name (`tests/unit/deliver/verdicts/test_without_answer.py` holds that). Pure.
"""

from __future__ import annotations

from hubwire.deliver.verdicts.judgement import Judgement
from hubwire.delivery import Dead, Retry, StopTheLine
from hubwire.hubspot.call import Answer
from hubwire.reasons import Reason

OUTAGE_RETRY_SECONDS = 30.0
MISSING_RETRY_SECONDS = 30.0
MISSED_RETRY_SECONDS = 10.0
WRITTEN_RETRY_SECONDS = 1.0
BACKFILL_RETRY_SECONDS = 60.0
UNREADABLE_SECONDS = 60.0
RUN_PROBE_SECONDS = 300.0
NOT_FOUND = 404

EVENTS_NOT_AVAILABLE = Retry(0.0, Reason.EVENTS_NOT_AVAILABLE, counts=False)
"""The message is planned again at once, with a schema without events, so that its other parts are sent."""


def stages_changed(detail: str) -> Retry:
    """A pipeline was changed since it was read: the message is planned again at once, with its stages of now."""
    return Retry(0.0, Reason.STAGE_NOT_IN_PIPELINE, detail, counts=False)


NO_ANSWER = StopTheLine(Reason.HUBSPOT_FAILED)
"""The trouble of a cycle in which no call has failed yet."""


# -- the budget


def budget_spent(wait_seconds: float) -> Retry:
    """The day has no call left for this many seconds; no attempt is used up."""
    return Retry(wait_seconds, Reason.BUDGET_SPENT, counts=False)


def backfill_put_off() -> Retry:
    """An imported message that is due, while the day's calls are needed for live ones."""
    return budget_spent(BACKFILL_RETRY_SECONDS)


def day_is_spent() -> StopTheLine:
    """The day has no call left for any priority."""
    return StopTheLine(Reason.BUDGET_SPENT, "the day's calls are used up")


# -- missing records and definitions


def record_missing() -> Retry:
    """The contact or company of an event or association is not confirmed yet."""
    return Retry(MISSING_RETRY_SECONDS, Reason.RECORD_MISSING)


def company_may_appear(wait_ms: int) -> Retry:
    """The company may have been created a moment ago, by HubSpot or by somebody else, and no search shows it yet."""
    return Retry(wait_ms / 1000, Reason.COMPANY_MAY_APPEAR, counts=False)


def read_with_next() -> Retry:
    """An imported message whose contact is read in the next cycle, so that every read is full."""
    return Retry(0.0, Reason.READ_WITH_NEXT, counts=False)


def companies_together(wait_ms: int) -> Retry:
    """A live message whose company travels with those of the next seconds."""
    return Retry(wait_ms / 1000, Reason.COMPANIES_TOGETHER, counts=False)


EVENT_NAME_USED = Dead(Reason.EVENT_NAME_USED)
"""HubSpot refuses to define the event although it has no definition of that name: somebody deleted it. The messages are
held. Source: HubSpot's guide to event definitions says that a deleted name cannot be used again."""


def definition_missing() -> Retry:
    """The definition of an event could not be created."""
    return Retry(MISSING_RETRY_SECONDS, Reason.NOT_FOUND)


def property_missing() -> Retry:
    """HubSpot answered that it created the property, but does not show it yet."""
    return Retry(MISSED_RETRY_SECONDS, Reason.RECORD_MISSING, "the property is not there yet")


def property_refused(text: str) -> Dead:
    """HubSpot refuses to create this property; the detail has its words."""
    return Dead(Reason.UNKNOWN_PROPERTY, text)


def waited_enough(verdict: Retry) -> Dead:
    """The lane has waited for this property often enough: messages are sent without it."""
    return Dead(verdict.reason, verdict.detail)


# -- calls and batches


def of_one_call(answer: Answer, judgement: Judgement) -> Retry | Dead:
    """The verdict of a call that is not a batch and did not succeed, after its tries."""
    if judgement.again_after_seconds is not None:
        return Retry(judgement.again_after_seconds, reason_of(answer), judgement.detail)
    refused = Reason.NOT_FOUND if answer.status == NOT_FOUND else Reason.INVALID_INPUT
    return Dead(refused if judgement.stop is None else judgement.stop.reason, judgement.detail)


def reason_of(answer: Answer) -> Reason:
    """The reason to repeat a call without a usable answer."""
    if answer.status is None:
        return Reason.HUBSPOT_UNREACHABLE
    if answer.status == 429:
        return Reason.RATE_LIMITED
    return Reason.HUBSPOT_FAILED if answer.status >= 500 else Reason.HUBSPOT_UNREADABLE


def trouble_of(answer: Answer, judgement: Judgement) -> StopTheLine:
    """A failed call, in case every call of the cycle fails: then the lane waits."""
    return StopTheLine(reason_of(answer), judgement.detail or judgement.rule)


def not_tried(trouble: StopTheLine) -> Retry:
    """HubSpot is down: the call was not made, and no attempt is used up."""
    return Retry(OUTAGE_RETRY_SECONDS, trouble.reason, trouble.detail, counts=False)


def never_settled(judgement: Judgement) -> Retry:
    """The batch was corrected and sent again and again, and HubSpot still refuses it."""
    return Retry(OUTAGE_RETRY_SECONDS, Reason.REFUSED_BY_HUBSPOT, judgement.detail)


def not_isolated(judgement: Judgement) -> Retry:
    """Every part of the batch fails: HubSpot is at fault, not one input."""
    return Retry(OUTAGE_RETRY_SECONDS, Reason.HUBSPOT_FAILED, judgement.detail)


def blamed_again(judgement: Judgement) -> Dead:
    """HubSpot blames a property that the input no longer has."""
    return Dead(Reason.INVALID_INPUT, judgement.detail)


def written_already(record_id: str) -> Retry:
    """Two inputs of a cycle are for one record: the second is sent in the next cycle."""
    return Retry(WRITTEN_RETRY_SECONDS, Reason.CONFLICT, f"record {record_id} is written already")


def unreadable_schema(text: str) -> StopTheLine:
    """The portal's schema cannot be read. The lane tries again in a minute."""
    return StopTheLine(Reason.HUBSPOT_UNREADABLE, text, retry_after_seconds=UNREADABLE_SECONDS)


# -- messages and sources


def internal_error(exc: Exception) -> Dead:
    """A bug of ours on this message alone."""
    return Dead(Reason.INTERNAL_ERROR, repr(exc))


def source_parked(wait_seconds: float) -> Retry:
    """HubSpot refuses what this public source sends: its messages wait, and no attempt is used up."""
    return Retry(max(wait_seconds, 1.0), Reason.SOURCE_PARKED, counts=False)


def run_of_deaths(text: str) -> StopTheLine:
    """HubSpot refuses what a server source sends: probably a setting."""
    return StopTheLine(Reason.RUN_OF_DEATHS, text, retry_after_seconds=RUN_PROBE_SECONDS)

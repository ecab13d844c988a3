"""Decides about form submissions: whether one is made, and what an answer means. Pure.

HubSpot does not recognise a repeated submission, so none is made twice on purpose: a submission is stored before its
call, and a message whose answer is unknown is submitted again only if the contact shows no conversion since.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from hubwire.delivery import Retry
from hubwire.hubspot.forms import CAPTCHA, OLDEST_SUBMISSION_MS, FormFault
from hubwire.operation import LeftOut, SubmitForm
from hubwire.reasons import Reason
from hubwire.record.marketing import Submission, SubmissionState

DOUBLE_MS = 60_000
"""Two messages with the same form, person and values within this time are one submission."""
CONFIRM_SECONDS = 10.0
GIVE_UP_MS = 120_000
"""How long after its 200 a submission waits for its contact."""
CLOCKS_MS = 60_000


def content_of(operation: SubmitForm) -> str:
    """A digest of the form, the person and the values of a submission."""
    parts = [operation.form, operation.email]
    parts += [f"{field.object}.{field.name}={field.value}" for field in sorted(operation.fields)]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def reason_not_to_submit(
    operation: SubmitForm, content: str, alike: Iterable[Submission], now_ms: int, *, is_import: bool
) -> LeftOut | None:
    """Why a message submits no form, or None if it does. `alike`: submissions with the same content."""
    name = field_of(operation)
    if is_import:
        return LeftOut(name, Reason.FORM_NOT_SUBMITTED, "an import submits no forms")
    if now_ms - operation.at_ms > OLDEST_SUBMISSION_MS:
        return LeftOut(name, Reason.FORM_NOT_SUBMITTED, "HubSpot takes no submission that is older than a month")
    for submission in alike:
        is_other = submission.submission_id != operation.submission_id and submission.content == content
        is_made = submission.state is not SubmissionState.REFUSED
        if is_other and is_made and abs(submission.at_ms - operation.at_ms) <= DOUBLE_MS:
            return LeftOut(name, Reason.SUBMITTED_ALREADY, "the same values were submitted less than a minute apart")
    return None


def field_of(operation: SubmitForm) -> str:
    """The name of a form in reports."""
    return f"form:{operation.form}"


def refused(operation: SubmitForm, faults: Sequence[FormFault], words: str) -> LeftOut:
    """The report of a submission that HubSpot refuses."""
    if any(fault.error_type == CAPTCHA for fault in faults):
        return LeftOut(field_of(operation), Reason.FORM_HAS_CAPTCHA)
    text = "; ".join([f"{fault.error_type}: {fault.message}" for fault in faults]) or words
    return LeftOut(field_of(operation), Reason.REFUSED_BY_HUBSPOT, text[:1000])


def unconfirmed() -> Retry:
    """HubSpot answered 200 and does not show the contact yet."""
    return Retry(CONFIRM_SECONDS, Reason.FORM_UNCONFIRMED, counts=False)


def in_line() -> Retry:
    """HubSpot's limit of submissions leaves this one to the next cycle."""
    return Retry(1.0, Reason.RATE_LIMITED, "HubSpot takes 100 form submissions in ten seconds", counts=False)


def unknown_answer(verdict: Retry, *, counts: bool = True) -> Retry:
    """The call may have had its effect: the contact is looked at before the next try."""
    seconds = max(verdict.after_seconds, CONFIRM_SECONDS)
    return Retry(seconds, verdict.reason, verdict.detail, counts and verdict.counts)


def may_arrive(submission: Submission, now_ms: int) -> bool:
    """Whether a submission without a known answer is so new that HubSpot may not show its contact yet."""
    return 0 <= now_ms - submission.sent_at_ms < 1000 * CONFIRM_SECONDS


def has_arrived(submission: Submission, converted_at_ms: int | None) -> bool:
    """Whether a submission without a known answer reached HubSpot: the contact has a conversion since its call."""
    return converted_at_ms is not None and converted_at_ms >= submission.sent_at_ms - CLOCKS_MS

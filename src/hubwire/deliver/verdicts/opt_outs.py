"""Decides about the state of a subscription: what HubSpot has, what a message wants, and what an answer means. Pure.

A person who opted out stays out. Only a rule that says so takes an opt-out back, and only for a message that is newer
than the opt-out.
"""

from __future__ import annotations

from hubwire.delivery import Dead
from hubwire.hubspot.errors import Problem
from hubwire.hubspot.preferences import HeldStatus
from hubwire.hubspot.reading import when
from hubwire.operation import LeftOut, SetSubscription
from hubwire.reasons import Reason
from hubwire.record.marketing import Preference

OUT = "UNSUBSCRIBED"
NO_STATE = "NOT_SPECIFIED"
"""The state of an address about which nobody decided, whatever time HubSpot shows with it."""


def reason_to_leave(
    operation: SetSubscription, held: HeldStatus | None, known: Preference | None, *, is_out_of_all: bool = False
) -> LeftOut | None:
    """Why a state is not written, or None if it is. `known`: what Hubwire wrote before.

    Shape: a state that Hubwire wrote counts with the time of its message, any other with HubSpot's time.
    """
    name = field_of(operation)
    is_out = is_out_of_all or (held is not None and held.state == OUT)
    if operation.status != OUT and is_out and not operation.may_resubscribe:
        return LeftOut(name, Reason.OPTED_OUT)
    if held is None or held.state in (operation.status, NO_STATE) or held.at_ms is None:
        return None
    if known is not None and known.state == held.state and known.confirmed_at_ms:
        return None
    if held.at_ms > operation.at_ms:
        return LeftOut(name, Reason.NEWER_IN_HUBSPOT, f"{held.state} since {when(held.at_ms)}")
    return None


def field_of(operation: SetSubscription) -> str:
    """The name of a subscription in reports."""
    return f"subscription:{operation.subscription}"


def is_so_already(operation: SetSubscription, problem: Problem) -> bool:
    """Whether HubSpot refuses a state because the address has it.

    Source: 400s recorded in public tests: the address "is already subscribed to" a subscription.
    """
    words = problem.message.lower()
    already = "already unsubscribed" if operation.status == OUT else "already subscribed"
    return already in words


def failed(operation: SetSubscription, words: str) -> Dead:
    """The verdict of an opt-out that HubSpot does not take: somebody must see it, so it is no mere report."""
    return Dead(Reason.OPT_OUT_FAILED, f"{operation.subscription}: {words}")


def refused(operation: SetSubscription, problem: Problem) -> LeftOut:
    """The report of an opt-in that HubSpot refuses."""
    if "unsubscribed" in problem.message.lower():
        return LeftOut(field_of(operation), Reason.OPTED_OUT, problem.text)
    return LeftOut(field_of(operation), Reason.REFUSED_BY_HUBSPOT, problem.text)

"""Fields that deliveries left out, with what helps: create the property, map the trait, replay the messages."""

from __future__ import annotations

import msgspec

from hubwire.delivery import State
from hubwire.explanations import cause_of, remedy_of
from hubwire.manage.changes import PROPERTY
from hubwire.reasons import FIXABLE, Reason
from hubwire.record.message_filter import MessageFilter
from hubwire.record.statistics import LeftOutCount
from hubwire.web.parameters import filter_query
from hubwire.web.request import View

EVENT_PREFIX = "properties."
NO_COMPANY_PROPERTY = "company property"
"""Part of the detail of a field that a company lacks."""


class LeftOutLine(msgspec.Struct, frozen=True, kw_only=True):
    """A field that was left out, with count, reason and remedy. `suggested` is a property name."""

    field: str
    reason: str
    count: int
    cause: str
    remedy: str
    detail: str
    messages_href: str
    replay_href: str
    trait: str
    suggested: str
    object_type: str
    can_create: bool


def left_out_lines(view: View, destination_id: int, limit: int) -> list[LeftOutLine]:
    """The fields that the destination's deliveries left out, most frequent first. Blocks."""
    counts = view.deps.statistics.left_out(destination_id, limit)
    return [_left_out(view, entry, destination_id) for entry in counts]


def fixable_lines(view: View, destination_id: int, limit: int) -> list[LeftOutLine]:
    """The fields that somebody can fix: those that were left out by design do not count. Blocks."""
    return [line for line in left_out_lines(view, destination_id, 10 * limit) if line.reason in FIXABLE][:limit]


def _left_out(view: View, field: LeftOutCount, destination_id: int) -> LeftOutLine:
    detail = field.sample_detail if view.sees_payloads else str(view.masked(field.sample_detail))
    trait = field.field.rpartition(".")[2]
    criteria = MessageFilter(left_out=field.field, reason=field.reason, destination_id=destination_id)
    suggested = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in trait.lower())[:100]
    return LeftOutLine(
        field=field.field,
        reason=field.reason,
        count=field.count,
        cause=cause_of(field.reason),
        remedy=remedy_of(field.reason),
        detail=detail[:1].upper() + detail[1:],
        messages_href=f"/messages?{filter_query(criteria)}",
        replay_href=f"/replays/new?{filter_query(criteria, state=State.DELIVERED)}",
        trait=trait,
        suggested=suggested,
        object_type="company" if NO_COMPANY_PROPERTY in field.sample_detail else "contact",
        can_create=field.reason == Reason.UNKNOWN_PROPERTY
        and not field.field.startswith(EVENT_PREFIX)
        and bool(PROPERTY.fullmatch(suggested)),
    )

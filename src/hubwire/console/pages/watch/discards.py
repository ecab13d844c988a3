"""Discarding dead or held messages: count, confirm, done. A discarded message can be replayed."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from hubwire.console.pages.watch.messages import (
    Choices,
    MessageLine,
    choices,
    lines,
)
from hubwire.delivery import DISCARDABLE, State
from hubwire.manage import decisions
from hubwire.reasons import Reason
from hubwire.record.message_filter import MessageFilter
from hubwire.web.parameters import command_of, filter_query, message_filter
from hubwire.web.request import View

SAMPLE_MESSAGES = 5


class NewDiscardPage(msgspec.Struct, frozen=True, kw_only=True):
    """`count` is None until an outcome is chosen."""

    criteria: MessageFilter
    choices: Choices
    states: list[State]
    count: int | None
    sample: list[MessageLine]


async def new_discard(view: View) -> Response:
    """`/discards/new`: the matching messages; discards nothing."""
    page = await view.read(_read, view)
    cli = command_of("hubwire discard", page.criteria, view.deps.registry, state=State.DEAD)
    return view.render("watch/new_discard.html", page, title="Discard messages", cli=cli)


async def discard(view: View) -> Response:
    """POST `/discards`: discard the matching messages."""
    form = await view.form()
    criteria = await view.read(message_filter, form, view.deps.registry)
    done = await view.read(decisions.discard, view.deps, view.viewer.name, criteria, None, form.get("note", ""))
    shown = MessageFilter(state=State.DISCARDED, reason=Reason.DISCARDED_BY_PERSON)
    message = "discarded" if done.count else "moved-on"
    return view.redirect(f"/messages?{filter_query(shown, done=message)}")


def _read(view: View) -> NewDiscardPage:
    deps = view.deps
    criteria = msgspec.structs.replace(message_filter(view.fields, deps.registry), before=None)
    is_chosen = criteria.state in DISCARDABLE
    sample = deps.queries.messages(msgspec.structs.replace(criteria, limit=SAMPLE_MESSAGES)) if is_chosen else []
    return NewDiscardPage(
        criteria=criteria,
        choices=choices(view),
        states=list(DISCARDABLE),
        count=deps.queries.count(criteria) if is_chosen else None,
        sample=lines(view, sample),
    )

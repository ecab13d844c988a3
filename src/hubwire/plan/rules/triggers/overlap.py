"""Finds out whether two triggers can fire for the same message. Used on save, for rules that write one property."""

from __future__ import annotations

from hubwire.plan.rules.triggers import segment
from hubwire.plan.rules.triggers.conditions import Message
from hubwire.plan.rules.triggers.documented import parse
from hubwire.plan.rules.triggers.readings import compared_values, tests_of
from hubwire.plan.rules.triggers.rewriting import documented
from hubwire.plan.rules.triggers.samples import samples
from hubwire.plan.rules.triggers.syntax import Joined, Node
from hubwire.plan.rules.triggers.trigger import Reading, Trigger

MAX_TRIED = 2_000


def both_fire(first: Trigger, second: Trigger) -> Message | None:
    """A message for which both triggers fire; None if there is none, or if there are too many to try."""
    reach = first.reach.both(second.reach)
    if reach.types == frozenset() or reach.events == frozenset():
        return None
    both = Joined("and", (_node(first), _node(second)))
    tests = tests_of(both)
    messages = samples(compared_values(both), lambda message: tuple([test(message) for test in tests]), MAX_TRIED)
    return next((message for message in messages or () if first.fires(message) and second.fires(message)), None)


def _node(trigger: Trigger) -> Node:
    if trigger.reading is Reading.SEGMENT:
        return documented(segment.parse(trigger.text))
    return parse(trigger.text)

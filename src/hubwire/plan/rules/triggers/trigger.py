"""A trigger, compiled once: whether it fires for a message, and for which types and event names it can fire at all.

A trigger has one of two readings. `documented`, the default, is strict and means what Segment's documentation says; on
save, `refuse_two_meanings` refuses a text that Segment's package reads differently. `segment` does what the
package does, and is set by the import of existing subscriptions only. docs/reference/rule-languages.md has both.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hubwire.plan.rules.triggers import documented, meaning, segment
from hubwire.plan.rules.triggers.conditions import Fires, Reach
from hubwire.plan.rules.triggers.documented import TriggerRefused
from hubwire.plan.rules.triggers.readings import difference
from hubwire.plan.rules.triggers.segment_tokens import Unreadable
from hubwire.plan.rules.triggers.syntax import roots_of


class Reading(StrEnum):
    """The reading of a trigger."""

    DOCUMENTED = "documented"
    SEGMENT = "segment"


@dataclass(frozen=True, slots=True)
class Trigger:
    """A compiled trigger. `fires` takes a message as its JSON object; `reach` is for an index of rules.

    `fires_within` is `fires` for messages whose type and event name lie within `reach`; it does not test these again.
    It reads the fields `roots` at the top of a message.
    """

    text: str
    reading: Reading
    fires: Fires
    reach: Reach
    fires_within: Fires
    roots: frozenset[str]

    @property
    def name(self) -> str:
        """The text with its reading: two rules with the same one fire together."""
        return f"{self.reading} {self.text}"


def compile_trigger(text: str, reading: Reading = Reading.DOCUMENTED) -> Trigger:
    """The compiled trigger of a text.

    Errors: TriggerRefused, with the place and what was expected (in the reading `segment`: where the package fails).
    """
    if reading is Reading.SEGMENT:
        try:
            group = segment.parse(text)
        except Unreadable as exc:
            raise TriggerRefused(f"Segment's trigger package cannot read it: {exc}", value=text) from exc
        fires = segment.compile_group(group)
        return Trigger(text, reading, fires, segment.reach_of(group), fires, segment.ROOTS)
    node = documented.parse(text)
    within = meaning.within(node)
    fires, fires_within = meaning.compile_documented(node), meaning.compile_documented(within)
    return Trigger(text, reading, fires, meaning.reach_of(node), fires_within, roots_of(within))


def refuse_two_meanings(text: str) -> None:
    """Refuse a documented trigger that the package reads differently. Applies to all rules but `skip`.

    Errors: TriggerRefused with both readings, a message that tells them apart, and a form with one meaning.
    """
    found = difference(text)
    if found is not None:
        raise TriggerRefused(str(found), value=text)

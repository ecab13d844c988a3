"""alias -> no operation, because HubSpot has none for it. It links the ids of one person.

Our decisions: the previous id may be a user's or an anonymous one, so both keys point to the new userId, and the new
userId points back: whichever of them has an e-mail, all reach it. Such pointers never displace an e-mail, and one that
points back never displaces one to a newer id. A self-alias
(analytics.js sends one when `alias` is called after `identify`) teaches nothing.
Source: Segment spec, "Alias"; HubSpot destination metadata (alias: not supported).
"""

from __future__ import annotations

from hubwire.destination import Source
from hubwire.message import Message
from hubwire.operation import Discard, Link, Plan
from hubwire.plan.identity import Identity, names_someone
from hubwire.plan.rulebook import Rulebook
from hubwire.reasons import Reason


def plan_alias(message: Message, source: Source, book: Rulebook, identity: Identity) -> Plan:
    """Always a discard: Hubwire remembers an alias and sends nothing."""
    is_self = message.previous_id == message.user_id
    return Plan(fate=Discard(Reason.ALIAS_REMEMBERED, "both ids are the same" if is_self else ""))


def links_of_alias(message: Message, space: str) -> list[Link]:
    """Pointers between the previous id and the userId, in both directions."""
    user_id, previous = message.user_id, message.previous_id
    if not names_someone(user_id) or not names_someone(previous) or user_id == previous:
        return []
    at_ms = message.timestamp_ms
    return [
        Link(space, f"u:{previous}", f"@u:{user_id}", 0, at_ms),
        Link(space, f"a:{previous}", f"@u:{user_id}", 0, at_ms),
        Link(space, f"u:{user_id}", f"@u:{previous}", 0, 0),
    ]

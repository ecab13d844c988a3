"""Operations for HubSpot, and the plan of one message.

An operation has the position of its message: after coalescing, one HubSpot input stands for many messages, and the
returned record settles each of them.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

from hubwire.reasons import Reason


class PropertyValue(NamedTuple):
    """One property value in the form that HubSpot receives, and the rule that made it."""

    value: str
    rule: str


class UpsertContact(Struct, gc=False):
    """Create or update the contact with this e-mail. `email` is lower-cased and trimmed."""

    email: str
    properties: dict[str, PropertyValue]
    at_ms: int
    position: int


class UpsertCompany(Struct, gc=False):
    """Create, adopt or update the company of this registrable domain."""

    domain: str
    properties: dict[str, PropertyValue]
    at_ms: int
    position: int


class Associate(Struct, gc=False):
    """Link the contact with this e-mail to the company of this domain."""

    email: str
    domain: str
    position: int


class SendEvent(Struct, gc=False):
    """One custom event occurrence of the contact with this e-mail, or of the visitor with this cookie (`utk`).

    Shape: `event` is the internal name without prefix (`order_completed`) or a full name (`pe123_x`) that exists;
    `label` is the caller's name for it, `types` the HubSpot type of each property (for a definition to be created);
    `uuid` is derived from messageId, so that a repeat has no effect. `email` is None if only the cookie is known.
    """

    email: str | None
    event: str
    label: str
    properties: dict[str, PropertyValue]
    types: dict[str, str]
    occurred_at_ms: int
    uuid: str
    position: int
    utk: str | None = None


Operation = UpsertContact | UpsertCompany | Associate | SendEvent


class LeftOut(Struct, frozen=True, gc=False):
    """One left-out field of a message, with the reason. `field` is its path (`traits.plan`)."""

    field: str
    reason: Reason
    detail: str = ""


class Link(NamedTuple):
    """One link between ids, in an identity space.

    Shape: `key` is `u:<userId>`, `a:<anonymousId>` or `g:<groupId>`, or `i:<userId>` for the e-mail that a user has
    from another id of theirs; `target` is an e-mail (u, a, i), a domain (g), or `@<key>` when it points to another id
    of the same person. `strength`: 3 identify, 2 context.traits, 1 properties.email, 0 a pointer that no e-mail came
    with (alias, or an identify without e-mail). If a key has two links, the one with the greater `rank` stays, so
    the order of arrival does not matter.
    """

    space: str
    key: str
    target: str
    strength: int
    at_ms: int

    @property
    def rank(self) -> tuple[int, int, str]:
        """The order of links for one key: the link with the greater rank stays."""
        return self.strength, self.at_ms, self.target


def hold_key(space: str, key: str) -> str:
    """The name of the link that releases a hold: `<space>|<key>`."""
    return f"{space}|{key}"


class Discard(Struct, frozen=True, gc=False):
    """Dropped on purpose by rule: counted, recorded, never retried."""

    reason: Reason
    detail: str = ""


class Hold(Struct, frozen=True, gc=False):
    """Held until one of `keys` (made by `hold_key`) is linked; discarded for `ends_as` when the hold's time is over.

    `until_ms`: tried again then, at the latest.

    `has_cookie`: the message names its visitor by a cookie, and is sent with that when the wait for its person is over.
    """

    reason: Reason
    keys: tuple[str, ...] = ()
    detail: str = ""
    ends_as: Reason = Reason.NEVER_IDENTIFIED
    has_cookie: bool = False
    until_ms: int | None = None


class Plan(Struct, gc=False):
    """The plan of one message: operations, or a discard or hold; and its left-out fields."""

    operations: list[Operation] = []
    fate: Discard | Hold | None = None
    left_out: list[LeftOut] = []
    missing_properties: list[tuple[str, str, str]] = []
    """(object type, property name, HubSpot type) that the portal lacks and the destination may create."""

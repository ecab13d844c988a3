"""What rules remember of people: the traits that they name as `$person.<trait>`.

Only traits that a rule of the destination names are remembered, each with the newest value that an identify call or
`context.traits` gave it. They are links of a space for each person, which is the person's id or e-mail within an
identity space; so they load, win and are deleted as the other links do.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from hubwire.destination import Source
from hubwire.message import Message, MessageType
from hubwire.operation import Link, space_of_person
from hubwire.plan.calls.identify import given_email
from hubwire.plan.emails import as_email, context_traits, email_value, external_email
from hubwire.plan.identity import IDENTIFIED, Identity, names_someone

MAX_VALUE = 1_000
"""The characters of a remembered value as JSON; a longer one is not remembered. Chosen."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def links_of_traits(message: Message, space: str, names: Iterable[str], email_keys: tuple[str, ...]) -> list[Link]:
    """The links that a message adds for the named traits."""
    is_identify = message.type is MessageType.IDENTIFY
    traits = (message.traits if is_identify else {}) or context_traits(message.context)
    values = {name: _encode(traits[name]).decode() for name in names if name in traits}
    if not values:
        return []
    email = given_email(message, email_keys)[0] if is_identify else _email_in_context(message, email_keys)
    people = [f"e:{email}"] if email is not None else []
    if names_someone(message.user_id):
        people.append(f"u:{message.user_id}")
    elif names_someone(message.anonymous_id):
        people.append(f"a:{message.anonymous_id}")
    return [
        Link(space_of_person(space, person), name, value, IDENTIFIED, message.timestamp_ms)
        for person in people
        for name, value in values.items()
        if len(value) <= MAX_VALUE
    ]


def keys_of_traits(
    message: Message, source: Source, names: Iterable[str], email_keys: tuple[str, ...], identity: Identity
) -> list[tuple[str, str]]:
    """The (space, key) pairs of the named traits of a message's person, for all ids by which the person is known."""
    space = source.identity_space
    given = given_email(message, email_keys)[0] if message.type is MessageType.IDENTIFY else None
    if message.type is MessageType.TRACK:
        given = as_email(email_value(message.properties))
    given = given or _email_in_context(message, email_keys)
    known = identity.resolve(space, message.user_id, message.anonymous_id)
    email = given or known.email
    people = [f"e:{email}"] if email is not None else []
    if known.email in (None, email):
        people += [key for key in known.keys if key[0] in "ua"]
    return [(space_of_person(space, person), name) for person in people for name in names]


def traits_of(keys: Iterable[tuple[str, str]], identity: Identity) -> dict[str, Any]:
    """The newest remembered value of each trait."""
    links = [link for key in keys if (link := identity.link(key)) is not None]
    return {link.key: _decode(link.target) for link in sorted(links, key=lambda link: link.rank)}


def _email_in_context(message: Message, email_keys: tuple[str, ...]) -> str | None:
    traits = context_traits(message.context)
    return as_email(email_value(traits, email_keys)) or external_email(message.context)

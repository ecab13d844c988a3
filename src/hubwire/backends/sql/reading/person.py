"""One person as a filter of messages: all ids and addresses that identity links, so that none of theirs is missed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hubwire.backends.sql.database import Session
from hubwire.backends.sql.identity import read_identity

ID_KINDS = ("u:", "a:", "i:")
"""The kinds of links whose key is an id of a person: a userId, an anonymousId, a userId through another id."""


@dataclass(frozen=True, slots=True)
class Person:
    """The ids of one person, as the sender writes them, and their addresses in lower case.

    `needles`: bytes of which a body of theirs holds at least one, in lower case; None if that cannot be told.
    """

    ids: frozenset[str]
    addresses: frozenset[str]
    needles: tuple[bytes, ...] | None

    def has(self, user_id: str | None, anonymous_id: str | None, email: str | None) -> bool:
        """True if a message with these ids is about this person."""
        if user_id in self.ids or anonymous_id in self.ids:
            return True
        return email is not None and email.strip().casefold() in self.addresses

    def may_be_in(self, body: bytes) -> bool:
        """False only for a body that cannot be about this person; much faster than decoding it."""
        if self.needles is None or b"\\" in body:
            return True
        lower = body.lower()
        return any(needle in lower for needle in self.needles)


def read_person(db: Session, name: str, spaces: Iterable[str]) -> Person:
    """The person with this userId, anonymousId or e-mail address, with the other ids that links lead to."""
    ids, addresses = {name}, {name.strip().casefold()}
    for link in read_identity(db, name, spaces).links:
        if not link.key.startswith(ID_KINDS):
            continue
        ids.add(link.key[2:])
        if link.target.startswith(ID_KINDS):
            ids.add(link.target[2:])
        elif "@" in link.target.strip("@"):
            addresses.add(link.target.casefold())
    return Person(frozenset(ids), frozenset(addresses), _needles(ids | addresses))


def _needles(texts: Iterable[str]) -> tuple[bytes, ...] | None:
    """None if JSON can write one of these texts in several ways without a backslash, as it can a number."""
    needles = []
    for text in texts:
        if not text.isascii() or text.strip("0123456789.-") == "":
            return None
        needles.append(text.strip().lower().encode())
    return tuple(needles)

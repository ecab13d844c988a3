"""Corrects Hubwire's memory of a person or company: a link between ids, or a remembered value, that is wrong.

HubSpot and the messages stay as they are. `privacy/forget.py` deletes a person everywhere.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

import msgspec

from hubwire.errors import BadValue
from hubwire.record.privacy import PrivacyStore
from hubwire.record.statistics import Identity, KnownLink
from hubwire.registry.protocol import Registry

ALL = "all"


class Parts(Protocol):
    """The dependencies of corrections."""

    @property
    def privacy(self) -> PrivacyStore: ...

    @property
    def registry(self) -> Registry: ...


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """A part of what is known of an identity: links, remembered traits, and properties of its records."""

    links: list[KnownLink]
    names: list[str]


def chosen(known: Identity, items: Collection[str]) -> Memory:
    """The links, traits and properties that a person named. Errors: BadValue for an item that is not known.

    Shape: an item is an id with its kind (`u:user1234`, `a:…`, `g:…`), the name of a trait or property, or `all`. What
    a user inherits from another id belongs to the user.
    """
    links = [link for link in known.links if {ALL, link.key, _user_of(link.key)} & set(items)]
    links += [trait for trait in known.traits if {ALL, trait.key} & set(items)]
    every = sorted({name for record in known.records for name in record.properties})
    names = [name for name in every if {ALL, name} & set(items)]
    unknown = set(items) - {ALL, *(link.key for link in links), *(_user_of(link.key) for link in links), *names}
    if unknown:
        listed = ", ".join(sorted(unknown))
        raise BadValue("forget", f"nothing is known of {listed}: give an id such as u:user1234, a property, or all")
    return Memory(links=links, names=names)


def forget(parts: Parts, actor: str, known: Identity, memory: Memory) -> int:
    """Remove a part of what is known, and put it into the audit log; returns the number of removed links and values."""
    links = parts.privacy.forget_links([(link.space, link.key) for link in memory.links])
    records = [(record.destination_id, record.kind, record.key) for record in known.records]
    values = parts.privacy.forget_values(records, memory.names) if memory.names else 0
    named = f" ({', '.join(memory.names)})" if memory.names else ""
    parts.registry.write_audit(actor, "memory.forgotten", f"links {links}, values {values}{named}")
    return links + values


def _user_of(key: str) -> str:
    return f"u:{key[2:]}" if key.startswith("i:") else key

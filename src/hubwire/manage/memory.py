"""Corrects Hubwire's memory of a person or company: a link between ids, or a remembered value, that is wrong.

HubSpot and the messages stay as they are. `privacy/forget.py` deletes a person everywhere.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

import msgspec

from hubwire.errors import BadValue
from hubwire.record.privacy import PrivacyStore
from hubwire.record.statistics import ORIGINS, Identity, KnownLink, KnownRecord
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
    values: list[tuple[KnownRecord, list[str]]]

    @property
    def names(self) -> list[str]:
        """The properties, without their records."""
        return sorted({name for _, names in self.values for name in names})


def chosen(known: Identity, items: Collection[str]) -> Memory:
    """The links, traits and properties that a person named. Errors: BadValue for an item that is not known.

    Shape: an item is an id with its kind (`u:user1234`, `a:…`, `g:…`), the name of a trait or property, the identity
    space of a source (`source:web`), `public` or `server` for the values that such sources gave, or `all`. What a user
    inherits from another id belongs to the user.
    """
    chosen_names = set(items)
    links = [link for link in known.links if chosen_names & {ALL, *_names_of(link)}]
    links += [trait for trait in known.traits if chosen_names & {ALL, trait.key}]
    values = [
        (record, names)
        for record in known.records
        if (names := [name for name in record.properties if chosen_names & {ALL, name, record.origins.get(name)}])
    ]
    found = {ALL, *ORIGINS}
    found |= {name for link in links for name in _names_of(link)}
    found |= {name for _, names in values for name in names}
    if unknown := chosen_names - found:
        listed = ", ".join(sorted(unknown))
        raise BadValue(
            "forget",
            f"nothing is known of {listed}: give an id such as u:user1234, a property, a space such as source:web,"
            " public or server for values, or all",
        )
    return Memory(links=links, values=values)


def forget(parts: Parts, actor: str, memory: Memory) -> int:
    """Remove a part of what is known, and put it into the audit log; returns the number of removed links and values."""
    links = parts.privacy.forget_links([(link.space, link.key) for link in memory.links])
    values = sum(
        parts.privacy.forget_values([(record.destination_id, record.kind, record.key)], names)
        for record, names in memory.values
    )
    named = f" ({', '.join(memory.names)})" if memory.names else ""
    parts.registry.write_audit(actor, "memory.forgotten", f"links {links}, values {values}{named}")
    return links + values


def _names_of(link: KnownLink) -> set[str]:
    """The items that name a link."""
    key = link.key
    return {key, f"u:{key[2:]}" if key.startswith("i:") else key, link.space}

"""The properties and event definitions that a portal lacks for its messages, with their types; and their creation.

The planner reports what it would create if it were allowed to (`report.py`). The plan is therefore what a
destination with `create_properties` does itself, except that a person checks it first and public sources count too.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable

import msgspec

from hubwire.errors import BadValue, Refused
from hubwire.hubspot.account import HubSpotAccount
from hubwire.hubspot.definitions import FIELD_TYPES, OWN_GROUP, PROPERTY_GROUPS, PROPERTY_LAG_SECONDS, NewProperty
from hubwire.operation import UNIQUE

PLURALS = {"contact": "contacts", "company": "companies"}
PER_CALL = 100
CONFLICT = 409
GROUP = re.compile(r"[a-z][a-z0-9_]{0,99}")
_WIDER = {frozenset({"date", "datetime"}): "datetime"}


class MissingProperty(msgspec.Struct, kw_only=True, frozen=True):
    """A property that the portal lacks. `is_public_only`: only public keys sent it, so anybody could have invented it,
    and no destination creates it without a person."""

    object_type: str
    path: str
    """The object type in HubSpot's paths."""
    name: str
    type: str
    """A HubSpot type, or `UNIQUE`: a text property by which records are known."""
    is_public_only: bool = False

    def definition(self, group: str = "") -> NewProperty:
        """The definition to create, in this property group or HubSpot's own."""
        return NewProperty(
            name=self.name,
            label=self.name.replace("_", " ").capitalize(),
            type="string" if self.type == UNIQUE else self.type,
            field_type=FIELD_TYPES.get(self.type, "text"),
            group=group or PROPERTY_GROUPS.get(self.path, OWN_GROUP),
            is_unique=self.type == UNIQUE,
        )


class MissingEvent(msgspec.Struct, kw_only=True, frozen=True):
    """An event that the portal has no definition of, or whose definition lacks properties (`is_new` False)."""

    name: str
    label: str
    properties: dict[str, str]
    is_new: bool


class SchemaPlan(msgspec.Struct, kw_only=True):
    """The plan: what would be created. It covers `message_count` messages."""

    message_count: int
    properties: list[MissingProperty]
    events: list[MissingEvent]
    events_available: bool = True


def common_type(kinds: Iterable[str]) -> str:
    """The HubSpot type that accepts values of all these types; text if no other type does."""
    types = frozenset(kinds)
    if UNIQUE in types:
        return UNIQUE
    return next(iter(types)) if len(types) == 1 else _WIDER.get(types, "string")


def checked_group(name: str) -> str:
    """The internal name of a group of properties; empty for HubSpot's own. Raises BadValue."""
    name = name.strip()
    if name and not GROUP.fullmatch(name):
        raise BadValue(
            "group", "a group has lower-case letters, digits and underscores, and begins with a letter", value=name
        )
    return name


async def make_missing(account: HubSpotAccount, plan: SchemaPlan, group: str = "") -> None:
    """Create the properties and events of a plan, and wait until HubSpot shows them. Existing ones stay unchanged.

    Shape: `group` is created if it is missing, and gets the new properties; without it, HubSpot's own group does. An
    archived property is restored. Errors: HubSpotError; created properties stay.
    """
    for path in dict.fromkeys([missing.path for missing in plan.properties]):
        definitions = [missing.definition(group) for missing in plan.properties if missing.path == path]
        if group or path not in PROPERTY_GROUPS:
            name = definitions[0].group
            await account.create_property_group(path, name, name.replace("_", " ").capitalize())
        for start in range(0, len(definitions), PER_CALL):
            await account.create_properties(path, definitions[start : start + PER_CALL])
    if plan.properties:
        await asyncio.sleep(PROPERTY_LAG_SECONDS)
    for event in plan.events:
        if event.is_new and await _is_created(account, event):
            continue
        for name, kind in event.properties.items():
            await account.add_event_property(event.name, name, kind)


async def _is_created(account: HubSpotAccount, event: MissingEvent) -> bool:
    """Create the definition; False if somebody else has just created it, perhaps with fewer properties."""
    try:
        await account.create_event_definition(event.name, event.label, event.properties)
    except Refused as exc:
        if exc.status != CONFLICT:
            raise
        return False
    return True

"""Adds missing options to enumerations if a rule says so. Refusals are remembered with the schema."""

from __future__ import annotations

from collections.abc import Iterable

from hubwire.deliver.cycle.portal_schema import Portal
from hubwire.delivery import Dead, Delivered
from hubwire.errors import Unreadable
from hubwire.hubspot.call import Call
from hubwire.hubspot.definitions import property_definition_of, with_options


async def add_options(portal: Portal, options: Iterable[tuple[str, str, str]]) -> bool:
    """Add options (object type, property, option). Returns whether the schema changed. Raises LineStopped."""
    by_property: dict[tuple[str, str], list[str]] = {}
    for object_type, name, option in sorted(options):
        by_property.setdefault((portal.path_of(object_type), name), []).append(option)
    is_changed = False
    for (plural, name), new in by_property.items():
        if (plural, _refusal_name(name)) not in portal.refused:
            is_changed |= await _add(portal, plural, name, new)
    return is_changed


async def _add(portal: Portal, plural: str, name: str, new: list[str]) -> bool:
    """Read the property, because HubSpot replaces all options by those of the call, and write it with the new ones."""
    path = portal.paths.one_property(plural, name)
    verdict, answer = await portal.calls.ask(Call("read property", "GET", path), is_optional=True)
    body = with_options(answer.body, new) if isinstance(verdict, Delivered) else None
    if body is not None:
        call = Call("add options", "PATCH", path, body)
        verdict, answer = await portal.calls.ask(call, is_optional=True)
    if isinstance(verdict, Dead):
        portal.refused[plural, _refusal_name(name)] = verdict
    if not isinstance(verdict, Delivered):
        return False
    try:
        definition = property_definition_of(answer.body)
    except Unreadable:
        portal.is_stale = True
        return False
    portal.definitions(plural)[definition.name] = definition
    portal.known.version += 1
    return True


def _refusal_name(name: str) -> str:
    """The options of a property among the refusals of a portal, which has properties by their names."""
    return f"options of {name}"

"""Changes of a destination's rules: added, replaced, removed, reordered, switched; checked as in a file, and audited.

Console, admin API and commands use these functions. A rule that is on is also checked against the portal, where the
portal can be read: a property that HubSpot does not have is refused with what helps.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

import msgspec

from hubwire.destination import Destination
from hubwire.errors import AlreadyExists, HubSpotError, Missing, SettingsError
from hubwire.manage import changes
from hubwire.manage.rules.portal_checks import portal_fault
from hubwire.manage.schema.report import PortalContents
from hubwire.plan.rules.checks import check_destination
from hubwire.rule import Rule


class ReadContents(Protocol):
    """Reads the content of a portal, with the schema of these object types besides those of the stored rules, and on
    request with its lists, subscription types and forms."""

    def __call__(
        self, destination_id: int, object_types: frozenset[str] = frozenset(), *, with_marketing: bool = False
    ) -> Awaitable[PortalContents]: ...


def find_rule(rules: Sequence[Rule], name: str) -> Rule:
    """The rule with this name. Errors: Missing, which names the existing ones."""
    for rule in rules:
        if rule.name == name:
            return rule
    names = ", ".join(rule.name for rule in rules) or "none yet"
    missing = Missing("rule_name", f"there is no rule {name!r}", value=name)
    missing.hint = f"Rules: {names}."
    raise missing


def with_rule(
    rules: Sequence[Rule], rule: Rule, replaces: str | None = None, position: int | None = None
) -> tuple[Rule, ...]:
    """The rules with one added, or put in the place of the rule `replaces`; `position` counts from 1.

    Errors: AlreadyExists if another rule has the name; Missing if there is no rule to replace.
    """
    kept = [other for other in rules if other.name != replaces]
    if any(other.name == rule.name for other in kept):
        fault = AlreadyExists("name", f"there is already a rule {rule.name!r}", value=rule.name)
        fault.hint = "Enter another name, or change that rule."
        raise fault
    place = len(kept)
    if replaces is not None:
        place = [other.name for other in rules].index(find_rule(rules, replaces).name)
    kept.insert(place if position is None else position - 1, rule)
    return tuple(kept)


def without_rule(rules: Sequence[Rule], name: str) -> tuple[Rule, ...]:
    """The rules without the one of this name. Errors: Missing."""
    found = find_rule(rules, name)
    return tuple(rule for rule in rules if rule is not found)


def save_rules(parts: changes.Parts, actor: str, destination: Destination, rules: Sequence[Rule]) -> Destination:
    """Store all rules of a destination, in this order. Errors: BadValue, naming the rule and its place."""
    return changes.save_destination(parts, actor, msgspec.structs.replace(destination, rules=tuple(rules)))


async def check_in_portal(read: ReadContents, destination: Destination, rules: Sequence[Rule]) -> None:
    """Check rules by themselves, and the changed ones that are on against the portal. Errors: BadValue.

    A portal that cannot be read is no reason to refuse a rule: planning reports what it lacks.
    """
    check_destination(msgspec.structs.replace(destination, rules=tuple(rules)))
    changed = [rule for rule in rules if rule.enabled and rule.writes and rule not in destination.rules]
    if not changed:
        return
    try:
        object_types = frozenset([name for rule in changed for name in rule.object_types])
        is_marketing = any(rule.is_marketing for rule in changed)
        contents = await read(destination.destination_id, object_types, with_marketing=is_marketing)
    except (HubSpotError, SettingsError):
        return
    for rule in changed:
        fault = portal_fault(rule, destination, contents)
        if fault is not None:
            raise fault

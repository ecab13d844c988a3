"""Changes of a destination's rules: added, replaced, removed, reordered, switched; checked as in a file, and audited.

Console, admin API and commands use these functions. A rule that is on is also checked against the portal, where the
portal can be read: a property that HubSpot does not have is refused with what helps.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from difflib import get_close_matches

import msgspec

from hubwire.destination import Destination
from hubwire.errors import AlreadyExists, BadValue, HubSpotError, Missing, SettingsError
from hubwire.manage import changes
from hubwire.manage.schema.report import PortalContents
from hubwire.plan.rules.checks import check_destination
from hubwire.plan.trait_rules import is_read_only
from hubwire.rule import Rule
from hubwire.schema import PropertyDefinition

ReadContents = Callable[[int], Awaitable[PortalContents]]
MAKE_IT = "Choose another property, or create this one on the page Schema."


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
        raise AlreadyExists("name", f"there is already a rule {rule.name!r}", value=rule.name)
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
        contents = await read(destination.destination_id)
    except (HubSpotError, SettingsError):
        return
    for rule in changed:
        fault = portal_fault(rule, destination, contents)
        if fault is not None:
            raise fault


def portal_fault(rule: Rule, destination: Destination, contents: PortalContents) -> BadValue | None:
    """What the portal lacks for a rule, as the error that names its place; None if nothing."""
    if rule.event is not None:
        return _event_fault(rule, destination, contents)
    if rule.object is None or not isinstance(rule.properties, dict):
        return None
    known = getattr(contents.schema, rule.object, None)
    if known is None:
        return None
    for name in rule.key:
        if name in known and name not in ("email", "domain") and not known[name].is_unique:
            return _fault(rule, "key", name, f"the values of {name} are not unique in HubSpot", "Choose a unique one.")
    for name, value in [*rule.properties.items(), *rule.fallback.items()]:
        definition = known.get(name)
        if definition is None:
            return _unknown(rule, name, known, contents.archived.get(rule.object, {}))
        if is_read_only(definition):
            return _fault(
                rule, "properties", name, f"HubSpot sets {name} itself, so nothing can write it", "Choose another one."
            )
        fault = None if rule.add_options else _option_fault(rule, name, value, definition)
        if fault is not None:
            return fault
    return None


def _unknown(rule: Rule, name: str, known: dict[str, PropertyDefinition], archived: dict[str, str]) -> BadValue:
    if name in archived:
        return _fault(
            rule, "properties", name, f"the {rule.object} property {name} is archived in HubSpot", "Restore it there."
        )
    by_label = {definition.label.casefold(): definition.name for definition in known.values() if definition.label}
    close = by_label.get(name.casefold()) or next(iter(get_close_matches(name, known, 1, 0.75)), None)
    hint = MAKE_IT if close is None else f"Did you mean {close}? {MAKE_IT}"
    return _fault(rule, "properties", name, f"HubSpot has no {rule.object} property {name}", hint)


def _option_fault(rule: Rule, name: str, value: object, definition: PropertyDefinition) -> BadValue | None:
    """A literal that is not an option of an enumeration."""
    options = definition.options
    if options is None or not isinstance(value, str) or value.startswith("$.") or definition.is_multiple:
        return None
    if value in options or value.casefold() in definition.option_labels:
        return None
    shown = ", ".join(sorted(options)[:12])
    return _fault(rule, "properties", name, f"{value!r} is not an option of {name}", f"Options: {shown}.")


def _event_fault(rule: Rule, destination: Destination, contents: PortalContents) -> BadValue | None:
    schema, name = contents.schema, rule.event or ""
    if not schema.events_available:
        message = f"rule {rule.name!r}: this portal has no custom events"
        fault = BadValue("event", message, value=name)
        fault.hint = "They need an Enterprise tier and the event scopes. `hubwire doctor` shows what is missing."
        return fault
    if name.startswith("$.") or destination.mapping.create_event_definitions:
        return None
    if name in schema.events or name.casefold() in schema.events:
        return None
    fault = BadValue("event", f"rule {rule.name!r}: HubSpot has no event {name!r}", value=name)
    fault.hint = "Choose an existing event, or let Hubwire create missing events (page Mapping)."
    return fault


def _fault(rule: Rule, field: str, name: str, message: str, hint: str) -> BadValue:
    fault = BadValue(f"{field}.{name}", f"rule {rule.name!r}: {message}", value=name)
    fault.hint = hint
    return fault

"""Presets: rules that come with Hubwire, as files. A destination turns one on by its name.

A rule of the destination with the name of a preset's rule takes its place, so a person can copy a rule and change it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib import resources

import msgspec

from hubwire.destination import Destination
from hubwire.errors import BadValue
from hubwire.rule import Rule

PRESETS = ("orders", "deals", "audiences", "consent")
INSTEAD = {"orders": ("order", "deals")}
"""Preset -> the object type without which a portal gets the rules of another preset."""
_NAME = re.compile(r'^(name = ")', re.MULTILINE)
_combined: dict[tuple[int, tuple[str, ...]], tuple[tuple[Rule, ...], tuple[Rule, ...]]] = {}
MAX_COMBINED = 1024


def preset_text(name: str) -> str:
    """The file of a preset, with the names that its rules have in reports. Errors: BadValue for an unknown name."""
    if name not in PRESETS:
        raise BadValue("presets", f"there is no preset {name!r}: {', '.join(PRESETS)}", value=name)
    text = resources.files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
    return _NAME.sub(rf"\g<1>{name}: ", text)


def preset_rules(name: str) -> tuple[Rule, ...]:
    """The rules of a preset, with those for portals that lack its object type."""
    rules = _own_rules(name)
    if name not in INSTEAD:
        return rules
    object_type, other = INSTEAD[name]
    return (*rules, *[msgspec.structs.replace(rule, if_portal_lacks=(object_type,)) for rule in _own_rules(other)])


@lru_cache
def _own_rules(name: str) -> tuple[Rule, ...]:
    return msgspec.convert(tomllib.loads(preset_text(name))["rule"], tuple[Rule, ...])


def _all(presets: Sequence[str], rules: Callable[[str], tuple[Rule, ...]]) -> list[Rule]:
    return [rule for preset in presets for rule in rules(preset)]


def rules_of(destination: Destination) -> tuple[Rule, ...]:
    """The destination's own rules, then those of its presets; the same tuple for the same state of both."""
    own, presets = destination.rules, destination.presets
    if not presets:
        return own
    known = _combined.get((id(own), presets))
    if known is not None and known[0] is own:
        return known[1]
    names = {rule.name for rule in own}
    added: dict[str, Rule] = {}
    known_presets = [preset for preset in presets if preset in PRESETS]
    # Rules of a preset that is on come before the same rules of a preset that would take its place.
    for rule in [*_all(known_presets, _own_rules), *_all(known_presets, preset_rules)]:
        if rule.name not in names:
            added.setdefault(rule.name, rule)
    if len(_combined) >= MAX_COMBINED:
        _combined.clear()
    combined = (*own, *added.values())
    _combined[id(own), presets] = (own, combined)
    return combined


def preset_rules_of(destination: Destination) -> tuple[Rule, ...]:
    """The rules that the destination's presets add."""
    return rules_of(destination)[len(destination.rules) :]


def object_types_of(destination: Destination) -> frozenset[str]:
    """The object types other than contact and company that the rules name; HubSpot's own in the singular."""
    names = {name for rule in rules_of(destination) if rule.enabled for name in rule.object_types}
    return frozenset(names - {"contact", "company"})


def check_presets(destination: Destination) -> None:
    """Refuse the name of a preset that does not exist. Errors: BadValue."""
    for name in destination.presets:
        if name not in PRESETS:
            raise BadValue("presets", f"presets: {name!r} is none of {', '.join(PRESETS)}", value=name)

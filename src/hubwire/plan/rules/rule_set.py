"""The rules of a destination, compiled once: which can fire for a message, and what each one gives for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from hubwire.destination import Destination
from hubwire.errors import HubwireError
from hubwire.message import Message
from hubwire.plan.presets import rules_of
from hubwire.plan.rules.index import RuleIndex
from hubwire.plan.rules.mapping import check_mapping
from hubwire.plan.rules.paths import Resolver, from_root, whole
from hubwire.plan.rules.resolving import (
    as_mapping,
    field_of,
    key_of,
    paths_within,
    resolver,
    texts_of,
    traits_named,
)
from hubwire.plan.rules.taking import taken_away
from hubwire.plan.rules.triggers import Reading, Trigger, compile_trigger
from hubwire.rule import Association, Each, Rule

MAX_RULE_SETS = 1024
_TIME = re.compile("timestamp|receivedAt|now|today")
_sets: dict[int, tuple[tuple[Rule, ...], RuleSet]] = {}


@dataclass(frozen=True, slots=True, eq=False)
class CompiledEach:
    """The records of one list, with functions from an element to values, and from the message to the list."""

    each: Each
    items: Resolver
    key: Resolver | None
    fields: tuple[tuple[str, Resolver], ...]


@dataclass(frozen=True, slots=True, eq=False)
class CompiledRule:
    """One rule with its functions from a message (as JSON) to values; MISSING where there is none."""

    rule: Rule
    trigger: Trigger
    key: Resolver | None
    """The value of the rule's key; None when the rule has none."""
    fields: tuple[tuple[str, Resolver], ...]
    """Each property with its value."""
    find: tuple[tuple[str, Resolver], ...] = ()
    """Each property by which the record is looked for, with its value."""
    whole: Resolver | None = None
    """All properties at once, where the rule gives one path for them."""
    person: tuple[tuple[str, Resolver], ...] = ()
    """The parts of `person`, in their order."""
    associations: tuple[tuple[Association, Resolver | None], ...] = ()
    """Each association with the key of the other record."""
    marketing: Mapping[str, Resolver] = field(default_factory=dict)
    """The values of a rule about a list, a subscription or a form, by their places (`Rule.marketing_values`)."""
    each: tuple[CompiledEach, ...] = ()


class RuleSet:
    """The rules that are on, found by a message's type and event name.

    Shape: a stored rule that this version cannot compile is off; `faults` has it, with what is wrong.
    """

    __slots__ = (
        *("_others", "_personal", "_skips", "_takers"),
        *("faults", "has_skips", "has_takers", "person_traits", "sees_times"),
    )

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        compiled = []
        self.faults: dict[str, str] = {}
        for rule in rules:
            if rule.enabled:
                try:
                    compiled.append(compile_rule(rule))
                except (HubwireError, RecursionError) as exc:
                    self.faults[rule.name] = str(exc)
        self.sees_times = any(_sees_times(candidate.rule) for candidate in compiled)
        """Whether a rule may look at `timestamp` or `receivedAt`, which a message has to be given first."""
        indexed = [(candidate.trigger.reach, candidate) for candidate in compiled]
        skips = [pair for pair in indexed if pair[1].rule.skip is not None]
        takers = [pair for pair in indexed if pair[1].rule.drop or pair[1].rule.keep]
        self.has_skips, self.has_takers = bool(skips), bool(takers)
        self._skips, self._takers = RuleIndex(skips), RuleIndex(takers)
        self._others = RuleIndex([pair for pair in indexed if pair[1].rule.writes])
        named = {pair[1].rule.name: traits_named(msgspec.to_builtins(pair[1].rule)) for pair in indexed}
        self._personal = RuleIndex([pair for pair in indexed if named[pair[1].rule.name]])
        self.person_traits = tuple(sorted(set().union(*named.values()) - {""}))
        """The traits that rules take from what is remembered of a message's person."""

    def candidates(self, message: Message) -> tuple[CompiledRule, ...]:
        """The rules that write something and can fire for the message."""
        return self._others.candidates(message.type, message.event)

    def takes_traits(self, message: Message) -> bool:
        """Whether a rule that can fire for the message takes something that is remembered of its person."""
        return bool(self.person_traits) and bool(self._personal.candidates(message.type, message.event))

    def skip_of(self, message: Message) -> Rule | None:
        """The first rule that says that the message is not sent."""
        skips = self._skips.candidates(message.type, message.event)
        if not skips:
            return None
        fields = message.as_json(self.sees_times)
        return next((skip.rule for skip in skips if skip.trigger.fires_within(fields)), None)

    def without_taken(self, message: Message) -> Message:
        """The message without the fields that rules with `drop` and `keep` take away."""
        takers = self._takers.candidates(message.type, message.event)
        if not takers:
            return message
        fields = message.as_json(self.sees_times)
        firing = [taker.rule for taker in takers if taker.trigger.fires_within(fields)]
        return taken_away(message, firing) if firing else message


def rule_set(destination: Destination) -> RuleSet:
    """The compiled rules of a destination; made once for each state of its rules."""
    rules = rules_of(destination)
    known = _sets.get(id(rules))
    if known is not None and known[0] is rules:
        return known[1]
    built = RuleSet(rules)
    if len(_sets) >= MAX_RULE_SETS:
        _sets.clear()
    _sets[id(rules)] = (rules, built)
    return built


def compile_rule(rule: Rule) -> CompiledRule:
    """A rule with its functions. Errors: TriggerRefused, MappingRefused."""
    trigger = compile_trigger(rule.trigger, Reading(rule.reading))
    mapped = {f"key.{name}": value for name, value in rule.key.items()}
    mapped |= {f"find.{name}": value for clue in rule.find for name, value in clue.items()}
    mapped |= {f"person.{name}": value for name, value in rule.person.items() if name != "match"}
    mapped |= {f"person.match.{name}": value for name, value in (rule.person.get("match") or {}).items()}
    mapped |= {f"fallback.{name}": value for name, value in rule.fallback.items()}
    for association in rule.associate:
        mapped |= {f"associate.{association.object}.{name}": value for name, value in association.key.items()}
    marketing = {place: paths_within(value) for place, value in rule.marketing_values.items()}
    properties = rule.properties if isinstance(rule.properties, dict) else {}
    check_mapping({name: as_mapping(value) for name, value in {**mapped, **properties, **marketing}.items()})
    return CompiledRule(
        rule,
        trigger,
        key_of(rule.key),
        tuple([(name, field_of(rule, name, value)) for name, value in properties.items()]),
        tuple([(name, resolver(value)) for clue in rule.find for name, value in clue.items()]),
        resolver(rule.properties) if isinstance(rule.properties, str) else None,
        tuple([(name, _part_of_person(name, value)) for name, value in rule.person.items()]),
        tuple([(association, key_of(association.key)) for association in rule.associate]),
        {place: resolver(value) for place, value in marketing.items()},
        tuple([_compile_each(each) for each in rule.each]),
    )


def _part_of_person(name: str, value: Any) -> Resolver:
    """The value of a part of `person`; of `match`, the value of its property."""
    return key_of(value) or resolver(None) if name == "match" else resolver(value)


def _compile_each(each: Each) -> CompiledEach:
    place = f"each.{each.object}"
    mapped = {f"{place}.{name}": as_mapping(value, is_of_list=True) for name, value in each.properties.items()}
    for part, values in (("key", each.key), ("fallback", each.fallback)):
        mapped |= {f"{place}.{part}.{name}": as_mapping(value, is_of_list=True) for name, value in values.items()}
    check_mapping({f"{place}.list": as_mapping(each.list), **mapped})
    return CompiledEach(
        each,
        resolver(each.list),
        key_of(each.key, is_of_list=True),
        tuple([(name, field_of(each, name, value)) for name, value in each.properties.items()]),
    )


def _sees_times(rule: Rule) -> bool:
    """Whether a text of a rule names a time, or is a path to the whole message."""
    return any(_TIME.search(part) or from_root(part) is whole for part in texts_of(msgspec.to_builtins(rule)))


def templates_of(mapping: Any) -> Iterator[str]:
    """The liquid templates in a mapping, wherever they stand."""
    if isinstance(mapping, dict):
        for name, part in mapping.items():
            if name == "@liquid" and isinstance(part, str):
                yield part
            else:
                yield from templates_of(part)
    elif isinstance(mapping, list):
        for part in mapping:
            yield from templates_of(part)

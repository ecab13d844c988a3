"""The rules of a destination, compiled once: which can fire for a message, and what each one gives for it."""

from __future__ import annotations

import re

import msgspec

from hubwire.destination import Destination
from hubwire.errors import HubwireError
from hubwire.message import Message
from hubwire.plan.presets import rules_of
from hubwire.plan.rules.candidates import Candidates
from hubwire.plan.rules.compiling import compile_rule
from hubwire.plan.rules.index import RuleIndex
from hubwire.plan.rules.paths import from_root, whole
from hubwire.plan.rules.resolving import texts_of, traits_named
from hubwire.plan.rules.taking import taken_away
from hubwire.rule import Rule

MAX_RULE_SETS = 1024
_TIME = re.compile("timestamp|receivedAt|now|today")
_sets: dict[int, tuple[tuple[Rule, ...], RuleSet]] = {}


class RuleSet:
    """The rules that are on, found by a message's type and event name.

    Shape: a stored rule that this version cannot compile is off; `faults` has it, with what is wrong.
    """

    __slots__ = ("_skips", "_takers", "faults", "has_skips", "has_takers", "person_traits", "sees_times", "writing")

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
        self._skips, self._takers = RuleIndex(skips, Candidates), RuleIndex(takers, Candidates)
        self.writing = RuleIndex([pair for pair in indexed if pair[1].rule.writes], Candidates)
        """The rules that write something."""
        traits = [traits_named(msgspec.to_builtins(candidate.rule)) for candidate in compiled]
        self.person_traits = tuple(sorted(set().union(*traits) - {""}))
        """The traits that rules take from what is remembered of a message's person."""

    def skip_of(self, message: Message) -> Rule | None:
        """The first rule that says that the message is not sent."""
        skips = self._skips.candidates(message.type, message.event)
        if not skips.rules:
            return None
        fields = skips.fields(message, self.sees_times)
        return next((skip.rule for skip in skips.rules if skip.trigger.fires_within(fields)), None)

    def without_taken(self, message: Message) -> Message:
        """The message without the fields that rules with `drop` and `keep` take away."""
        takers = self._takers.candidates(message.type, message.event)
        if not takers.rules:
            return message
        fields = takers.fields(message, self.sees_times)
        firing = [taker.rule for taker in takers.rules if taker.trigger.fires_within(fields)]
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


def _sees_times(rule: Rule) -> bool:
    """Whether a text of a rule names a time, or is a path to the whole message."""
    return any(_TIME.search(part) or from_root(part) is whole for part in texts_of(msgspec.to_builtins(rule)))

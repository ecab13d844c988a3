"""The result of an import: rules, options of the destination, and one verdict for each part of the files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec

from hubwire.errors import BadValue
from hubwire.plan.rules.checks import check_rules
from hubwire.plan.rules.compiling import compile_rule
from hubwire.plan.rules.triggers.overlap import both_fire
from hubwire.rule import Rule


class Verdict(StrEnum):
    """The outcome of one part."""

    TAKEN = "taken over"
    TAKEN_OFF = "taken over, off"
    TAKEN_NEVER_SENT = "taken over, and what Segment never did with it"
    NOT_TAKEN = "not taken over"


class VerdictLine(msgspec.Struct, kw_only=True):
    """One part of the files. `rules` are the names of its rules; `warnings` are sentences."""

    kind: str
    name: str
    verdict: Verdict
    reason: str = ""
    warnings: list[str] = []
    rules: list[str] = []


@dataclass(slots=True)
class TakeOver:
    """Everything that an import gives. `defaults`: the parts of the default behaviour that stay on."""

    rules: list[Rule] = field(default_factory=list)
    lines: list[VerdictLine] = field(default_factory=list)
    defaults: set[str] = field(default_factory=set)
    replaces_defaults: bool = False
    """True if only `defaults` stay on: where the rules come from, nothing happens without one."""
    contact_key: dict[str, Any] = field(default_factory=dict)
    hub_ids: set[str] = field(default_factory=set)
    secrets: list[str] = field(default_factory=list)
    """The destinations whose tokens have to be entered again."""
    is_device_mode: bool = False
    load_forms_sdk: bool = False
    passed_over: int = 0
    """The number of parts of other destinations."""

    def add(self, line: VerdictLine, rules: Sequence[Rule]) -> None:
        """Add a part with its rules, each checked by itself and beside the earlier ones.

        A rule that Hubwire refuses makes the whole part not taken over. One that writes a property of an earlier rule
        for the same messages is taken over, off: which of the two counts would be an accident.
        """
        try:
            for rule in rules:
                check_rules([rule])
        except BadValue as exc:
            line.verdict, line.reason = Verdict.NOT_TAKEN, str(exc).partition("': ")[2] or str(exc)
            self.lines.append(line)
            return
        for rule in rules:
            named = msgspec.structs.replace(rule, name=self._free_name(rule.name))
            clash = self._clash(named) if named.enabled else ""
            if clash:
                named = msgspec.structs.replace(named, enabled=False)
                line.verdict = Verdict.TAKEN_OFF
                line.warnings = [*line.warnings, clash]
            self.rules.append(named)
            line.rules = [*line.rules, named.name]
        self.lines.append(line)

    def _free_name(self, name: str) -> str:
        taken = {rule.name for rule in self.rules}
        number, free = 2, name
        while free in taken:
            free = f"{name[:94]} {number}"
            number += 1
        return free

    def _clash(self, rule: Rule) -> str:
        if rule.object is None or isinstance(rule.properties, str):
            return ""
        trigger = compile_rule(rule).trigger
        for other in self.rules:
            if not other.enabled or other.object != rule.object or other.key != rule.key:
                continue
            common = sorted(set(other.properties) & set(rule.properties))
            if common and both_fire(compile_rule(other).trigger, trigger) is not None:
                return f"it writes {common[0]} for messages of {other.name!r}, too: turn one of the two off"
        return ""

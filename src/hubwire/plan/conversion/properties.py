"""Turns traits into checked properties for identify, group and `context.traits`, and reports left-out traits with
reasons.

The rules of each key are in `rules.py`, the values' in `values.py`; here they meet one message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubwire.destination import Mapping as MappingRules
from hubwire.destination import Source, SourceKind
from hubwire.operation import LeftOut, Plan, PropertyValue
from hubwire.plan.conversion.trait_rules import MAX_FIELD, Target, TraitRule, TraitRules
from hubwire.plan.conversion.values import NULL, Converted, Partial, Refusal, inferred, text
from hubwire.reasons import Reason

MAX_LEVELS = 5
MAX_LEFT_OUT = 100
MAX_NEW_PROPERTIES = 25
LAST_RANK = 9999


def may_create(mapping: MappingRules, source: Source) -> bool:
    """True if unknown traits become properties. Never for web and mobile sources: their write keys are public."""
    return mapping.create_properties and source.kind is SourceKind.SERVER


class Writer:
    """Collects the properties of one message. If two traits write one property, the value of the better rule stays."""

    __slots__ = ("_overruled", "_paths", "may_create", "plan", "properties", "rules")

    def __init__(self, rules: TraitRules, plan: Plan, may_create: bool) -> None:
        self.rules = rules
        self.plan = plan
        self.may_create = may_create
        self.properties: dict[str, PropertyValue] = {}
        self._paths: dict[str, str] = {}
        """The trait that each property was taken from."""
        self._overruled: list[tuple[str, str, str]] = []
        """(property, trait, text) of values that another trait's took the place of."""

    def write(self, traits: Mapping[str, Any]) -> None:
        """Write all traits, and report those whose value another one's overruled."""
        self._write_fields(traits, "", 0)
        for name, path, value in self._overruled:
            if value and value != self.properties[name].value:
                detail = f"{name} is taken from {self._paths[name]}"[:MAX_FIELD]
                self._report(path, Refusal(Reason.OVERRULED, detail))

    def split_name(self, name: object) -> None:
        """First and last name from `name` where they are absent or empty: the first word, and the rest.

        Source: facade `Identify.firstName`/`lastName`; classic destination (`Peter Gibbons`, `Prince`).
        """
        if not isinstance(name, str):
            if name is not None and not isinstance(name, dict):
                self._report("name", Refusal(Reason.WRONG_TYPE, "a text is expected"))
            return
        first, _, rest = name.strip().partition(" ")
        for key, part in (("firstname", first), ("lastname", rest.strip())):
            written = self.properties.get(key)
            if part and (written is None or not written.value):
                target = self.rules.rule(key).target
                text = target.convert(part) if target is not None and target.property == key else NULL
                if type(text) is str:
                    self.properties[key] = PropertyValue(text, "name.split")

    def _write_fields(self, fields: Mapping[str, Any], above: str, level: int) -> bool:
        """Write traits, or the parts of one (`above` is `address.`). True if a rule knew any of them."""
        known = self.rules.known
        properties = self.properties
        is_used = False
        for key, value in fields.items():
            path = above + key if above else key
            rule = known.get(path) or self.rules.rule(path)
            target = rule.target
            if target is None or type(value) is dict or rule.also is not None:
                is_used = self._write_other(path, value, rule, level) or is_used
                continue
            is_used = True
            text = target.convert(value)
            if type(text) is str and target.property not in properties:
                properties[target.property] = PropertyValue(text, target.rule)
                self._paths[target.property] = path
            else:
                self._put(path, target, text, value)
        return is_used

    def _write_other(self, path: str, value: object, rule: TraitRule, level: int) -> bool:
        """Handle a trait that is an object, or has two properties or none. True if it was used."""
        if type(value) is dict and value and (rule.target is None or rule.target.rule != "mapping"):
            return self._write_object(path, value, rule, level)
        for target in (rule.target, rule.also):
            if target is not None:
                self._put(path, target, NULL if value == {} else target.convert(value), value)
        if rule.target is None and rule.left_out is not None:
            return self._create(path, value, rule.left_out, rule.new_name)
        return True

    def _write_object(self, path: str, value: dict[str, Any], rule: TraitRule, level: int) -> bool:
        """Write the parts with rules to their properties; if no part has one, write the whole as JSON to a text
        property."""
        left_out = rule.left_out
        if left_out is not None and left_out.reason is not Reason.UNKNOWN_PROPERTY:
            self.plan.left_out.append(left_out)
            return True
        if level >= MAX_LEVELS:
            self._report(path, Refusal(Reason.WRONG_TYPE, f"nested more than {MAX_LEVELS} levels deep"))
            return False
        reported = len(self.plan.left_out)
        # Nothing is made for the parts of an object whose whole has a property.
        has_whole = rule.is_own and rule.target is not None
        may_create, self.may_create = self.may_create, self.may_create and not has_whole
        is_used = self._write_fields(value, f"{path}.", level + 1)
        self.may_create = may_create
        if is_used:
            return True
        if rule.is_own and rule.target is not None:
            del self.plan.left_out[reported:]
            self._put(path, rule.target, rule.target.convert(value), value)
            return True
        return False

    def _put(self, path: str, target: Target, converted: Converted, value: object) -> None:
        """Keep a converted value by its rule's rank, or report why it is left out."""
        if isinstance(converted, Refusal) and target.beside is not None and self.may_create:
            self._put_beside(path, target.beside, value)
            return
        if isinstance(converted, Partial):
            self._report(path, converted.refusal)
            converted = converted.text
        elif isinstance(converted, Refusal):
            self._report(path, converted)
            return
        name = target.property
        old = self.properties.get(name)
        if old is not None:
            is_better = target.rank < self._rank(name) if bool(converted) == bool(old.value) else converted
            lost = (name, self._paths[name], old.value) if is_better else (name, path, converted)
            if self.rules.rule(lost[1]).also is None:
                self._overruled.append(lost)
            if not is_better:
                return
        self.properties[name] = PropertyValue(converted, target.rule)
        self._paths[name] = path

    def _put_beside(self, path: str, name: str, value: object) -> None:
        """Write a value as text to the property beside one that Hubwire created from the first value, because its type
        never accepts this one."""
        converted = text(value)
        if not isinstance(converted, str) or name in self.properties:
            self._report(path, converted)
            return
        self.properties[name] = PropertyValue(converted, "created")
        self._paths[name] = path
        if not self.rules.has(name):
            self.plan.missing_properties.append((self.rules.object_name, name, "string"))

    def _rank(self, name: str) -> int:
        """The rank of the rule that wrote a property."""
        rule = self.rules.rule(self._paths[name])
        for target in (rule.target, rule.also):
            if target is not None and target.property == name:
                return target.rank
        return LAST_RANK

    def _create(self, path: str, value: object, left_out: LeftOut, name: str | None) -> bool:
        """Report an unknown property, or ask for its creation where the destination may create it."""
        if not self.may_create or left_out.reason is not Reason.UNKNOWN_PROPERTY:
            self.plan.left_out.append(left_out)
            return False
        kind, converted = inferred(value)
        if name is None:
            converted = Refusal(Reason.BAD_NAME, "a name begins with a letter and has at most 100 characters")
        elif len(self.plan.missing_properties) >= MAX_NEW_PROPERTIES:
            converted = Refusal(Reason.TOO_MANY_PROPERTIES, f"one message creates at most {MAX_NEW_PROPERTIES}")
        if name is None or not isinstance(converted, str):
            self._report(path, converted)
            return False
        if name in self.properties:
            self._overruled.append((name, path, converted))
        else:
            self.properties[name] = PropertyValue(converted, "created")
            self._paths[name] = path
            self.plan.missing_properties.append((self.rules.object_name, name, kind))
        return True

    def _report(self, path: str, refusal: Converted) -> None:
        if isinstance(refusal, Refusal):
            self.plan.left_out.append(self.rules.left_out(path, refusal.reason, refusal.detail))


def shortened(left_out: list[LeftOut]) -> None:
    """Limit the reports of a message to 100; the last one then counts the others."""
    if len(left_out) > MAX_LEFT_OUT:
        more = len(left_out) - MAX_LEFT_OUT + 1
        del left_out[MAX_LEFT_OUT - 1 :]
        left_out.append(LeftOut("…", Reason.TOO_MANY_PROPERTIES, f"{more:,} more fields are not listed"))

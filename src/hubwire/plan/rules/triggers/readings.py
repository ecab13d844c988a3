"""Compares the two readings of a trigger: whether they differ, for which message, and forms with one meaning.

Two readings are compared by running both on messages that are made from what the trigger asks (`samples`): for every
field, values of every kind and close to those that it is compared to. A trigger with too many fields for that is
compared condition by condition where both readings have the same shape, and else counts as different.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from hubwire.plan.rules.triggers import segment
from hubwire.plan.rules.triggers.conditions import Message
from hubwire.plan.rules.triggers.documented import TriggerRefused, parse
from hubwire.plan.rules.triggers.meaning import compile_documented, truth_of
from hubwire.plan.rules.triggers.rewriting import documented, forms, package_forms
from hubwire.plan.rules.triggers.samples import ComparedValues, samples
from hubwire.plan.rules.triggers.segment_tokens import Unreadable
from hubwire.plan.rules.triggers.syntax import Call, Comparison, Field, Joined, Literal, Node, Not, written
from hubwire.plan.rules.values import text

SAME = None
_INFINITIVES = {"contains": "contain", "starts with": "start with", "ends with": "end with"}


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference between the two readings of a trigger.

    `example` is a message for which only one of them fires; None when there were too many messages to try.
    `form` says what is documented and `package_form` what the package does, each so that both readings agree on it;
    None when there is no such form.
    """

    documented: str
    segment: str
    example: Message | None
    documented_fires: bool
    form: str | None
    package_form: str | None

    def __str__(self) -> str:
        parts = [
            f"Segment's trigger package reads this in another way. Documented: {self.documented}.",
            f"The package: {self.segment}.",
        ]
        if self.example is not None:
            which = "the documented reading" if self.documented_fires else "the package"
            parts.append(f"Only {which} fires for {shown(self.example)}.")
        if self.form:
            parts.append(f"For the documented meaning write `{self.form}`.")
        if self.package_form:
            parts.append(f"For the package's meaning write `{self.package_form}`.")
        if not self.form and not self.package_form:
            parts.append("No other form of it means the same in both.")
        return " ".join(parts)


def shown(message: Message) -> str:
    """A message in words."""
    kind = message.get("type", "a message")
    fields = [f"{name} {_value(value)}" for name, value in _leaves("", dict(message)) if name != "type"]
    return f"{kind} with {', '.join(fields)}" if fields else f"{kind} without further fields"


def _leaves(prefix: str, value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, inside in value.items():
        if isinstance(inside, dict) and inside:
            yield from _leaves(f"{prefix}{key}.", inside)
        else:
            yield f"{prefix}{key}", inside


def _value(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else "null" if value is None else text(value) or "[]"


def difference(trigger: str) -> Difference | None:
    """How the package's reading of a documented trigger differs, or None if both readings are the same.

    Errors: TriggerRefused when the text is no documented trigger.
    """
    node = parse(trigger)
    group, unreadable = _read_by_segment(trigger)
    example = _apart(node, group)
    if example is SAME:
        return None
    message = example if isinstance(example, dict) else None
    fires = message is not None and compile_documented(node)(message)
    seen = _group_text(group) if group is not None else f"it never fires ({unreadable})"
    form = _agreed(forms(node), lambda group: _apart(node, group))
    package_form = None
    if group is not None:
        package_form = _agreed(package_forms(group), lambda other: _apart(documented(group), other))
    return Difference(written(node), seen, message, fires, form, package_form)


def _read_by_segment(trigger: str) -> tuple[segment.Group | None, str]:
    try:
        return segment.parse(trigger), ""
    except Unreadable as exc:
        return None, str(exc)


def _agreed(texts: Iterator[str], apart: Callable[[segment.Group], object]) -> str | None:
    """The first text that has the same meaning in both readings, and the right one."""
    for form in texts:
        group, _ = _read_by_segment(form)
        try:
            node = parse(form)
        except TriggerRefused:
            continue
        if group is not None and _apart(node, group) is SAME and apart(group) is SAME:
            return form
    return None


def _apart(node: Node, group: segment.Group | None) -> dict[str, Any] | str | None:
    """A message for which only one of the two fires, SAME, or "unknown" if there are too many messages to try."""
    fires = compile_documented(node)
    package: Callable[[Message], bool] = segment.compile_group(group) if group is not None else lambda message: False
    compared, tests = compared_values(node), [*tests_of(node), *(_package_tests(group) if group is not None else ())]
    if group is not None:
        _note_package(group, compared)
    messages = samples(compared, lambda message: tuple([test(message) for test in tests]))
    if messages is None:
        return SAME if group is not None and _is_alike(node, group) else "unknown"
    return next((message for message in messages if fires(message) is not package(message)), SAME)


def _is_alike(node: Node, group: segment.Group) -> bool:
    """Whether both join the same conditions in the same way, and each condition has the same meaning."""
    if not isinstance(node, Joined) or node.operator != group.operator or len(node.conditions) != len(group.children):
        return False
    return all(
        child is not None
        and _apart(condition, child if isinstance(child, segment.Group) else segment.Group("and", (child,))) is SAME
        for condition, child in zip(node.conditions, group.children, strict=True)
    )


def compared_values(node: Node) -> ComparedValues:
    """The fields of a documented trigger, each with the values in its comparisons."""
    compared = ComparedValues()
    _note(node, compared)
    return compared


def tests_of(node: Node) -> list[Callable[[Message], bool | None]]:
    """Each single condition of a documented trigger."""
    return list(_tests(node))


def _tests(node: Node) -> Iterator[Callable[[Message], bool | None]]:
    match node:
        case Not(condition):
            yield from _tests(condition)
        case Joined(_, conditions):
            for condition in conditions:
                yield from _tests(condition)
        case _:
            yield truth_of(node)


def _package_tests(node: segment.Condition | segment.Group | None) -> Iterator[Callable[[Message], bool]]:
    if isinstance(node, segment.Group):
        for child in node.children:
            yield from _package_tests(child)
    elif node is not None:
        yield segment.compile_group(segment.Group("and", (node,)))


def _note(node: Node, compared: ComparedValues) -> None:
    """Note the fields of a documented trigger, and the values in their comparisons."""
    match node:
        case Not(condition):
            _note(condition, compared)
        case Joined(_, conditions):
            for condition in conditions:
                _note(condition, compared)
        case Field(steps):
            compared.add(steps, True)
        case Comparison(_, left, right):
            _note_pair([left, right], compared)
        case Call(_, arguments):
            _note_pair(list(arguments), compared)
        case _:
            pass


def _note_pair(operands: list[Any], compared: ComparedValues) -> None:
    values = [operand.value for operand in operands if isinstance(operand, Literal)]
    for operand in operands:
        if isinstance(operand, Field):
            compared.add(operand.steps, *values)
        elif isinstance(operand, Call):
            _note_pair([*operand.arguments, *[Literal(value) for value in values]], compared)


def _note_package(node: segment.Condition | segment.Group | None, compared: ComparedValues) -> None:
    if isinstance(node, segment.Group):
        for child in node.children:
            _note_package(child, compared)
    elif node is not None:
        steps = segment.steps_of(node)
        if steps:
            compared.add(steps, node.value)


def _group_text(group: segment.Group) -> str:
    """The package's reading of a trigger, with all brackets."""
    return f" {group.operator} ".join([_node_text(child) for child in group.children])


def _node_text(node: segment.Condition | segment.Group | None) -> str:
    if node is None:
        return "( )"
    if isinstance(node, segment.Group):
        return f"({_group_text(node)})"
    field = node.root if node.path is None else f"{node.root}.{node.path}"
    value = text(node.value) if isinstance(node.value, float | int) else f'"{node.value}"'
    match node.operator:
        case "exists" | "not_exists":
            return f"{field} {'!=' if node.operator == 'exists' else '='} null"
        case "is_true" | "is_false":
            return f"{field} = {node.operator.removeprefix('is_')}"
        case "number_equals" | "number_not_equals":
            return f"{field} is a number {'other than ' if 'not' in node.operator else ''}{value}"
        case "=" | "!=" | "<" | "<=" | ">" | ">=":
            return f"{field} {node.operator} {value}"
        case "contains" | "starts_with" | "ends_with" | "not_contains" | "not_starts_with" | "not_ends_with":
            words = node.operator.removeprefix("not_").replace("_", " ")
            verb = f"does not {_INFINITIVES[words]}" if "not" in node.operator else words
            return f"{field} is a text that {verb} {value}"
        case _:
            return f"{field} {node.operator} {value}, which never holds"

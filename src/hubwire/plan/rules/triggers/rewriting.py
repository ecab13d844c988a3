"""Suggests other forms of a documented trigger that Segment's package may read in the same way.

A form is made of what the trigger means as documented, or of what the package makes of it. The package knows no
brackets in brackets, no precedence, one function at the end of a bracket, `!` only before `contains` and `match`, and
only some comparisons. Whether a form means the same is not decided here (`readings`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace

from hubwire.plan.rules.triggers import segment
from hubwire.plan.rules.triggers.syntax import NEVER, Call, Comparison, Field, Joined, Literal, Node, Not, written
from hubwire.plan.rules.values import is_number, number, text

MAX_CONDITIONS = 60

_OPPOSITES = {"=": "!=", "!=": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_SWAPPED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_NO_GLOB = re.compile(r"[^*?\[\]\\]*")


def forms(node: Node) -> Iterator[str]:
    """Texts to try for the documented meaning of a trigger, the closest to it first."""
    yield from _shapes(_flat(_plain(node, False)))


def package_forms(group: segment.Group) -> Iterator[str]:
    """Texts to try for the package's reading."""
    yield from _shapes(_flat(documented(group)))


def _shapes(simple: Node) -> Iterator[str]:
    for shape in (simple, _normal(simple, "or"), _normal(simple, "and")):
        if shape is not None:
            yield _text(shape)


def documented(node: segment.Condition | segment.Group | None) -> Node:
    """The package's reading, in the documented language."""
    if node is None:
        return NEVER
    if isinstance(node, segment.Group):
        return Joined(node.operator, tuple([documented(child) for child in node.children]))
    field, value = Field(segment.steps_of(node)), Literal(node.value)
    part = text(node.value)
    plain: dict[str, Node] = {
        "=": Comparison("=", field, Literal(part)),
        "!=": Comparison("!=", field, Literal(part)),
        "exists": Comparison("!=", field, Literal(None)),
        "not_exists": Comparison("=", field, Literal(None)),
        "is_true": Comparison("=", field, Literal(True)),
        "is_false": Comparison("=", field, Literal(False)),
        "number_equals": Comparison("=", field, value),
        "number_not_equals": Joined("or", (Comparison("<", field, value), Comparison(">", field, value))),
        "contains": Call("contains", (field, Literal(part))),
        "starts_with": Call("match", (field, Literal(f"{part}*"))),
        "ends_with": Call("match", (field, Literal(f"*{part}"))),
    }
    if node.operator in plain:
        return plain[node.operator]
    if node.operator in ("<", "<=", ">", ">="):
        return Comparison(node.operator, field, Literal(number(node.value)))
    opposite = plain.get(node.operator.removeprefix("not_"))
    return NEVER if opposite is None else Joined("and", (Comparison("!=", field, Literal(None)), Not(opposite)))


def _plain(node: Node, is_opposite: bool) -> Node:
    """The condition, or its opposite, of comparisons that the package knows."""
    match node:
        case Not(condition):
            return _plain(condition, not is_opposite)
        case Joined(operator, conditions):
            word = operator if not is_opposite else "or" if operator == "and" else "and"
            return Joined(word, tuple([_plain(condition, is_opposite) for condition in conditions]))
        case Comparison("in", left, Literal(list() as items)):
            found = Joined("or", tuple([Comparison("=", left, Literal(item)) for item in items]))
            return _plain(found, is_opposite)
        case Comparison(operator, Literal() as left, Field() as right) if operator in _SWAPPED:
            return _plain(Comparison(_SWAPPED[operator], right, left), is_opposite)
        case Comparison():
            return _compared(node, is_opposite)
        case Field():
            if not is_opposite:
                return Comparison("=", node, Literal(True))
            return Joined("or", (Comparison("=", node, Literal(False)), Comparison("=", node, Literal(None))))
        case Call("match", (Field() as field, Literal(str() as pattern))):
            return _matched(node, field, pattern, is_opposite)
        case Call("contains", (Field() as field, _)):
            return _or_null(field, Not(node)) if is_opposite else node
        case _:
            return Not(node) if is_opposite else node


def _compared(node: Comparison, is_opposite: bool) -> Node:
    if is_opposite and node.operator in _OPPOSITES:
        node = replace(node, operator=_OPPOSITES[node.operator])
    match node:
        case Comparison("=" | "!=" as operator, Call("contains" | "match") as call, Literal(bool() as value)):
            return _plain(call, (operator == "=") is not value)
        case Comparison("=", Field(("event",)), Literal(None)):
            return Comparison("!=", Field(("type",)), Literal("track"))
        case Comparison("!=", Field(("event",)), Literal(None)):
            return Comparison("=", Field(("type",)), Literal("track"))
        case Comparison(operator, Call("length", (Field() as field,)), Literal(limit)) if is_number(limit):
            return _filled(node, field, operator, limit)
        case _:
            return node


def _filled(node: Comparison, field: Field, operator: str, limit: int | float) -> Node:
    """`length(x) > 0` and `length(x) = 0` by texts."""
    if (operator, limit) in (("<", 1), ("<=", 0), ("=", 0)):
        return Joined("or", (Comparison("=", field, Literal(None)), Comparison("=", field, Literal(""))))
    if (operator, limit) in ((">", 0), (">=", 1), ("!=", 0)):
        filled = (Comparison("!=", field, Literal("")), Call("match", (field, Literal("*"))))
        return Joined("and", filled)
    return node


def _matched(node: Call, field: Field, pattern: str, is_opposite: bool) -> Node:
    """A glob as a comparison that the package has: equal, begins with, ends with, contains."""
    inside = pattern.strip("*")
    if not _NO_GLOB.fullmatch(inside):
        return Not(node) if is_opposite else node
    if inside == pattern:
        return Comparison("!=" if is_opposite else "=", field, Literal(pattern))
    starts, ends = not pattern.startswith("*"), not pattern.endswith("*")
    if not inside:
        simple: Node = Call("match", (field, Literal("*")))
    elif starts or ends:
        simple = Call("match", (field, Literal(f"{inside}*" if starts else f"*{inside}")))
    else:
        simple = Call("contains", (field, Literal(inside)))
    return _or_null(field, Not(simple)) if is_opposite else simple


def _or_null(field: Field, condition: Node) -> Node:
    """Null counts as a text that contains nothing."""
    return Joined("or", (_compared(Comparison("=", field, Literal(None)), False), condition))


def _flat(node: Node) -> Node:
    """Joined conditions without brackets that change nothing."""
    if not isinstance(node, Joined):
        return node
    flat: list[Node] = []
    for condition in map(_flat, node.conditions):
        if isinstance(condition, Joined) and condition.operator == node.operator:
            flat += condition.conditions
        elif condition not in flat:
            flat.append(condition)
    return flat[0] if len(flat) == 1 else Joined(node.operator, tuple(flat))


def _normal(node: Node, outer: str) -> Node | None:
    """The conditions as groups joined by `outer`, each group joined by the other word; None if they are too many."""
    groups = _groups(node, outer)
    if groups is None:
        return None
    inner = "and" if outer == "or" else "or"
    return _flat(Joined(outer, tuple([_flat(Joined(inner, group)) for group in groups])))


def _groups(node: Node, outer: str) -> list[tuple[Node, ...]] | None:
    if not isinstance(node, Joined):
        return [(node,)]
    parts = [_groups(condition, outer) for condition in node.conditions]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    if node.operator == outer:
        groups = [group for part in known for group in part]
    else:
        count = 1
        for part in known:
            count *= len(part)
            if count > MAX_CONDITIONS:
                return None
        groups = [tuple(itertools.chain(*choice)) for choice in itertools.product(*known)]
    return groups if sum(map(len, groups)) <= MAX_CONDITIONS else None


def _text(node: Node) -> str:
    """The conditions as text, in each bracket its function last, where the package reads it right."""
    if not isinstance(node, Joined):
        return written(node)
    parts = [
        f"({_text(_functions_last(condition))})" if isinstance(condition, Joined) else written(condition)
        for condition in node.conditions
    ]
    return f" {node.operator} ".join(parts)


def _functions_last(node: Joined) -> Joined:
    is_function = [isinstance(condition, Call | Not) for condition in node.conditions]
    ordered = sorted(zip(is_function, node.conditions, strict=True), key=lambda pair: pair[0])
    return Joined(node.operator, tuple([condition for _, condition in ordered]))

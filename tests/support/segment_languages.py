"""Random mappings, triggers and messages of Segment's two languages, right and wrong ones.

Integers beyond 2^53 do not occur, because JavaScript rounds them and we do not.
"""

from __future__ import annotations

import random
from typing import Any

STEPS = ["properties", "traits", "context", "userId", "event", "a", "b", "list", "deep", "0", "length", "x y", "it's"]
VALUES: list[Any] = [None, "", " ", "Pro", "a-b", "A.B", "5", "0", "é ß", 0, 5, -1.5, 1e21, True, False, [], {}]
KINDS = (
    *("path", "template", "if", "case", "replace", "arrayPath", "flatten", "json"),
    *("merge", "transform", "excludeWhenNull", "literal", "object", "list"),
)
EVENTS = ["Order Completed", "order completed", "Order", "", "x"]


def message(rng: random.Random) -> dict[str, Any]:
    """A message with values of every kind."""
    return {
        "type": rng.choice(["track", "identify", "page", "group"]),
        "event": rng.choice(EVENTS),
        "userId": rng.choice(["u-1", "7", ""]),
        "properties": {"a": value(rng, 3), "b": value(rng, 2), "x y": 1, "list": [value(rng, 1), {"a": value(rng, 1)}]},
        "traits": {"a": value(rng, 1), "deep": {"a": value(rng, 1), "b": value(rng, 1)}},
        "context": {"a": value(rng, 2)},
    }


def value(rng: random.Random, depth: int) -> Any:
    if depth and rng.random() < 0.25:
        return {rng.choice(STEPS): value(rng, depth - 1) for _ in range(rng.randrange(3))}
    if depth and rng.random() < 0.25:
        return [value(rng, depth - 1) for _ in range(rng.randrange(3))]
    return rng.choice(VALUES)


def path(rng: random.Random) -> str:
    steps = [rng.choice(STEPS) for _ in range(rng.randrange(1, 4))]
    text = steps[0]
    for step in steps[1:]:
        text += rng.choice([f".{step}", f".{step}", f"['{step}']", f"[{step}]", f"..{step}"])
    return rng.choice(["$.", "$.", "$.", "", "$"]) + text


def mapping(rng: random.Random, depth: int) -> Any:
    """A directive, a literal, a list or an object; some of them wrong."""
    if depth == 0 or rng.random() < 0.15:
        return rng.choice([{"@path": path(rng)}, {"@template": template(rng)}, rng.choice(VALUES), "$.event"])
    kind = rng.choice(KINDS)
    inner = mapping(rng, depth - 1)
    match kind:
        case "path":
            return {"@path": path(rng)}
        case "template":
            return {"@template": template(rng)}
        case "if":
            branches = {name: mapping(rng, depth - 1) for name in ("then", "else") if rng.random() < 0.8}
            return {"@if": {rng.choice(["exists", "blank"]): inner, **branches}}
        case "case":
            return {"@case": {"operator": rng.choice(["lower", "upper", "Upper"]), "value": inner}}
        case "replace":
            options = {"replacement": rng.choice(["", "$&!", "_", "\\1", "$$"])} if rng.random() < 0.8 else {}
            flags = {name: rng.random() < 0.5 for name in ("global", "ignorecase") if rng.random() < 0.5}
            second = {"pattern2": rng.choice(["", "o", "."])} if rng.random() < 0.3 else {}
            pattern = rng.choice(["-", "o", ".", "R"])
            return {"@replace": {"pattern": pattern, "value": inner, **options, **flags, **second}}
        case "arrayPath":
            shape = [mapping(rng, depth - 1)] if rng.random() < 0.6 else []
            return {"@arrayPath": [rng.choice([path(rng), inner]), *shape]}
        case "flatten":
            arrays = {"omitArrays": rng.random() < 0.5} if rng.random() < 0.5 else {}
            return {"@flatten": {"value": inner, "separator": rng.choice([".", "_", ""]), **arrays}}
        case "json":
            return {"@json": {"mode": rng.choice(["encode", "decode"]), "value": inner}}
        case "merge":
            objects = [mapping(rng, depth - 1) for _ in range(rng.randrange(1, 4))]
            return {"@merge": {"direction": rng.choice(["left", "right", "LEFT"]), "objects": objects}}
        case "transform":
            return {"@transform": {"apply": {"a": inner, "list": mapping(rng, 1)}, "mapping": mapping(rng, depth - 1)}}
        case "object":
            return {rng.choice(STEPS): mapping(rng, depth - 1) for _ in range(rng.randrange(1, 4))}
        case "list":
            return [mapping(rng, depth - 1) for _ in range(rng.randrange(3))]
        case _:
            return {f"@{kind}": inner}


def template(rng: random.Random) -> str:
    return "".join(
        rng.choice(["", "x ", "{{", "}}", f"{{{{{path(rng)}}}}}", f"{{{{{{{path(rng)}}}}}}}", f"{{{{ {path(rng)} }}}}"])
        for _ in range(rng.randrange(1, 4))
    )


def trigger(rng: random.Random, depth: int) -> str:
    """A trigger of the grammar, with the freedoms that people take."""
    if depth and rng.random() < 0.5:
        joined = rng.choice([" and ", " or ", " AND ", ", ", " and\n", " or(", " xor "]).join(
            trigger(rng, depth - 1) for _ in range(rng.randrange(2, 4))
        )
        return f"({joined})" if rng.random() < 0.4 else joined
    fields = ["type", "event", "userId", "name", "properties.a", "traits.deep.b", "context.a", "messageId", "zzz"]
    field = rng.choice(fields)
    text = rng.choice(["track", "Order*", "*ed", "Order Completed", "Pro", "", "5", "a-b"])
    plain = ["5", "-1.5", "true", "false", "null", "track"]
    literal = rng.choice([*[f'"{text}"'] * 3, f"'{text}'", *plain])
    if rng.random() < 0.3:
        function = rng.choice(["contains", "match", "!contains", "!match", "length", "! contains"])
        return f"{function}({field}, {literal})"
    operator = rng.choice(["=", "=", "!=", "<", "<=", ">", ">=", "==", "in"])
    before, after = rng.choice([(" ", " ")] * 6 + [("", " "), (" ", ""), ("", "")])
    return f"{field}{before}{operator}{after}{literal}"

"""Finds the faults of a mapping before any message arrives: the mapping language's own checks, all faults at once.

As in Segment's package, the checks do not look inside lists, so a directive in a list fails only for a message. They
also check the branches of `@if` that are not taken.
Source: @segment/actions-core 3.170.0, mapping-kit's validation.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hubwire.errors import BadValue
from hubwire.plan.rules.values import length, type_name

MAX_PATTERN = 10
MAX_LEVELS = 64
MAX_LISTED = 20

Stack = tuple[str, ...]
Check = Callable[[Any, Stack], list[str]]


class MappingRefused(BadValue):
    """A mapping that cannot be used: each fault with its place (`/email/@path should be …`)."""

    code = "bad-mapping"

    def __init__(self, faults: list[str]) -> None:
        super().__init__("mapping", " ".join(faults[:MAX_LISTED]))
        self.faults = faults


def is_directive(value: object) -> bool:
    """Whether this is a directive: all keys begin with `@`, except `_metadata`."""
    if not isinstance(value, dict):
        return False
    directives = [key for key in value if key.startswith("@")]
    return bool(directives) and len(value) == len(directives) + ("_metadata" in value)


def faults_of(mapping: object, stack: Stack = ()) -> list[str]:
    """The faults of a mapping, or of a part of one at `stack`; empty when there are none."""
    kind = _kind(mapping)
    if kind == "directive":
        return _directive(mapping, stack)
    return _object(mapping, stack) if kind == "object" else []


def is_too_deep(mapping: object, levels: int = MAX_LEVELS) -> bool:
    """Whether a mapping is nested deeper than `levels`. This is Hubwire's own limit; Segment states none."""
    if isinstance(mapping, dict | list):
        parts = mapping.values() if isinstance(mapping, dict) else mapping
        return levels == 0 or any(is_too_deep(part, levels - 1) for part in parts)
    return False


def _fault(message: str, stack: Stack) -> list[str]:
    return [f"/{'/'.join(stack)} {message}."]


def _should_be(expected: str, kind: str, stack: Stack) -> list[str]:
    article = "an" if kind[0] in "aeiou" else "a"
    return _fault(f"should be {expected} but it is {article} {kind}", stack)


def _kind(value: object) -> str:
    is_marked = isinstance(value, dict) and any(key.startswith("@") for key in value)
    return "directive" if is_marked else type_name(value)


def _directive(value: Any, stack: Stack) -> list[str]:
    names = [key for key in value if key.startswith("@")]
    if len(names) > 1:
        return _fault(f"should only have one @-prefixed key but it has {len(names)} keys", stack)
    if not is_directive(value):
        return _fault(f"should only have one @-prefixed key but it has {len(value)} keys", stack)
    check = _CHECKS.get(names[0])
    if check is None:
        return _fault(f"has an invalid directive: {names[0]}", stack)
    return check(value[names[0]], (*stack, names[0]))


def _object(value: Any, stack: Stack) -> list[str]:
    kind = _kind(value)
    if kind == "directive":
        name = next(key for key in value if key.startswith("@"))
        return _fault(f"shouldn't have directive (@-prefixed) keys but it has {json.dumps(name)}", stack)
    if kind != "object":
        return _should_be("an object", kind, stack)
    return [fault for key, part in value.items() for fault in faults_of(part, (*stack, key))]


def _raw(value: object, stack: Stack) -> list[str]:
    return _directive(value, stack) if _kind(value) == "directive" else []


def _any(value: object, stack: Stack) -> list[str]:
    return []


def _accepts(expected: str, *kinds: str) -> Check:
    """Check that a value has one of these kinds, without looking inside."""

    def check(value: object, stack: Stack) -> list[str]:
        kind = _kind(value)
        return [] if kind in kinds else _should_be(expected, kind, stack)

    return check


_string_or_directive_kind = _accepts("a string or a mapping directive", "string", "directive")
_object_or_directive_kind = _accepts("a object or a mapping directive", "object", "directive")


def _string_or_directive(value: object, stack: Stack) -> list[str]:
    return _string_or_directive_kind(value, stack) or faults_of(value, stack)


def _object_or_directive(value: object, stack: Stack) -> list[str]:
    return _object_or_directive_kind(value, stack) or faults_of(value, stack)


def _string(value: object, stack: Stack) -> list[str]:
    kind = _kind(value)
    return [] if kind == "string" else _should_be("a string", kind, stack)


def _boolean(value: object, stack: Stack) -> list[str]:
    kind = _kind(value)
    return [] if kind == "boolean" else _should_be("a boolean", kind, stack)


def _list(value: object, stack: Stack) -> list[str]:
    kind = type_name(value)
    return [] if kind == "array" else _should_be("an array", kind, stack)


def _sized(minimum: int, maximum: int) -> Check:
    def check(value: Any, stack: Stack) -> list[str]:
        faults = _string(value, stack)
        if faults:
            return faults
        if length(value) < minimum:
            return _fault(f"should be a string of length {minimum} or greater", stack)
        return _fault(f"should be a string of length {maximum} or less", stack) if length(value) > maximum else []

    return check


def _one_of(*allowed: str) -> Check:
    def check(value: Any, stack: Stack) -> list[str]:
        faults = _string(value, stack)
        if faults or value.lower() in allowed:
            return faults
        shown = json.dumps(value, ensure_ascii=False)
        return _fault(f"should be one of {', '.join(allowed)} but it is {shown}", stack)

    return check


def _fields(optional: Mapping[str, Check], required: Mapping[str, Check] | None = None) -> Check:
    """Check an object with these fields; other fields are allowed.

    Each field is checked once as a mapping, and its kind is checked.
    """

    def check(value: Any, stack: Stack) -> list[str]:
        return _object(value, stack) or list(_checked(value, stack))

    def _checked(value: Any, stack: Stack) -> Iterator[str]:
        for name, check_field in (required or {}).items():
            if name not in value:
                yield from _fault(f"should have field {json.dumps(name)} but it doesn't", stack)
            else:
                yield from check_field(value[name], (*stack, name))
        for name, check_field in optional.items():
            if name in value:
                yield from check_field(value[name], (*stack, name))

    return check


def _array_path(value: Any, stack: Stack) -> list[str]:
    faults = _list(value, stack)
    if faults:
        return faults
    if not value:
        return _should_be("a string or a mapping directive", "undefined", stack)
    return _string_or_directive(value[0], stack) or (faults_of(value[1], stack) if len(value) > 1 else [])


_merge_fields = _fields({"direction": _one_of("left", "right")}, {"objects": _list})


def _merge(value: Any, stack: Stack) -> list[str]:
    faults = _merge_fields(value, stack)
    if faults:
        return faults
    return next((found for part in value["objects"] if (found := _object_or_directive(part, stack))), [])


_CHECKS: dict[str, Check] = {
    "@if": _fields({}),
    "@case": _fields({"operator": _string, "value": _string_or_directive_kind}),
    "@replace": _fields(
        {"replacement": _sized(0, MAX_PATTERN), "ignorecase": _boolean, "global": _boolean},
        {"pattern": _sized(1, MAX_PATTERN), "value": _string_or_directive_kind},
    ),
    "@arrayPath": _array_path,
    "@path": _string_or_directive,
    "@json": _fields({}, {"value": _any, "mode": _one_of("encode", "decode")}),
    "@flatten": _fields({"separator": _string}, {"value": _any}),
    "@merge": _merge,
    "@template": _string_or_directive,
    "@literal": _raw,
    "@transform": _fields({}, {"apply": _object_or_directive_kind, "mapping": _object_or_directive_kind}),
    "@excludeWhenNull": _raw,
    "@liquid": _string,
}
DIRECTIVES = frozenset(_CHECKS)

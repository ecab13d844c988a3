"""What is wrong with the shape of a rule, in words: an unknown field, a value of another type, a missing name. Pure.

msgspec names the place of a fault, and not what helps.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from hubwire.rule import Association, Each, Rule

_PLACE = re.compile(r" - at `\$(?:\.rule)?(?:\[(\d+)\])?(?P<place>[^`]*)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `([^`]*)`")
_MISSING = re.compile(r"Object missing required field `([^`]*)`")
_WORD = re.compile(r"Invalid enum value ('.*')", re.DOTALL)
_TYPE = re.compile(r"Expected `([^`]*)`, got `([^`]*)`")
_PARTS: dict[str, type[msgspec.Struct]] = {"each": Each, "associate": Association}
_TYPES = {
    "str": "a text",
    "int": "a number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
    "null": "nothing",
}


def rule_place(message: str) -> int | None:
    """The index of the rule that a fault of several rules is about."""
    found = _PLACE.search(message)
    return int(found[1]) if found is not None and found[1] is not None else None


def explained(message: str) -> str:
    """A fault of msgspec's about a rule, as its place and what helps: `mode: 'replace' is none of upsert, update…`."""
    found = _PLACE.search(message)
    place = found["place"].strip(".") if found is not None else ""
    shape, words = _shape_at(place), message.removesuffix(found[0]) if found is not None else message
    at = f"{place}: " if place else ""
    if unknown := _UNKNOWN.search(words):
        fields = shape.__struct_fields__
        close = get_close_matches(unknown[1], fields, 1, 0.6)
        what = {Each: "an each", Association: "an association"}.get(shape, "a rule")
        hint = f"did you mean `{close[0]}`?" if close else f"its fields are {', '.join(fields)}"
        return f"{at}{what} has no field `{unknown[1]}`; {hint}"
    if missing := _MISSING.search(words):
        return f"{at}give it a `{missing[1]}`"
    if word := _WORD.search(words):
        allowed = _words_of(shape, place.rpartition(".")[2])
        return f"{at}{word[1]} is none of {', '.join(allowed)}" if allowed else f"{at}{word[1]} has no meaning here"
    if types := _TYPE.search(words):
        expected = " or ".join([_TYPES.get(name.strip(), name.strip()) for name in types[1].split("|")])
        return f"{at}expected {expected}, not {_TYPES.get(types[2], types[2])}"
    return f"{at}{words}"


def _shape_at(place: str) -> type[msgspec.Struct]:
    part = re.match(r"(each|associate)\b", place)
    return _PARTS[part[1]] if part is not None else Rule


def _words_of(shape: type[msgspec.Struct], field: str) -> tuple[Any, ...]:
    hint = get_type_hints(shape).get(field)
    return get_args(hint) if get_origin(hint) is Literal else ()

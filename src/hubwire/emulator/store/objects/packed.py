"""A record's values at rest: one text for the values, and one tuple of names for all records alike.

A portal can hold hundreds of thousands of records. A dict of small strings costs several times its characters; the
packed form costs the characters and little else, and about a microsecond to read.
"""

from __future__ import annotations

from collections.abc import Mapping

_SEPARATOR = "\x1f"
_MAX_SHAPES = 10_000
_shapes: dict[tuple[str, ...], tuple[str, ...]] = {}

Packed = tuple[tuple[str, ...], str | tuple[str, ...]]


def pack(values: Mapping[str, str]) -> Packed:
    """The names, and the values in their order: one text, or a tuple where a value holds the separator."""
    names = _shared(tuple(values))
    text = _SEPARATOR.join(values.values())
    is_plain = text.count(_SEPARATOR) == max(len(names) - 1, 0)
    return names, text if is_plain else tuple(values.values())


def unpack(packed: Packed) -> dict[str, str]:
    """The inverse of `pack`, in a new dict."""
    names, kept = packed
    return dict(zip(names, kept.split(_SEPARATOR) if isinstance(kept, str) else kept, strict=False))


def _shared(names: tuple[str, ...]) -> tuple[str, ...]:
    known = _shapes.get(names)
    if known is None:
        if len(_shapes) >= _MAX_SHAPES:
            _shapes.clear()  # records keep their own tuples; later ones share again
        known = _shapes[names] = names
    return known

"""Trait and event keys as HubSpot names. Pure text; the rules come from the classic HubSpot destination's tests and
from HubSpot's own name rules (lower-case a-z, 0-9 and `_`, first a letter, at most 100 characters)."""

from __future__ import annotations

import hashlib
import unicodedata
from functools import lru_cache

MAX_PROPERTY_NAME = 100
MAX_EVENT_NAME = 100
MAX_EVENT_LABEL = 100

_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz")
_NAME = _LETTERS | frozenset("0123456789_")


def normalised(key: str) -> str:
    """The key as the classic destination writes it: lower-cased, each blank and each dot an underscore.

    Source: analytics.js-integration-hubspot tests (`gogurts are\\tlife` -> `gogurts_are_life`, `a.b` -> `a_b`, two
    blanks are two underscores); the seed, "Identify".
    """
    return "".join(["_" if c == "." or c.isspace() else c for c in key.strip().lower()])


def compressed(key: str) -> str:
    """Only the letters and digits, lower-cased: `first_name`, `firstName` and `First Name` are one."""
    return "".join([c for c in key.lower() if c.isalnum()])


def ascii_folded(text: str) -> str:
    """Lower-case text without accents (`Café` -> `cafe`); letters of other scripts stay."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKD", text)
    return "".join([c for c in folded if not unicodedata.combining(c)]).lower()


def property_name(key: str, limit: int = MAX_PROPERTY_NAME) -> str | None:
    """A name that HubSpot accepts for a new property; None if the key gives none.

    Shape: every other character is one `_`; underscores in front are dropped (`_id` -> `id`).
    """
    folded = ascii_folded(key.strip())
    name = "".join([c if c in _NAME else "_" for c in folded]).strip("_")
    return name if name and name[0] in _LETTERS and len(name) <= limit else None


@lru_cache(maxsize=4096)
def event_name(label: str) -> str | None:
    """The internal name for a new event with this label; None if the label is only ASCII punctuation.

    Shape: runs of other characters are one `_`; a digit in front gets `event_` before it. "You can use any event
    label" (the seed): a label that loses letters on the way (another script, over-long), or is all signs (`🍱`), ends
    in 8 hex digits of its hash, so that two labels do not become one event.
    """
    folded = ascii_folded(label.strip())
    words = "".join([c if c in _NAME else " " for c in folded.replace("_", " ")]).split()
    name = "_".join(words)
    lost = not folded.isascii() and (not name or any(c.isalnum() and not c.isascii() for c in folded))
    if not name and not lost:
        return None
    if not name or name[0] not in _LETTERS:
        name = f"event_{name}" if name else "event"
    if lost or len(name) > MAX_EVENT_NAME:
        digest = hashlib.sha256(folded.encode("utf-8", "replace")).hexdigest()[:8]
        name = f"{name[: MAX_EVENT_NAME - 9]}_{digest}"
    return name

"""Reads HubSpot's error bodies defensively. Pure; never raises.

HubSpot's documented shape is `{status, message, correlationId, category, subCategory, errors[], context, links}`.
Any part may be missing; a gateway answers with HTML or nothing; old routes have `validationResults`; and a list of
refused properties may stand as JSON inside `message` (observed live by third parties).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

MAX_TEXT = 1000
MAX_FAULTS = 1000
CONFLICTING_UNIQUE_VALUE = "CONFLICTING_UNIQUE_VALUE"

_EXISTING_ID = re.compile(r"Existing ID:\s*(\d+)")
_TAKEN = re.compile(
    r"PropertyValueCoordinates\{.{0,300}?propertyName=([^,}]{1,200}), value=(.*)\} on \S+?\.? (\d+) already has that",
    re.DOTALL,
)
"""Source: production bodies from several independent reports. The id before `on` is a ghost, the last one the owner."""
_PRIVACY = re.compile(
    r"deleted for privacy|GDPR.{0,60}(?:block|black|delet)|(?:block|black|delet).{0,60}GDPR", re.IGNORECASE
)
"""HubSpot's wording is not documented; third parties report a GDPR blocklist or blacklist."""
_NO_SUCH_PROPERTY = re.compile(r'Property "([^"]{1,200})" does not exist')
_TAG = re.compile(r"<[^>]*>")
_TITLE = re.compile(r"<title[^>]*>(.{0,200}?)</title>", re.IGNORECASE | re.DOTALL)


class Fault(NamedTuple):
    """One property that HubSpot refused, its code (`PROPERTY_DOESNT_EXIST`) and its words.

    Shape: if another record has a unique value, `value` is the value and `owner_id` that record.
    """

    property: str
    code: str
    message: str
    value: str | None = None
    owner_id: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """An error in HubSpot's words. Missing parts are empty."""

    category: str = ""
    sub_category: str = ""
    message: str = ""
    correlation_id: str = ""
    policy: str = ""
    """The limit of a 429: TEN_SECONDLY_ROLLING, SECONDLY, DAILY."""
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    codes: frozenset[str] = frozenset()
    faults: tuple[Fault, ...] = ()
    scopes: tuple[str, ...] = ()
    """The scopes; the token needs one of them (403)."""
    existing_id: str | None = None
    """The conflicting record (409)."""
    is_json: bool = True

    @property
    def is_about_privacy(self) -> bool:
        """True if the address is refused because its person was deleted for privacy."""
        return _PRIVACY.search(self.message) is not None

    @property
    def text(self) -> str:
        """One line for people: HubSpot's words, shortened."""
        words = self.message
        if self.faults:
            words = "; ".join(dict.fromkeys(f"{fault.property}: {fault.message}" for fault in self.faults))
        if self.scopes:
            words = f"one of these scopes is needed: {', '.join(self.scopes)}"
        return words[:MAX_TEXT]


def read_problem(body: bytes) -> Problem:
    """The error in an answer's body."""
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return Problem(message=_plain(body), is_json=False)
    if not isinstance(raw, dict):
        return Problem(message=_plain(body), is_json=False)
    return problem_of(raw)


def problem_of(raw: object) -> Problem:
    """The error in one decoded object: a whole body, or an entry of a 207's `errors`."""
    if not isinstance(raw, dict):
        return Problem(message=_text(raw))
    message = _text(raw.get("message"))
    errors = [entry for entry in _list(raw.get("errors")) if isinstance(entry, dict)][:MAX_FAULTS]
    context = _context(raw.get("context"))
    for entry in errors:
        for name, values in _context(entry.get("context")).items():
            context.setdefault(name, values)
    faults = tuple(_faults(raw, message, errors))
    existing = _EXISTING_ID.search(message)
    existing_id = existing[1] if existing else next(iter(context.get("existingId", ())), None)
    return Problem(
        category=_text(raw.get("category")) or _text(raw.get("errorType")),
        sub_category=_text(raw.get("subCategory")),
        message=message,
        correlation_id=_text(raw.get("correlationId")) or _text(raw.get("requestId")),
        policy=_text(raw.get("policyName")).upper(),
        context=context,
        codes=frozenset(filter(None, [*(fault.code for fault in faults), *(_text(e.get("code")) for e in errors)])),
        faults=_best(faults),
        scopes=context.get("requiredGranularScopes", ()) or context.get("requiredScopes", ()),
        existing_id=existing_id,
    )


def _faults(raw: Mapping[str, Any], message: str, errors: list[Any]) -> Iterator[Fault]:
    yield from _embedded(message)
    yield from _listed(errors)
    yield from _results(raw.get("validationResults"))
    yield from _worded(message)
    yield from _taken(message)
    for name in _context(raw.get("context")).get("propertyName", ()):
        yield Fault(name, "", message)


def _embedded(message: str) -> Iterator[Fault]:
    start = message.find(": [{")
    if start < 0:
        return
    end = message.rfind("]")
    try:
        entries = msgspec.json.decode(message[start + 2 : end + 1].encode("utf-8", "replace"))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return
    yield from _results(entries)


def _results(entries: object) -> Iterator[Fault]:
    for entry in _list(entries)[:MAX_FAULTS]:
        if isinstance(entry, dict) and entry.get("isValid") is not True and _text(entry.get("name")):
            yield Fault(_text(entry["name"]), _text(entry.get("error")), _text(entry.get("message")))


def _listed(errors: list[Any]) -> Iterator[Fault]:
    for entry in errors:
        names = _context(entry.get("context")).get("propertyName", ())
        for name in names or filter(None, [_text(entry.get("in"))]):
            yield Fault(name, _text(entry.get("code")), _text(entry.get("message")))


def _worded(message: str) -> Iterator[Fault]:
    for name in _NO_SUCH_PROPERTY.findall(message.replace('\\"', '"')):
        yield Fault(name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')


def _taken(message: str) -> Iterator[Fault]:
    taken = _TAKEN.search(message)
    if taken is not None:
        words = f"record {taken[3]} has this value already"
        yield Fault(taken[1], CONFLICTING_UNIQUE_VALUE, words, taken[2], taken[3])


def _best(faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
    """One fault per property and code, because HubSpot reports the same fault in `message` and in `errors`."""
    best: dict[tuple[str, str], Fault] = {}
    coded = {fault.property for fault in faults if fault.code}
    for fault in faults:
        if fault.code or fault.property not in coded:
            best.setdefault((fault.property, fault.code), fault)
    return tuple(best.values())


def _context(raw: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(raw, dict):
        return {}
    return {
        _text(name): tuple(filter(None, (_text(value) for value in (values if isinstance(values, list) else [values]))))
        for name, values in raw.items()
    }


def _list(raw: object) -> list[Any]:
    return raw if isinstance(raw, list) else []


def _text(raw: object) -> str:
    return raw if isinstance(raw, str) else "" if raw is None or isinstance(raw, dict | list) else str(raw)


def _plain(body: bytes) -> str:
    text = body[:20_000].decode("utf-8", "replace")
    title = _TITLE.search(text)
    words = title[1] if title else _TAG.sub(" ", text)
    return " ".join(words.split())[:MAX_TEXT]

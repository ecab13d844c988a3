"""The parts of a stored message or call that concern one person, and their removal. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from hubwire.message import JournalRow
from hubwire.privacy.person_ids import ids_of
from hubwire.record.privacy import KeptAttempt, Trail

MARK = "[forgotten]"
FORGOTTEN: dict[str, bool] = {"forgotten": True}
FEW = 32
"""Up to this many texts, searching the bytes for each text is cheaper than decoding everything."""
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_WITHIN = re.compile(r"[\w.+-]")
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Finder:
    """Finds the messages of one person. `user_ids` apply to every space, and each key of the trail only to its own
    space."""

    def __init__(self, trail: Trail, user_ids: Collection[str], spaces: Mapping[int, str]) -> None:
        self._emails = set(trail.emails)
        self._user_ids = set(user_ids)
        self._keys = set(trail.keys)
        self._spaces = spaces
        self._needles = [needle for text in self._texts() for needle in spellings(text)]

    def _texts(self) -> set[str]:
        return {*self._emails, *self._user_ids, *(key[2:] for _, key in self._keys)}

    def is_theirs(self, row: JournalRow) -> bool:
        """True if a message is about this person: by userId, by e-mail, or by anonymousId if it has no userId."""
        if not self._may_be(row.body) and not (row.envelope and self._may_be(row.envelope)):
            return False
        ids = ids_of(row.body, row.envelope)
        space = self._spaces.get(row.source_id, "")
        if not self._emails.isdisjoint(ids.emails):
            return True
        if ids.user_id is not None:
            return ids.user_id in self._user_ids or (space, f"u:{ids.user_id}") in self._keys
        return (space, f"a:{ids.anonymous_id}") in self._keys

    def mentions(self, row: JournalRow) -> bool:
        """True if another person's message contains this person's e-mail."""
        if len(self._emails) > FEW:
            return says(row.body.decode("utf-8", "replace"), self._emails)
        low = row.body.lower()
        return any(needle in low for email in self._emails for needle in spellings(email))

    def _may_be(self, data: bytes) -> bool:
        """A cheap check of the bytes, so that most messages need not be decoded."""
        if len(self._needles) > FEW or b"\\u" in data or b"\\/" in data:
            return True
        low = data.lower()
        return any(needle in low for needle in self._needles)


def spellings(text: str) -> set[bytes]:
    """The forms of a text in JSON, in lower case: as it is, and with escaped non-ASCII letters."""
    return {json.dumps(text.lower(), ensure_ascii=escaped)[1:-1].lower().encode() for escaped in (False, True)}


def says(text: str, emails: Collection[str]) -> bool:
    """True if a text contains one of the addresses as a whole: `joann@b.co` does not contain `ann@b.co`."""
    low = text.lower()
    if len(emails) > FEW:
        return not set(_ADDRESS.findall(low)).isdisjoint(emails)
    return any(_stands(low, email) for email in emails)


def _stands(low: str, email: str) -> bool:
    at = low.find(email)
    while at >= 0:
        before, after = low[at - 1 : at] if at else "", low[at + len(email) : at + len(email) + 1]
        if not _WITHIN.match(before) and not (after.isalnum() or after in ("-", "_")):
            return True
        at = low.find(email, at + 1)
    return False


def scrubbed(attempt: KeptAttempt, emails: Collection[str], contact_ids: Collection[str]) -> KeptAttempt | None:
    """The attempt without the person's data; None if it has none.

    Shape: an input, result or error about the person becomes `{"forgotten": true}` as a whole; the others stay.
    """
    request = _without(attempt.request, emails, contact_ids)
    response = _without(attempt.response, emails, contact_ids)
    if request == attempt.request and response == attempt.response:
        return None
    return KeptAttempt(attempt.attempt_id, request, response)


def _without(data: bytes, emails: Collection[str], contact_ids: Collection[str]) -> bytes:
    texts = [*emails, *contact_ids]
    low = data.lower()
    if (
        len(texts) <= FEW
        and b"\\u" not in data
        and not any(spelling in low for text in texts for spelling in spellings(text))
    ):
        return data
    try:
        value = _decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return _marked(data, emails)
    cleaned = _clean(value, {email.lower() for email in emails}, set(contact_ids))
    return data if cleaned == value else _encode(cleaned)


def _marked(data: bytes, emails: Iterable[str]) -> bytes:
    """Text that is not JSON, without the addresses."""
    text = data.decode("utf-8", "surrogateescape")
    for email in emails:
        text = re.sub(rf"(?i)(?<![\w.+-]){re.escape(email)}(?![\w-])", MARK, text)
    return text.encode("utf-8", "surrogateescape")


def _clean(value: Any, emails: set[str], contact_ids: set[str]) -> Any:
    """The value without the person's data: without list entries that name them, or replaced if it names them itself."""
    if isinstance(value, dict):
        if any(_says(text, emails, contact_ids) for text in _own_texts(value)):
            return FORGOTTEN
        return {name: _clean(inner, emails, contact_ids) for name, inner in value.items()}
    if isinstance(value, list):
        return [_clean(inner, emails, contact_ids) for inner in value]
    return MARK if _says(value, emails, contact_ids) else value


def _says(value: object, emails: set[str], contact_ids: set[str]) -> bool:
    if isinstance(value, str):
        return value in contact_ids or says(value, emails)
    return isinstance(value, int) and not isinstance(value, bool) and str(value) in contact_ids


def _own_texts(value: dict[str, Any]) -> Iterator[object]:
    """The values of an object and its nested objects, without lists, whose entries are judged separately."""
    for inner in value.values():
        if isinstance(inner, dict):
            yield from _own_texts(inner)
        elif not isinstance(inner, list):
            yield inner

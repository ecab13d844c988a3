"""Reads JSON: one document per line, an array, or documents with line breaks (as `jq .` writes them)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any, Final

import msgspec

from hubwire.backfill.formats.compressed import Part
from hubwire.backfill.records import Record
from hubwire.errors import SettingsError

MAX_WHOLE_BYTES: Final = 1 << 30
"""Maximum size of a file that must be read as a whole."""
MAX_LINE_BYTES: Final = 1024 * 1024
FIRST_LINES: Final = 10
_WRAPPERS: Final = ("results", "data", "events", "records", "contacts", "users", "messages", "rows")
_decode = msgspec.json.Decoder().decode


def looks_like_documents(sample: bytes) -> bool:
    """Whether a text begins with JSON, or has a JSON line among its first lines."""
    head = sample.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head[:1] in (b"{", b"["):
        return True
    return any(isinstance(_decoded(line), dict) for line in head.split(b"\n", FIRST_LINES)[:FIRST_LINES])


def document_rows(part: Part, stream: IO[bytes], sample: bytes) -> Iterator[Record]:
    """The documents of a file, numbered by line; those of an array by their place in it.

    Errors: SettingsError for a file that begins as JSON and is none, and for a whole file of more than 1 GiB.
    """
    head = sample.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head[:1] == b"[" and not _is_line_of_its_own(head):
        yield from _array(part, stream)
    elif _is_indented(head) or _is_wrapped(head):
        yield from _whole(part, stream)
    else:
        yield from _lines(stream)


def _is_line_of_its_own(head: bytes) -> bool:
    """Whether the first line is an array and another line follows, so that each document is an array."""
    first, separator, rest = head.partition(b"\n")
    return bool(separator and rest.strip()) and isinstance(_decoded(first), list)


def _is_indented(head: bytes) -> bool:
    first = head.partition(b"\n")[0].rstrip()
    return first.endswith((b"{", b"[", b",")) and _decoded(first) is None


def _is_wrapped(head: bytes) -> bool:
    """Whether the text is one line with a document that only wraps a list of rows, as an API answers."""
    first, _, rest = head.partition(b"\n")
    value = None if rest.strip() else _decoded(first)
    return isinstance(value, dict) and wrapped_rows(value)[0] is not value


def _decoded(text: bytes) -> Any:
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _lines(stream: IO[bytes]) -> Iterator[Record]:
    for number, line in enumerate(stream, 1):
        text = line.strip()
        if number == 1:
            text = text.removeprefix(b"\xef\xbb\xbf")
        if not text:
            continue
        if len(text) > MAX_LINE_BYTES:
            yield Record(number, {}, f"a line of {len(text):,} bytes; a message has at most {MAX_LINE_BYTES:,}")
            continue
        try:
            yield _document(number, _decode(text))
        except RecursionError:
            yield Record(number, {}, "not JSON: nested too deeply")
        except UnicodeDecodeError:
            yield Record(number, {}, "not UTF-8; set the encoding of the file, such as --encoding latin-1")
        except msgspec.DecodeError as exc:
            yield Record(number, {}, f"not JSON: {exc}")


def _document(number: int, value: Any) -> Record:
    if isinstance(value, dict):
        return Record(number, value)
    return Record(number, {}, f"not an object: {type(value).__name__}")


def _array(part: Part, stream: IO[bytes]) -> Iterator[Record]:
    body = _body(part, stream)
    try:
        for number, element in enumerate(msgspec.json.decode(body, type=list[msgspec.Raw]), 1):
            yield _document(number, _decode(element))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise SettingsError(f"{part.label}: begins like a JSON array but is not one: {exc}") from exc


def _whole(part: Part, stream: IO[bytes]) -> Iterator[Record]:
    """Documents that span lines, and the rows of a document that only wraps a list of them."""
    try:
        text = _body(part, stream).decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise SettingsError(f"{part.label}: not UTF-8 at byte {exc.start:,}") from exc
    decoder = json.JSONDecoder()
    end, number = 0, 0
    while (start := _next(text, end)) < len(text):
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError) as exc:
            line = text.count("\n", 0, start) + 1
            raise SettingsError(f"{part.label}:{line}: begins like JSON but is not valid: {exc}") from exc
        for row in wrapped_rows(value):
            number += 1
            yield _document(number, row)


def wrapped_rows(value: Any) -> list[Any]:
    """The rows of a document that only wraps a list of them; otherwise the document itself."""
    if isinstance(value, dict) and len(value) <= 3:
        for name in _WRAPPERS:
            rows = value.get(name)
            if isinstance(rows, list) and rows and isinstance(rows[0], dict):
                return rows
    return value if isinstance(value, list) else [value]


def _next(text: str, place: int) -> int:
    while place < len(text) and (text[place].isspace() or text[place] == ","):
        place += 1
    return place


def _body(part: Part, stream: IO[bytes]) -> bytes:
    body = stream.read(MAX_WHOLE_BYTES + 1)
    if len(body) > MAX_WHOLE_BYTES:
        raise SettingsError(
            f"{part.label}: a JSON file of more than 1 GiB in one piece", hint="Write one message a line: jq -c '.[]'"
        )
    return body.removeprefix(b"\xef\xbb\xbf")

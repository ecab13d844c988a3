"""Files of history, line by line: NDJSON, JSON arrays, CSV of people, gzip or not, and folders of them.

Lines are numbered from 1 in each file, in every format, so that an import that was stopped goes on at a line.
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec

from hubwire.backfill.people import Columns, row_message
from hubwire.errors import SettingsError

STDIN = "-"
LINES_PER_CHUNK = 1000
BYTES_PER_CHUNK = 4 * 1024 * 1024
LONGEST_LINE = 1024 * 1024
"""What is longer is no message (32 KB), and is cut off: it will be told as unreadable."""
ENDINGS = (".json", ".ndjson", ".jsonl", ".csv")
MOST_ARRAY_BYTES = 1 << 30
DELIMITERS = ",;\t|"


class Line(NamedTuple):
    """One line of a file, numbered from 1; empty ones are counted and have no text."""

    number: int
    text: bytes


class Chunk(NamedTuple):
    """Lines that follow each other, and how many bytes of the file (as it lies on disk) were read for them."""

    lines: list[Line]
    bytes_done: int


def files_of(names: Sequence[str], besides: Path | None = None) -> list[str]:
    """The files that names stand for; a folder stands for all files in it that can be history, sorted by path.

    Shape: `besides` is a folder whose files are none: Hubwire's own data, in a folder that holds both.
    Errors: SettingsError for a name that is neither, and for a folder without history.
    """
    own = besides.resolve() if besides is not None else None
    found: list[str] = []
    for name in names:
        path = Path(name)
        if name != STDIN and path.is_dir():
            inside = sorted(
                str(one)
                for one in path.rglob("*")
                if one.is_file() and is_history(one.name) and own not in one.resolve().parents
            )
            if not inside:
                raise SettingsError(f"{name}: no {', '.join(ENDINGS)} file in it (or the same with .gz)")
            found += inside
        elif name == STDIN or path.is_file():
            found.append(name)
        else:
            raise SettingsError(
                f"{name}: there is no such file or folder",
                hint="A pipe is given as - (standard input).",
            )
    return found


def is_history(name: str) -> bool:
    """Whether a file of this name can hold messages."""
    return name.lower().removesuffix(".gz").endswith(ENDINGS)


def total_bytes(files: Sequence[str]) -> int | None:
    """The size of all files, None with standard input among them."""
    return None if STDIN in files else sum(Path(name).stat().st_size for name in files)


def chunks(name: str, after: int = 0) -> Iterator[Chunk]:
    """The lines of a file behind line number `after`, in groups.

    Errors: SettingsError for a file that cannot be read, and for a CSV without a column that names people.
    """
    with ExitStack() as stack:
        raw: IO[bytes] = sys.stdin.buffer if name == STDIN else stack.enter_context(_opened(name))
        try:
            numbered = itertools.islice(enumerate(_texts(name, raw), 1), after, None)
            yield from _grouped(numbered, raw)
        except (gzip.BadGzipFile, EOFError) as exc:
            raise SettingsError(f"{name}: damaged gzip: {exc}") from exc


def _grouped(numbered: Iterable[tuple[int, bytes]], raw: IO[bytes]) -> Iterator[Chunk]:
    lines: list[Line] = []
    size = 0
    for number, text in numbered:
        lines.append(Line(number, text[:LONGEST_LINE]))
        size += len(lines[-1].text)
        if len(lines) >= LINES_PER_CHUNK or size >= BYTES_PER_CHUNK:
            yield Chunk(lines, _place(raw))
            lines, size = [], 0
    if lines:
        yield Chunk(lines, _place(raw))


def _texts(name: str, raw: IO[bytes]) -> Iterator[bytes]:
    plain = name.lower()
    stream: Any = raw
    if plain.endswith(".gz"):
        stream, plain = gzip.GzipFile(fileobj=raw), plain.removesuffix(".gz")
    stream = stream if hasattr(stream, "peek") else io.BufferedReader(stream)
    if plain.endswith(".csv"):
        yield from _people(name, stream)
    elif stream.peek(64)[:64].lstrip()[:1] == b"[":
        yield from _array(name, stream)
    else:
        for text in stream:
            yield text.strip()


def _array(name: str, stream: IO[bytes]) -> Iterator[bytes]:
    """The elements of one JSON array: as lines."""
    body = stream.read(MOST_ARRAY_BYTES + 1)
    if len(body) > MOST_ARRAY_BYTES:
        raise SettingsError(f"{name}: a JSON array of more than 1 GiB", hint="Write one message a line: jq -c '.[]'")
    try:
        yield from (bytes(one) for one in msgspec.json.decode(body, type=list[msgspec.Raw]))
    except msgspec.DecodeError as exc:
        raise SettingsError(f"{name}: begins like a JSON array and is none: {exc}") from exc


def _people(name: str, stream: IO[bytes]) -> Iterator[bytes]:
    """A CSV's rows as identify messages. The header is no line: the first row is number 1."""
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")
    try:
        head = text.readline()
        rows = csv.reader(itertools.chain([head], text), delimiter=max(DELIMITERS, key=head.count))
        columns = Columns.of(next(rows, []))
        if columns is None:
            raise SettingsError(
                f"{name}: no column of the CSV names people",
                hint="It needs a header with email, userId or anonymousId.",
            )
        for row in rows:
            yield row_message(columns, row)
    finally:
        text.detach()  # the file itself is closed by who opened it


def _opened(name: str) -> IO[bytes]:
    try:
        return open(name, "rb")
    except OSError as exc:
        raise SettingsError(f"{name}: {exc.strerror}") from exc


def _place(raw: IO[bytes]) -> int:
    try:
        return int(raw.tell())
    except (OSError, ValueError):
        return 0

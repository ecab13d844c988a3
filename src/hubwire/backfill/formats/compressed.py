"""Reads the bytes of a part of a file, without gzip and zstd. `Part` is the address of a part."""

from __future__ import annotations

import gzip
import io
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, cast

from hubwire.backfill.formats.kinds import HEAD_BYTES, Kind, kind_of
from hubwire.errors import SettingsError

STDIN: Final = "-"
BUFFER_BYTES: Final = 256 * 1024
SAMPLE_BYTES: Final = 256 * 1024
MAX_LAYERS: Final = 3
BROKEN_ZIP: Final = (zipfile.BadZipFile, KeyError, NotImplementedError, struct.error, UnicodeDecodeError, ValueError)
"""The exceptions that the directory of a broken zip raises."""


class Part(NamedTuple):
    """A file, or a table, sheet or file inside it."""

    path: str
    member: str | None = None

    @property
    def label(self) -> str:
        """The name of the part in messages."""
        return self.path if self.member is None else f"{self.path}:{self.member}"


class DamagedFile(Exception):
    """A file ends early or is broken. The rows before the end count."""


class Bytes(NamedTuple):
    """A decompressed stream.

    Shape: `sample` is its beginning, which it still contains. `layers` are the removed compressions, outermost first.
    `raw` is the file itself, by which the progress is measured.
    """

    stream: io.BufferedReader
    sample: bytes
    layers: tuple[str, ...]
    raw: IO[bytes]


def open_bytes(part: Part, stack: ExitStack) -> Bytes:
    """The bytes of a part. The caller closes the stack.

    Errors: SettingsError for a file that cannot be opened; DamagedFile for one of which nothing can be read.
    """
    raw = _opened(part, stack)
    stream, sample = _ahead(raw)
    if not sample:
        _fail_if_damaged(stream, f"{part.label}: damaged")
    layers: list[str] = []
    while len(layers) < MAX_LAYERS:
        kind = kind_of(sample[:HEAD_BYTES])
        if kind is Kind.GZIP:
            inner: Any = _Stepwise(gzip.GzipFile(fileobj=stream))
        elif kind is Kind.ZSTD:
            inner = _zstd(stream)
        else:
            break
        stream, sample = _ahead(inner)
        if not sample:
            _fail_if_damaged(stream, f"{part.label}: damaged {kind}")
        layers.append(str(kind))
    return Bytes(stream, sample, tuple(layers), raw)


def _fail_if_damaged(stream: IO[bytes], problem: str) -> None:
    """Raise DamagedFile if a stream without a first byte is damaged, not empty."""
    try:
        stream.read(1)
    except DAMAGES as exc:
        raise DamagedFile(f"{problem}: {exc}") from exc


def _ahead(source: IO[bytes]) -> tuple[io.BufferedReader, bytes]:
    """The beginning of a stream, and a stream that still contains it. The library's `peek` can return less."""
    buffered = source if isinstance(source, io.BufferedReader) else io.BufferedReader(cast(Any, source), BUFFER_BYTES)
    parts: list[bytes] = []
    size = 0
    damage: Exception | None = None
    try:
        while size < SAMPLE_BYTES and (data := buffered.read1(SAMPLE_BYTES - size)):
            parts.append(data)
            size += len(data)
    except DAMAGES as exc:
        damage = exc  # raised again and reported when the rows are read
    sample = b"".join(parts)
    return io.BufferedReader(_Rewound(sample, buffered, damage), BUFFER_BYTES), sample


class _Stepwise(io.RawIOBase):
    """Reads one step at a time, so that damage is raised only after all bytes before it were given."""

    def __init__(self, source: Any) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        count: int = self._source.readinto1(target)
        return count


class _Rewound(io.RawIOBase):
    """Gives the bytes that were already read, then the rest or the damage that was found behind them."""

    def __init__(self, sample: bytes, rest: io.BufferedReader, damage: Exception | None) -> None:
        self._damage = damage
        self._sample = memoryview(sample)
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        if self._sample:
            count = min(len(target), len(self._sample))
            target[:count], self._sample = self._sample[:count], self._sample[count:]
            return count
        if self._damage is not None:
            raise self._damage
        return self._rest.readinto1(target)


def _opened(part: Part, stack: ExitStack) -> IO[bytes]:
    if part.path == STDIN:
        return sys.stdin.buffer
    try:
        raw = stack.enter_context(io.BufferedReader(io.FileIO(part.path), BUFFER_BYTES))
        if part.member is None or kind_of(raw.peek(HEAD_BYTES)[:HEAD_BYTES]) is not Kind.ZIP:
            return raw
        member = stack.enter_context(stack.enter_context(zipfile.ZipFile(raw)).open(part.member))
        return io.BufferedReader(_Stepwise(member), BUFFER_BYTES)
    except OSError as exc:
        raise SettingsError(f"{part.path}: {exc.strerror}") from exc
    except BROKEN_ZIP as exc:
        raise DamagedFile(f"{part.label}: damaged zip: {exc}") from exc
    except RuntimeError as exc:
        raise SettingsError(f"{part.label}: encrypted: {exc}", hint="Unpack the zip first.") from exc


def _zstd(stream: IO[bytes]) -> Any:
    try:
        import zstandard
    except ImportError as exc:
        raise SettingsError("a zstd file needs another package", hint="pip install 'hubwire[files]'") from exc
    return _ZstdStream(stream, lambda: zstandard.ZstdDecompressor().decompressobj())


class _ZstdStream(io.RawIOBase):
    """Reads frame after frame. Raises EOFError for an early end, which the package's own reader accepts."""

    def __init__(self, stream: IO[bytes], frame: Callable[[], Any]) -> None:
        self._stream = stream
        self._frame = frame
        self._current: Any = None
        self._out = b""

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        while not self._out:
            unused = self._current.unused_data if self._current is not None and self._current.eof else b""
            data = unused or self._stream.read(BUFFER_BYTES)
            if not data:
                if self._current is not None and not self._current.eof:
                    raise EOFError("it ends before its last frame is complete")
                return 0
            if self._current is None or self._current.eof:
                self._current = self._frame()
            self._out = self._current.decompress(data)
        count = min(len(target), len(self._out))
        target[:count], self._out = self._out[:count], self._out[count:]
        return count


def _damages() -> tuple[type[Exception], ...]:
    kinds: tuple[type[Exception], ...] = (gzip.BadGzipFile, EOFError, zlib.error, zipfile.BadZipFile)
    try:
        import zstandard
    except ImportError:
        return kinds
    return (*kinds, zstandard.ZstdError)


DAMAGES: Final = _damages()
"""The exceptions that broken compression raises."""


def stem(part: Part) -> str:
    """The table's name: that of the member, else the file's without its endings."""
    name = Path(part.member or part.path).name
    return name.split(".")[0] if part.path != STDIN else ""

"""Reads a text in another encoding as UTF-8, which JSON is decoded from."""

from __future__ import annotations

import codecs
import io
from typing import Any, Final

from hubwire.backfill.formats.compressed import DamagedFile, Part

STEP_BYTES: Final = 64 * 1024


class Recoded(io.RawIOBase):
    """The UTF-8 of a text. Reading raises DamagedFile at bytes that are not of its encoding."""

    def __init__(self, part: Part, stream: io.BufferedReader, encoding: str) -> None:
        self._part = part
        self._stream = stream
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._place = 0
        self._out = b""

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        while not self._out:
            data = self._stream.read1(STEP_BYTES)
            try:
                text = self._decoder.decode(data, final=not data)
            except UnicodeDecodeError as exc:
                raise DamagedFile(
                    f"{self._part.label}: not {self._encoding} at byte {self._place + exc.start:,}"
                ) from exc
            self._place += len(data)
            self._out = text.encode("utf-8", "surrogatepass")
            if not data and not self._out:
                return 0
        count = min(len(target), len(self._out))
        target[:count], self._out = self._out[:count], self._out[count:]
        return count

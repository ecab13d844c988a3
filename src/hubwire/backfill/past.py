"""The last imports of this data folder: what was journaled and where, so that their outcome can be looked up."""

from __future__ import annotations

from pathlib import Path

import msgspec

FILE = "past-imports.json"
KEPT = 20


class PastImport(msgspec.Struct, frozen=True, kw_only=True):
    """One import. `first` and `last` are the positions of its messages; others can lie between them."""

    at_ms: int
    source: str
    files: str
    messages: int
    first: int
    last: int


def past_imports(data: Path) -> list[PastImport]:
    """The last imports, newest first; a file that cannot be read has none."""
    try:
        return msgspec.json.decode((data / FILE).read_bytes(), type=list[PastImport])
    except (OSError, msgspec.MsgspecError):
        return []


def note_import(data: Path, done: PastImport) -> None:
    """Keep an import, and the newest of those before it."""
    fresh = (data / FILE).with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode([done, *past_imports(data)][:KEPT]))
    fresh.replace(data / FILE)

"""Files of history, written and read as `hubwire import` reads them, without a journal."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from hubwire.backfill.looking import History, look_at
from hubwire.backfill.reading import chunks
from hubwire.backfill.records import ReadOptions


class Result(NamedTuple):
    """What was read: the titles of the files, their messages, faults as `file:row: reason`, and passed-over rows."""

    history: History
    messages: list[dict[str, Any]]
    faults: list[str]
    passed_over: list[str]

    @property
    def title(self) -> str:
        return self.history.seen[0].reader.title

    @property
    def uses(self) -> dict[str, str]:
        """What becomes of each column: the target, or why it is left out."""
        return {use.column: use.target or use.why for use in self.history.seen[0].reader.uses}


Read = Callable[..., Result]
Write = Callable[[str, bytes | str], str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.chdir(tmp_path)

    def written(name: str, body: bytes | str) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = body.encode() if isinstance(body, str) else body
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return name

    return written


def read_all(*names: str, **options: Any) -> Result:
    """Read files to their end. Raises what the import would end with."""
    history = look_at(names, ReadOptions(**options))
    result = Result(history, [], [], [])
    for seen in history.seen:
        for chunk in chunks(seen):
            result.messages.extend(json.loads(line.text) for line in chunk.lines)
            for number, omission in chunk.left_out:
                report = result.faults if omission.is_fault else result.passed_over
                report.append(f"{seen.part.label}:{number}: {omission.reason}")
    return result


@pytest.fixture
def read(write: Write) -> Read:
    def reading(name: str, body: bytes | str, **options: Any) -> Result:
        return read_all(write(name, body), **options)

    return reading

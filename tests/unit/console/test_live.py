"""The stream that tells Live that there is something new."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hubwire.console.pages.watch.live import (
    CHANGED,
    STREAM_LOOKS,
    UNCHANGED,
    events,
)


def streamed(found: Sequence[object], stops_after: int = STREAM_LOOKS) -> list[bytes]:
    """What the stream says when its looks find these, the last one again and again; no time passes."""
    waits = 0
    left = list(found)

    async def look() -> object:
        return left.pop(0) if len(left) > 1 else left[0]

    async def wait() -> None:
        nonlocal waits
        waits += 1

    async def read() -> list[bytes]:
        return [line async for line in events(look, lambda: waits >= stops_after, wait)]

    return asyncio.run(read())


def test_each_change_is_told_once() -> None:
    lines = streamed(["a", "a", "b", "b", "c"])
    assert lines[:6] == [UNCHANGED, UNCHANGED, CHANGED, UNCHANGED, CHANGED, UNCHANGED]
    assert CHANGED not in lines[6:]


def test_a_stream_ends_and_is_asked_for_again() -> None:
    assert len(streamed(["a"])) == 1 + STREAM_LOOKS


def test_a_stream_ends_with_its_process() -> None:
    assert streamed(["a", "b", "c"], stops_after=1) == [UNCHANGED, CHANGED]

"""Parts start in their order and stop in the opposite one, each once, whatever a part does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from hubwire.backends.memory.journal import MemoryJournal
from hubwire.backends.sqlite.bell import Bell, BellListener
from hubwire.installation.sandbox import Sandbox
from hubwire.journal.group_commit import GroupCommit
from hubwire.lifecycle import Lifecycle, Part, Together
from hubwire.process.chores import Chores
from hubwire.registry.watch import VersionWatch
from hubwire.settings import Settings


class Noted:
    """A part that notes what happens to it."""

    def __init__(self, name: str, notes: list[str], failure: Exception | None = None) -> None:
        self._name, self._notes, self._failure = name, notes, failure

    def start(self) -> None:
        self._notes.append(f"start {self._name}")

    def stop(self) -> Awaitable[None]:
        return self._stop()

    async def _stop(self) -> None:
        self._notes.append(f"stop {self._name}")
        if self._failure is not None:
            raise self._failure


async def test_parts_stop_in_the_opposite_order_of_their_start_and_once() -> None:
    notes: list[str] = []
    lifecycle = Lifecycle()
    await lifecycle.start(Noted("a", notes))
    await lifecycle.start(Together(Noted("b", notes), Noted("c", notes)))
    await lifecycle.stop()
    await lifecycle.stop()
    assert notes == ["start a", "start b", "start c", "stop c", "stop b", "stop a"]


async def test_a_part_that_fails_to_stop_does_not_keep_the_others_from_it() -> None:
    notes: list[str] = []
    lifecycle = Lifecycle()
    await lifecycle.start(Noted("a", notes))
    await lifecycle.start(Noted("b", notes, OSError("b")))
    with pytest.raises(OSError, match="b"):
        await lifecycle.stop()
    assert notes[-2:] == ["stop b", "stop a"]


async def test_a_part_that_fails_to_start_is_stopped_with_the_others() -> None:
    notes: list[str] = []

    class Broken(Noted):
        def start(self) -> None:
            raise OSError("no port")

    lifecycle = Lifecycle()
    await lifecycle.start(Noted("a", notes))
    with pytest.raises(OSError, match="no port"):
        await lifecycle.start(Broken("b", notes))
    await lifecycle.stop()
    assert notes == ["start a", "stop b", "stop a"]


PARTS: dict[str, Callable[[Path], Part]] = {
    "bell listener": lambda folder: BellListener(Bell(str(folder / "hubwire.db")), lambda: None),
    "chores": lambda folder: Chores([]),
    "group commit": lambda folder: GroupCommit(MemoryJournal()),
    "sandbox": lambda folder: Sandbox(Settings(data=str(folder), emulator_port=0)),
    "version watch": lambda folder: VersionWatch(lambda: 1),
}


@pytest.mark.parametrize("name", PARTS)
async def test_a_part_may_be_stopped_without_a_start_and_twice(name: str, tmp_path: Path) -> None:
    never_started, lifecycle = PARTS[name](tmp_path), Lifecycle()
    await Together(never_started).stop()
    stopping = never_started.stop()
    if stopping is not None:
        await stopping
    part = await lifecycle.start(PARTS[name](tmp_path))
    await lifecycle.stop()
    stopping = part.stop()
    if stopping is not None:
        await stopping
    assert part is not never_started

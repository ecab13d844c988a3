"""What runs in the background: sums are kept up, and a chore that fails begins again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Literal

import pytest

from hubwire.backends.store import open_store
from hubwire.clock import FakeClock
from hubwire.errors import BackendUnavailable
from hubwire.message import Entry
from hubwire.process import chores
from hubwire.process.chores import (
    AGAIN_SECONDS,
    SUM_BLOCKS,
    SUM_SECONDS,
    Chores,
    sum_up,
)
from hubwire.process.service import Service
from hubwire.settings import Settings

STRETCH = 1024
Role = Literal["all", "receive", "deliver"]


class Enough(Exception):
    """Ends a chore that would run for ever."""


async def test_sums_are_kept_up_before_anybody_asks(tmp_path: Path) -> None:
    store = open_store(Settings(data=str(tmp_path)), FakeClock(), appends=True)
    whole = SUM_BLOCKS + 3
    for number in range(whole + 1):
        store.journal.append([Entry(1, f"{number}-{each_number}", 1, b"{}") for each_number in range(STRETCH)])
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            raise Enough

    with pytest.raises(Enough):
        await sum_up(store.statistics, wait)
    assert waited == [AGAIN_SECONDS, SUM_SECONDS, SUM_SECONDS]
    assert store.statistics.catch_up(0) == 0
    assert store.statistics.storage().messages == (whole + 1) * STRETCH
    store.journal.close()
    store.close()


@pytest.mark.parametrize(("role", "sums"), [("all", True), ("deliver", True), ("receive", False)])
async def test_who_delivers_sums_up(tmp_path: Path, role: Role, sums: bool) -> None:
    service = Service(Settings(data=str(tmp_path), role=role))
    assert ("sums" in dict(service.chores())) is sums
    await service.stop()


async def test_a_chore_that_fails_begins_again_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chores, "FAILED_SECONDS", 0.0)
    begun = 0
    went_on, began_again = asyncio.Event(), asyncio.Event()

    async def fails() -> None:
        nonlocal begun
        begun += 1
        if begun == 3:
            began_again.set()
            await asyncio.Event().wait()
        raise BackendUnavailable("locked") if begun == 1 else ZeroDivisionError

    async def goes_on() -> None:
        went_on.set()
        await asyncio.Event().wait()

    running = Chores([("fails", fails), ("goes on", goes_on)])
    running.start()
    async with asyncio.timeout(5):
        await began_again.wait()
        await went_on.wait()
    await running.stop()
    assert begun == 3, "it began again after each failure, and not while it ran"

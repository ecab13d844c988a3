"""Large uploads take turns: in order, within the bound, and nobody's place is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from hubwire.errors import Overloaded
from hubwire.receive.body import LargeUploads
from hubwire.receive.upload_limits import LARGE_UPLOAD_BYTES

LARGE = 2 * LARGE_UPLOAD_BYTES


def with_uploads(check: Callable[[LargeUploads], Awaitable[None]], *, max_wait_seconds: float = 30) -> None:
    async def run() -> None:
        uploads = LargeUploads(2 * LARGE, max_wait_seconds)
        await check(uploads)
        assert uploads.held_bytes == 0

    asyncio.run(run())


async def turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_small_upload_takes_no_room_and_never_waits() -> None:
    async def check(uploads: LargeUploads) -> None:
        await uploads.take(2 * LARGE)
        place = uploads.place()
        await place.take(LARGE_UPLOAD_BYTES)
        assert not place.is_taken
        uploads.give_back(2 * LARGE)

    with_uploads(check)


def test_who_came_first_is_let_in_first_even_if_a_smaller_one_would_fit() -> None:
    async def check(uploads: LargeUploads) -> None:
        order: list[str] = []

        async def enter(name: str, size_bytes: int) -> None:
            await uploads.take(size_bytes)
            order.append(name)

        await enter("first", LARGE + 1)
        waiting = [asyncio.create_task(enter("second", 2 * LARGE)), asyncio.create_task(enter("third", LARGE - 1))]
        await turn()
        assert order == ["first"]
        uploads.give_back(LARGE + 1)
        await turn()
        assert order == ["first", "second"]
        uploads.give_back(2 * LARGE)
        await asyncio.gather(*waiting)
        assert order == ["first", "second", "third"]
        uploads.give_back(LARGE - 1)

    with_uploads(check)


def test_an_upload_larger_than_the_bound_is_let_in_alone() -> None:
    async def check(uploads: LargeUploads) -> None:
        await uploads.take(5 * LARGE)
        uploads.give_back(5 * LARGE)

    with_uploads(check)


def test_a_cancelled_caller_leaves_the_line_to_the_next() -> None:
    async def check(uploads: LargeUploads) -> None:
        await uploads.take(LARGE + 1)
        cancelled = asyncio.create_task(uploads.take(2 * LARGE))
        last = asyncio.create_task(uploads.take(LARGE - 1))
        await turn()
        cancelled.cancel()
        await last
        uploads.give_back(LARGE - 1)
        uploads.give_back(LARGE + 1)

    with_uploads(check)


@pytest.mark.parametrize("is_freed_first", [True, False])
def test_a_place_that_comes_in_the_moment_of_giving_up_is_given_back(is_freed_first: bool) -> None:
    async def check(uploads: LargeUploads) -> None:
        await uploads.take(2 * LARGE)
        waiting = asyncio.create_task(uploads.take(LARGE))
        await turn()
        if is_freed_first:
            uploads.give_back(2 * LARGE)
        waiting.cancel()
        if not is_freed_first:
            uploads.give_back(2 * LARGE)
        with pytest.raises(asyncio.CancelledError):
            await waiting

    with_uploads(check)


def test_who_waits_too_long_is_refused_and_told_when_to_come_again() -> None:
    async def check(uploads: LargeUploads) -> None:
        place = uploads.place()
        await place.take(2 * LARGE)
        with pytest.raises(Overloaded) as refused:
            await uploads.place().take(LARGE)
        assert refused.value.retry_after_seconds == 2
        place.give_back()
        place.give_back()

    with_uploads(check, max_wait_seconds=0.01)

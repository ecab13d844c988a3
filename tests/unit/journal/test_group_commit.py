"""Group commit: one commit for many requests, back-pressure before memory, failures for exactly those concerned."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from hubwire.backends.memory.journal import MemoryJournal
from hubwire.errors import BackendUnavailable, Overloaded
from hubwire.journal import group_commit
from hubwire.journal.group_commit import GroupCommit
from hubwire.journal.protocol import Extent
from hubwire.message import Entry

NOW = 1_790_000_000_000


def entry(message_id: str, body: bytes = b"{}", rejected: str | None = None) -> Entry:
    return Entry(1, message_id, NOW, body, rejected=rejected)


class GatedJournal(MemoryJournal):
    """A journal whose appends wait for a gate, and that remembers the groups it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.groups: list[list[str]] = []

    def append(self, entries: Sequence[Entry]) -> list[int | None]:
        self.entered.set()
        assert self.gate.wait(10)
        self.groups.append([entry.message_id for entry in entries])
        return super().append(entries)


async def entered(journal: GatedJournal) -> None:
    await asyncio.get_running_loop().run_in_executor(None, journal.entered.wait, 10)


async def test_a_lone_append_is_committed_at_once() -> None:
    journal = MemoryJournal()
    groups = GroupCommit(journal)
    assert await groups.append([entry("a"), entry("b"), entry("a")]) == [1, 2, None]
    await groups.stop()


async def test_what_arrives_during_a_commit_is_committed_together() -> None:
    journal = GatedJournal()
    groups = GroupCommit(journal)
    first = asyncio.create_task(groups.append([entry("a")]))
    await entered(journal)
    others = [asyncio.create_task(groups.append([entry(f"m{number}")])) for number in range(5)]
    await asyncio.sleep(0)
    journal.gate.set()
    assert await first == [1]
    assert [await other for other in others] == [[2], [3], [4], [5], [6]]
    assert journal.groups == [["a"], ["m0", "m1", "m2", "m3", "m4"]]
    assert groups.counts.groups == 2
    await groups.stop()


async def test_a_group_ends_at_its_bound_but_a_larger_upload_is_one_commit() -> None:
    journal = GatedJournal()
    groups = GroupCommit(journal, max_group_messages=3)
    first = asyncio.create_task(groups.append([entry("a")]))
    await entered(journal)
    uploads = [[entry(f"{name}{number}") for number in range(size)] for name, size in (("x", 2), ("y", 2), ("z", 5))]
    others = [asyncio.create_task(groups.append(upload)) for upload in uploads]
    await asyncio.sleep(0)
    journal.gate.set()
    await asyncio.gather(first, *others)
    assert [len(group) for group in journal.groups] == [1, 2, 2, 5]
    await groups.stop()


async def test_too_many_waiting_messages_are_refused_and_nothing_of_them_is_kept() -> None:
    journal = GatedJournal()
    groups = GroupCommit(journal, max_waiting_messages=3)
    kept = asyncio.create_task(groups.append([entry("a"), entry("b")]))
    await entered(journal)
    with pytest.raises(Overloaded) as refused:
        await groups.append([entry("c"), entry("d")])
    assert refused.value.retry_after_seconds == 1
    assert refused.value.status == 429
    journal.gate.set()
    assert await kept == [1, 2]
    assert await groups.append([entry("c"), entry("d")]) == [3, 4]
    assert (groups.waiting_messages, groups.waiting_bytes) == (0, 0)
    assert groups.counts.refused == 2
    await groups.stop()


async def test_too_many_waiting_bytes_are_refused() -> None:
    journal = GatedJournal()
    groups = GroupCommit(journal, max_waiting_bytes=10_000)
    kept = asyncio.create_task(groups.append([entry("a", b"x" * 9_000)]))
    await entered(journal)
    with pytest.raises(Overloaded):
        await groups.append([entry("b", b"x" * 9_000)])
    journal.gate.set()
    assert await kept == [1]
    await groups.stop()


async def test_an_upload_larger_than_the_bound_passes_when_nothing_waits() -> None:
    groups = GroupCommit(MemoryJournal(), max_waiting_messages=2)
    assert await groups.append([entry("a"), entry("b"), entry("c")]) == [1, 2, 3]
    await groups.stop()


async def test_a_failed_commit_fails_its_group_alone() -> None:
    journal = MemoryJournal()
    groups = GroupCommit(journal)
    journal.failure = BackendUnavailable("the disk is full")
    with pytest.raises(BackendUnavailable):
        await groups.append([entry("a")])
    journal.failure = None
    assert await groups.append([entry("a")]) == [1]
    assert (groups.counts.failed, groups.counts.received, groups.waiting_messages) == (1, 1, 0)
    await groups.stop()


async def test_who_does_not_wait_is_told_of_positions_and_failures() -> None:
    outcomes: list[Sequence[int | None] | Exception] = []
    groups = GroupCommit(MemoryJournal())
    groups.submit([entry("a")], outcomes.append)
    groups.submit([entry("a"), entry("b")], outcomes.append)
    groups.submit([], outcomes.append)
    assert outcomes == [], "never before submit is over"
    await groups.append([entry("c")])
    assert outcomes == [[], [1], [None, 2]]
    await groups.stop()
    journal = BrokenJournal()
    journal.is_away = True
    failing = GroupCommit(journal)
    failing.submit([entry("a")], outcomes.append)
    with pytest.raises(BackendUnavailable):
        await failing.append([entry("b")])
    assert isinstance(outcomes[-1], BackendUnavailable)
    await failing.stop()


@pytest.mark.parametrize("is_away", [False, True])
async def test_who_is_told_may_submit_the_next_upload_at_once(is_away: bool) -> None:
    outcome: asyncio.Future[Sequence[int | None] | Exception] = asyncio.get_running_loop().create_future()
    journal = BrokenJournal()
    journal.is_away = is_away
    groups = GroupCommit(journal, max_waiting_messages=2)

    def submit_next(_: object) -> None:
        journal.is_away = False
        try:
            groups.submit([entry("b"), entry("c")], outcome.set_result)
        except Overloaded as exc:
            outcome.set_result(exc)

    groups.submit([entry("a")], submit_next)
    assert await outcome == ([1, 2] if is_away else [2, 3])
    await groups.stop()


async def test_a_caller_that_fails_when_it_is_told_does_not_keep_the_others_from_hearing() -> None:
    def fail(_: object) -> None:
        raise RuntimeError("a bug")

    groups = GroupCommit(MemoryJournal())
    groups.submit([entry("a")], fail)
    assert await groups.append([entry("b")]) == [2]
    assert (groups.waiting_messages, groups.waiting_bytes) == (0, 0)
    assert await groups.append([entry("c")]) == [3]
    await groups.stop()


async def test_a_caller_that_is_cancelled_leaves_the_others_alone() -> None:
    journal = GatedJournal()
    groups = GroupCommit(journal)
    first = asyncio.create_task(groups.append([entry("a")]))
    await entered(journal)
    gone = asyncio.create_task(groups.append([entry("b")]))
    stays = asyncio.create_task(groups.append([entry("c")]))
    await asyncio.sleep(0)
    gone.cancel()
    journal.gate.set()
    assert await first == [1]
    assert await stays == [3]
    await groups.stop()


async def test_closing_commits_what_waits_and_refuses_what_comes_later() -> None:
    journal = GatedJournal()
    groups = GroupCommit(journal)
    tasks = [asyncio.create_task(groups.append([entry(f"m{number}")])) for number in range(3)]
    await entered(journal)
    closing = asyncio.create_task(groups.stop())
    await asyncio.sleep(0)
    with pytest.raises(BackendUnavailable):
        await groups.append([entry("late")])
    journal.gate.set()
    await closing
    assert sorted([await task for task in tasks]) == [[1], [2], [3]]


async def test_counts_tell_duplicates_and_rejected() -> None:
    groups = GroupCommit(MemoryJournal())
    await groups.append([entry("a"), entry("b", rejected="no-ids"), entry("a")])
    counts = groups.counts
    assert (counts.received, counts.duplicates, counts.rejected, counts.groups) == (3, 1, 1, 1)
    assert counts.bytes > 0
    await groups.stop()


async def test_on_commit_is_called_when_something_was_added() -> None:
    calls: list[int] = []
    groups = GroupCommit(MemoryJournal(), on_commit=lambda: calls.append(1))
    await groups.append([entry("a")])
    await groups.append([entry("a")])
    assert calls == [1]
    await groups.stop()


async def test_starting_opens_the_appender() -> None:
    journal = GatedJournal()
    journal.gate.set()
    groups = GroupCommit(journal)
    await groups.start()
    assert journal.groups == [[]]
    await groups.stop()


class BrokenJournal(MemoryJournal):
    """A journal that can be told to be away."""

    def __init__(self) -> None:
        super().__init__()
        self.is_away = False

    def append(self, entries: Sequence[Entry]) -> list[int | None]:
        if self.is_away:
            raise BackendUnavailable("away")
        return super().append(entries)

    def extent(self) -> Extent:
        if self.is_away:
            raise BackendUnavailable("away")
        return super().extent()


async def test_who_has_committed_nothing_lately_asks_the_journal() -> None:
    journal = BrokenJournal()
    groups = GroupCommit(journal)
    await groups.check()
    journal.is_away = True
    with pytest.raises(BackendUnavailable, match="away"):
        await groups.check()
    journal.is_away = False
    await groups.check()
    await groups.stop()
    with pytest.raises(BackendUnavailable, match="closing"):
        await groups.check()


async def test_a_commit_tells_whether_the_journal_takes_messages() -> None:
    journal = BrokenJournal()
    groups = GroupCommit(journal)
    journal.is_away = True
    with pytest.raises(BackendUnavailable):
        await groups.append([entry("a")])
    journal.is_away = False
    with pytest.raises(BackendUnavailable, match="the last commit failed: away"):
        await groups.check()
    await groups.append([entry("a")])
    await groups.check()
    await groups.stop()


async def test_a_commit_that_hangs_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "ASK_SECONDS", 0.01)
    journal = GatedJournal()
    groups = GroupCommit(journal)
    waiting = asyncio.create_task(groups.append([entry("a")]))
    await entered(journal)
    for _ in range(2):
        with pytest.raises(BackendUnavailable, match="has not answered"):
            await groups.check()
    journal.gate.set()
    assert await waiting == [1]
    await groups.check()
    await groups.stop()


async def test_a_commit_that_hangs_shows_although_one_went_through_a_moment_ago(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    journal = GatedJournal()
    journal.gate.set()
    groups = GroupCommit(journal)
    await groups.append([entry("a")])
    await groups.check()
    monkeypatch.setattr(group_commit, "ASK_SECONDS", -1.0)
    journal.gate.clear()
    journal.entered.clear()
    waiting = asyncio.create_task(groups.append([entry("b")]))
    await entered(journal)
    with pytest.raises(BackendUnavailable, match="has not answered"):
        await groups.check()
    journal.gate.set()
    await waiting
    await groups.stop()


async def test_uploads_hear_of_a_journal_that_hangs_and_are_taken_again_when_it_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(group_commit, "COMMIT_SECONDS", 0.05)
    journal = GatedJournal()
    woken = asyncio.Event()
    groups = GroupCommit(journal, on_commit=woken.set)
    first = asyncio.create_task(groups.append([entry("a")]))
    await entered(journal)
    behind = asyncio.create_task(groups.append([entry("b")]))
    for waiting in (first, behind):
        with pytest.raises(BackendUnavailable, match="has not answered"):
            await waiting
    with pytest.raises(BackendUnavailable, match="has not answered"):
        await groups.append([entry("c")])
    with pytest.raises(BackendUnavailable):
        await groups.check()
    assert groups.waiting_messages == groups.waiting_bytes == 0
    monkeypatch.setattr(group_commit, "COMMIT_SECONDS", 10.0)
    journal.gate.set()
    async with asyncio.timeout(10):
        await woken.wait()
    # What was given up is kept nevertheless: its sender repeats it, and it is a duplicate.
    assert await groups.append([entry("a"), entry("b")]) == [None, 2]
    await groups.check()
    await groups.stop()

"""Many requests, one commit: while one group is being committed in the appender thread, the next one gathers.

No artificial delay: a lone message is committed at once, and under load the groups grow by themselves. Waiting entries
are bounded in messages and bytes; beyond the bound an append is refused as a whole.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import msgspec
import structlog

from hubwire.errors import BackendUnavailable, Overloaded
from hubwire.journal.protocol import Extent, Journal
from hubwire.message import Entry

ROW_OVERHEAD_BYTES = 200
RECENT_SECONDS = 5.0
"""How long the last commit's result shows that the journal accepts messages; then the journal is asked."""
ASK_SECONDS = 3.0
COMMIT_SECONDS = 12.0
"""How long uploads wait for a commit. After that they fail, although the commit may still succeed."""

logger = structlog.get_logger(__name__)


@dataclass(slots=True)
class JournalCounts:
    """Counts of the journal since the start, for /metrics. Messages, except `groups` and `bytes`."""

    received: int = 0
    duplicates: int = 0
    rejected: int = 0
    refused: int = 0
    failed: int = 0
    bytes: int = 0
    groups: int = 0


Positions = Sequence[int | None]
"""The position of each entry; None for a duplicate."""


class _Waiting(msgspec.Struct):
    entries: Sequence[Entry]
    size_bytes: int
    settled: Callable[[Positions | Exception], None]


class GroupCommit:
    """Appends from the event loop to a blocking journal.

    Units: `max_waiting_*` bound everything that is not yet on disk; `max_group_*` bound one commit (a single larger
    upload is still one commit). `on_commit` is called on the event loop after a commit that added something, to wake
    the lanes of this process or, without any, those of the process that delivers.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        max_waiting_messages: int = 20_000,
        max_waiting_bytes: int = 64 * 1024 * 1024,
        max_group_messages: int = 2_000,
        max_group_bytes: int = 4 * 1024 * 1024,
        on_commit: Callable[[], None] | None = None,
    ) -> None:
        self.counts = JournalCounts()
        self.waiting_messages = 0
        self.waiting_bytes = 0
        self._journal = journal
        self._max_waiting_messages = max_waiting_messages
        self._max_waiting_bytes = max_waiting_bytes
        self._max_group_messages = max_group_messages
        self._max_group_bytes = max_group_bytes
        self.on_commit = on_commit
        self._waiting: deque[_Waiting] = deque()
        self._committer: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal-append")
        self._is_closed = False
        self._ended: tuple[float, Exception | None] | None = None
        """When the last commit ended, and its failure."""
        self._health_check: asyncio.Future[Extent] | None = None
        self._begun_at: float | None = None
        """When the running commit began."""
        self._is_stuck = False
        """True if the running commit has taken longer than uploads wait."""

    async def start(self) -> None:
        """Take the appender lock and load the ids for de-duplication, before the first request.

        Errors: BackendError if another process appends to this journal.
        """
        await asyncio.get_running_loop().run_in_executor(self._thread, self._journal.append, [])

    async def append(self, entries: Sequence[Entry]) -> list[int | None]:
        """The position of each entry, None for a duplicate. Returns when all entries are committed and on disk.

        Errors: Overloaded (too much is waiting) and BackendUnavailable (the commit failed); then nothing is stored.
        """
        # Shielded by construction: a caller that is cancelled leaves its entries in the group, and they are kept.
        future: asyncio.Future[Positions] = asyncio.get_running_loop().create_future()
        self.submit(entries, partial(_settle, future))
        return list(await future)

    def submit(self, entries: Sequence[Entry], settled: Callable[[Positions | Exception], None]) -> None:
        """`append` for a caller that does not wait: `settled` is called on the event loop, once, and later.

        Errors: as `append`, except the error of a failed commit, which `settled` receives.
        """
        if self._is_closed:
            raise BackendUnavailable("the journal is closing; nothing was kept")
        if self._is_stuck:
            raise BackendUnavailable(f"the journal has not answered for {COMMIT_SECONDS:g} s; nothing was kept")
        if not entries:
            asyncio.get_running_loop().call_soon(settled, [])
            return
        size_bytes = sum([len(entry.body) + len(entry.envelope or b"") for entry in entries])
        size_bytes += ROW_OVERHEAD_BYTES * len(entries)
        self._admit(len(entries), size_bytes)
        self._waiting.append(_Waiting(entries, size_bytes, settled))
        if self._committer is None:
            self._committer = asyncio.get_running_loop().create_task(self._commit_groups())

    async def check(self) -> None:
        """Return if the journal seems to accept messages, without sending it one.

        Shape: a commit that runs for too long is an error at once. Otherwise a recent commit decides, or the journal is
        asked; concurrent callers share one question.
        Errors: BackendError: the last commit failed, the journal does not answer, or it is closing.
        """
        if self._is_closed:
            raise BackendUnavailable("the journal is closing")
        loop = asyncio.get_running_loop()
        if self._begun_at is not None and loop.time() - self._begun_at > ASK_SECONDS:
            raise BackendUnavailable(f"the journal has not answered for {loop.time() - self._begun_at:.0f} s")
        if self._ended is not None and loop.time() - self._ended[0] < RECENT_SECONDS:
            failure = self._ended[1]
            if failure is not None:
                raise BackendUnavailable(f"the last commit failed: {failure}") from failure
            return
        if self._health_check is None or self._health_check.done():
            self._health_check = loop.run_in_executor(self._thread, self._journal.extent)
        await asyncio.wait([self._health_check], timeout=ASK_SECONDS)
        if not self._health_check.done():
            raise BackendUnavailable(f"the journal has not answered for {ASK_SECONDS:g} s")
        self._health_check.result()

    async def stop(self) -> None:
        """Commit everything that waits, then end; later appends are refused."""
        self._is_closed = True
        while self._committer is not None and not self._is_stuck:
            await asyncio.wait([self._committer], timeout=ASK_SECONDS)
        self._thread.shutdown(wait=not self._is_stuck)

    def _admit(self, count: int, size_bytes: int) -> None:
        is_idle = self.waiting_messages == 0
        too_many = self.waiting_messages + count > self._max_waiting_messages
        too_large = self.waiting_bytes + size_bytes > self._max_waiting_bytes
        if (too_many or too_large) and not is_idle:
            self.counts.refused += count
            raise Overloaded(
                f"{self.waiting_messages} messages are waiting for the disk; nothing of this upload was kept",
                retry_after_seconds=1,
            )
        self.waiting_messages += count
        self.waiting_bytes += size_bytes

    async def _commit_groups(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                group, entries, size_bytes = self._take_group()
                self._begun_at = loop.time()
                committing = loop.run_in_executor(self._thread, self._journal.append, entries)
                done, _ = await asyncio.wait([committing], timeout=COMMIT_SECONDS)
                if not done:
                    self._give_up(group, len(entries), size_bytes)
                    await self._see_it_end(committing)
                    continue
                self._make_room(len(entries), size_bytes)
                failure = committing.exception()
                if isinstance(failure, Exception):
                    self._fail(group, len(entries), failure)
                else:
                    self._settle(group, entries, committing.result(), size_bytes)
        finally:
            self._committer = self._begun_at = None

    def _give_up(self, group: list[_Waiting], count: int, size_bytes: int) -> None:
        """The journal does not answer: fail all waiting entries now, and refuse new ones until it answers."""
        self._is_stuck = True
        late = BackendUnavailable(f"the journal has not answered for {COMMIT_SECONDS:g} s")
        logger.error("journal.stuck", seconds=COMMIT_SECONDS)
        self._make_room(count, size_bytes)
        self._fail(group, count, late)
        waiting, self._waiting = list(self._waiting), deque()
        for upload in waiting:
            self._make_room(len(upload.entries), upload.size_bytes)
            self._fail([upload], len(upload.entries), late)

    async def _see_it_end(self, committing: asyncio.Future[list[int | None]]) -> None:
        """Wait for the commit that was given up. If it succeeds after all, the entries that its senders repeat are
        duplicates."""
        await asyncio.wait([committing])
        self._is_stuck = False
        failure = committing.exception()
        self._ended = (asyncio.get_running_loop().time(), failure if isinstance(failure, Exception) else None)
        if failure is None and self.on_commit is not None:
            self.on_commit()

    def _make_room(self, count: int, size_bytes: int) -> None:
        """Make room before callers get their answers, because they may submit the next upload at once."""
        self.waiting_messages -= count
        self.waiting_bytes -= size_bytes

    def _take_group(self) -> tuple[list[_Waiting], list[Entry], int]:
        group: list[_Waiting] = []
        entries: list[Entry] = []
        size_bytes = 0
        while self._waiting:
            head = self._waiting[0]
            is_full = (
                len(entries) + len(head.entries) > self._max_group_messages
                or size_bytes + head.size_bytes > self._max_group_bytes
            )
            if group and is_full:
                break
            group.append(self._waiting.popleft())
            entries.extend(head.entries)
            size_bytes += head.size_bytes
        return group, entries, size_bytes

    def _settle(
        self, group: list[_Waiting], entries: list[Entry], positions: list[int | None], size_bytes: int
    ) -> None:
        self._ended = (asyncio.get_running_loop().time(), None)
        counts = self.counts
        counts.groups += 1
        counts.bytes += size_bytes
        counts.received += len(entries)
        counts.duplicates += positions.count(None)
        counts.rejected += sum([entry.rejected is not None for entry in entries])
        start = 0
        for waiting in group:
            end = start + len(waiting.entries)
            _tell(waiting, positions[start:end])
            start = end
        if self.on_commit is not None and positions.count(None) < len(positions):
            self.on_commit()

    def _fail(self, group: list[_Waiting], count: int, exc: Exception) -> None:
        self._ended = (asyncio.get_running_loop().time(), exc)
        self.counts.failed += count
        for waiting in group:
            _tell(waiting, exc)


def _tell(waiting: _Waiting, outcome: Positions | Exception) -> None:
    try:
        waiting.settled(outcome)
    except Exception:
        # A bug of one caller must not keep the answers from the others of the group.
        logger.exception("journal.telling-failed")


def _settle(future: asyncio.Future[Positions], outcome: Positions | Exception) -> None:
    if future.done():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)

"""Decisions of a person about deliveries: replay them, or discard them.

A replay handles its targets in slices, so that live messages keep their priority and a person can pause, slow or cancel
it. It begins the next slice when the calls of the last one fit into its share of the calls that HubSpot has allowed
since. Replaying an old message is safe: the newest value of a property wins, and events carry a uuid. A discard takes
effect at once.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Protocol

import msgspec
import structlog

from hubwire.clock import Clock
from hubwire.delivery import State
from hubwire.errors import BadValue
from hubwire.record.message_filter import MessageFilter, ReplayPart

SLICE_MESSAGES = 1000
"""The number of messages in a slice of a replay that may use every call."""
FULL_CALL_MESSAGES = 100
"""The smallest slice for any share, because a half-empty call costs as much as a full one."""
SHARE_PERCENT = 50
"""The default share of its destination's calls that a replay may use."""
MIN_SHARE_PERCENT = 1
MAX_SHARE_PERCENT = 100
NOTE_CHARACTERS = 200
"""The maximum length of a person's note."""
NOTE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]*")
"""A note: one line, without characters that control a terminal, are invisible, or reverse the writing direction."""
CALLS_PER_SECOND = 10.0
"""The assumed rate limit of a destination whose limit is still unknown."""
STEP_SECONDS = 1.0
IDLE_SECONDS = 5.0
"""The time between two searches for replays that another process began."""

log = structlog.get_logger("hubwire.record")


class ReplayState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"


class ReplayCount(msgspec.Struct, frozen=True, kw_only=True):
    """The number of a replay's deliveries to one destination in one part; for replayed ones, in one state."""

    destination_id: int
    part: ReplayPart
    state: State | None = None
    count: int


class Replay(msgspec.Struct, kw_only=True):
    """One replay with its progress.

    Shape: `target_count` = waiting + `fed_count` + `passed_count`. `passed_count`: deliveries that had another state
    when their turn came and were left alone. `outcomes`: current state -> count of the fed deliveries. The replay may
    use `share_percent` of its destination's calls; concurrent replays share that limit. `counts` cover only messages
    that are still kept.
    """

    replay_id: int
    actor: str
    wanted: MessageFilter
    state: ReplayState
    begun_at_ms: int
    ended_at_ms: int | None
    paused_at_ms: int | None = None
    share_percent: int = SHARE_PERCENT
    target_count: int
    fed_count: int
    passed_count: int
    outcomes: dict[str, int] = {}
    counts: list[ReplayCount] = []

    @property
    def waiting_count(self) -> int:
        return self.target_count - self.fed_count - self.passed_count


class Discarded(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a discard. `passed_count`: deliveries whose state had changed, which were left alone."""

    count: int
    passed_count: int = 0


class Replays(Protocol):
    def begin(
        self,
        message_filter: MessageFilter,
        actor: str,
        now_ms: int,
        targets: Sequence[tuple[int, int]] | None = None,
        share_percent: int = SHARE_PERCENT,
    ) -> Replay:
        """Begin a replay of the matching deliveries, or of `targets` (destination_id, position) in the filter's state.

        Errors: SettingsError for a state that cannot be replayed, BadValue for the share; nothing changes then.
        """
        ...

    def step(self, now_ms: int, slice_messages: int) -> int | None:
        """Replay the next slice of each running replay; returns the number of deliveries, or None if no replay runs.

        At most a replay's share of `slice_messages` is pending at a time, and a replay stays within its share of the
        calls.
        """
        ...

    def pause(self, replay_id: int, now_ms: int) -> bool:
        """Pause a replay until it is resumed; False if it does not run or has replayed everything.

        Shape: messages that are already replayed are still delivered.
        """
        ...

    def resume(self, replay_id: int) -> bool:
        """Resume a replay; False if it is not paused."""
        ...

    def set_share(self, replay_id: int, share_percent: int) -> bool:
        """Set the share of a replay; False if it has ended. Errors: BadValue; nothing changes then."""
        ...

    def cancel(self, replay_id: int, now_ms: int) -> bool:
        """Cancel a replay; False if it has ended. Messages that are already replayed are still delivered."""
        ...

    def discard(
        self,
        message_filter: MessageFilter,
        now_ms: int,
        targets: Sequence[tuple[int, int]] | None = None,
        note: str = "",
    ) -> Discarded:
        """Discard the matching dead or held deliveries, or `targets` in the filter's state, as `discarded-by-person`.

        Shape: their detail has the `note` and their former state; a replay can make them pending again. Held deliveries
        whose time is over are left alone: their lane plans them again.
        Errors: SettingsError for a state that cannot be discarded, BadValue for the note; nothing changes then.
        """
        ...

    def replay(self, replay_id: int) -> Replay | None: ...

    def recent(self, limit: int) -> list[Replay]:
        """The newest replays first."""
        ...


def slice_of(slice_messages: int, share_percent: int) -> int:
    """The number of messages of a replay with this share in one slice: at least a full call."""
    return max(slice_messages * share_percent // 100, min(slice_messages, FULL_CALL_MESSAGES))


def wait_ms(calls: float, calls_per_second: float, share_percent: int) -> int:
    """The time in ms in which this number of calls is this share of the calls that HubSpot allows."""
    return round(calls * 1000 * 100 / (calls_per_second * share_percent))


def checked_share(share_percent: int) -> int:
    """The share, if it is valid. Errors: BadValue."""
    if MIN_SHARE_PERCENT <= share_percent <= MAX_SHARE_PERCENT:
        return share_percent
    limit = [MIN_SHARE_PERCENT, MAX_SHARE_PERCENT]
    message = f"share_percent must be a whole number from {MIN_SHARE_PERCENT} to {MAX_SHARE_PERCENT}"
    raise BadValue("share_percent", message, value=share_percent, limit=limit)


def checked_note(note: str) -> str:
    """The note on one line. Errors: BadValue."""
    line = " ".join(note.split())
    if len(line) > NOTE_CHARACTERS:
        message = f"note has {len(line)} characters; at most {NOTE_CHARACTERS}"
        raise BadValue("note", message, value=line, limit=NOTE_CHARACTERS)
    if not NOTE.fullmatch(line):
        raise BadValue("note", "note must be text that can be read", value=ascii(line))
    return line


class ReplayRunner:
    """Feeds running replays to their lanes, a slice at a time. `run` ends when it is cancelled."""

    def __init__(self, replays: Replays, clock: Clock, wake: Callable[[], None]) -> None:
        self._replays = replays
        self._clock = clock
        self._wake = wake
        self._begun = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def wake(self) -> None:
        """Wake the runner after a new replay. Called from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._begun.set)

    async def run(self) -> None:
        """Call `step` for ever: every second while a replay runs, otherwise when woken or every few seconds."""
        self._loop = asyncio.get_running_loop()
        while True:
            self._begun.clear()
            fed = await asyncio.to_thread(self._replays.step, self._clock.now_ms(), SLICE_MESSAGES)
            if fed:
                log.info("replay.fed", count=fed)
                await asyncio.to_thread(self._wake)
            try:
                await asyncio.wait_for(self._begun.wait(), IDLE_SECONDS if fed is None else STEP_SECONDS)
            except TimeoutError:
                continue

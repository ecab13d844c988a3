"""What one source may do to a portal: how many of its messages may die in a row, and how much it may define. Pure.

Deaths are counted by source and reason, and only if HubSpot caused them: our own bugs do not count, and one source must
not stop another. The write key of a browser or an app is public, so anybody can send data that HubSpot refuses; such a
source is parked alone. A server source belongs to the operator; its run stops the lane, because the cause is probably a
setting. Both are probed with a few messages, so that neither stays stopped after its cause is fixed.

A portal has room for 500 event definitions. A public source adds only so many in a day, because otherwise a stranger
uses them up, and events of other sources no longer get any. Server sources have no such limit. Units: epoch
milliseconds; days are UTC days.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from hubwire.delivery import Dead, Verdict
from hubwire.reasons import Reason

RUN_MESSAGES = 200
"""This many deaths of one source for one reason, without a delivery of that source in between, are a run."""
PROBE_MESSAGES = 5
"""The number of messages that a probe tries, of a parked source or of a lane that a run stopped."""
PARK_SECONDS = 300.0
MAX_PARK_SECONDS = 3600.0
RELEASE_SECONDS = 10.0
"""The wait of other messages during a probe; by then, the probe has its result."""
PARKED_NAME = "parked"
OURS = frozenset({Reason.INTERNAL_ERROR, Reason.RETRIES_EXHAUSTED})
"""Reasons of deaths that HubSpot did not cause."""


class Run(NamedTuple):
    """The end of a run: how many messages of a source died, and HubSpot's last words."""

    source_id: int
    message_count: int
    reason: Reason
    detail: str

    @property
    def text(self) -> str:
        """The run in words."""
        refused = f"HubSpot refused {self.message_count} messages in a row"
        return f"{refused}, the last one because: {self.reason} {self.detail}".rstrip()


class Parked(msgspec.Struct):
    """A source that waits. Kept with the lane's status, so that a restart knows it too."""

    reason: str
    detail: str
    until_ms: int
    seconds: float = PARK_SECONDS


class Made(msgspec.Struct, frozen=True):
    """The additions of a source on one day. Kept with the lane's status, so that a restart knows them too."""

    day: int
    count: int


class _StoredStatus(msgspec.Struct):
    """The part of a lane's stored status that matters here."""

    parked: dict[int, Parked] = {}
    definitions_made: dict[int, Made] = {}


def parked_of(status: bytes) -> dict[int, Parked]:
    """The sources that were parked, from a lane's stored status."""
    try:
        return msgspec.json.decode(status, type=_StoredStatus).parked
    except msgspec.MsgspecError:
        return {}


@dataclass(slots=True)
class DeathRuns:
    """Counts deaths by source and reason. Units: epoch milliseconds."""

    parked: dict[int, Parked]
    _counts: dict[tuple[int, Reason], int]

    @classmethod
    def of(cls, parked: Mapping[int, Parked]) -> DeathRuns:
        """The runs of a lane, with the sources that were parked before."""
        return cls(dict(parked), {})

    def note(
        self,
        sources: Mapping[int, int],
        verdicts: Mapping[int, Verdict],
        is_settled: Callable[[int], bool],
        *,
        is_probe: bool = False,
    ) -> list[Run]:
        """Count a cycle's outcomes; returns the runs that are complete now, at most one for each source.

        Shape: `sources` gives each position's source; a position without a verdict was delivered, unless `is_settled`
        says that a rule discarded or held it. In a probe, and of a parked source, one death is enough.
        """
        runs: dict[int, Run] = {}
        if not (self._counts or self.parked or any(isinstance(verdict, Dead) for verdict in verdicts.values())):
            return []
        for position, source_id in sources.items():
            verdict = verdicts.get(position)
            if isinstance(verdict, Dead):
                if verdict.reason not in OURS:
                    key = source_id, verdict.reason
                    count = self._counts[key] = self._counts.get(key, 0) + 1
                    if count >= RUN_MESSAGES or is_probe or source_id in self.parked:
                        runs[source_id] = Run(source_id, count, verdict.reason, verdict.detail)
            elif verdict is None and not is_settled(position):
                self.delivered(source_id)
                runs.pop(source_id, None)
        for source_id in runs:
            self._forget(source_id)
        return list(runs.values())

    def delivered(self, source_id: int) -> None:
        """Note that HubSpot accepted a message of this source, so the fault is over."""
        self._forget(source_id)
        self.parked.pop(source_id, None)

    def _forget(self, source_id: int) -> None:
        for key in [key for key in self._counts if key[0] == source_id]:
            del self._counts[key]

    def park(self, run: Run, now_ms: int) -> Parked:
        """Park the run's source: for longer each time that a probe fails."""
        before = self.parked.get(run.source_id)
        seconds = PARK_SECONDS if before is None else min(2 * before.seconds, MAX_PARK_SECONDS)
        parked = self.parked[run.source_id] = Parked(run.reason, run.detail, now_ms + round(1000 * seconds), seconds)
        return parked

    def put_off(self, rows: Iterable[tuple[int, int]], now_ms: int) -> dict[int, float]:
        """The positions among these (position, source) that must wait, with the seconds.

        Shape: a parked source whose time is over may try `PROBE_MESSAGES`; the rest wait for their outcome.
        """
        waits: dict[int, float] = {}
        probes: dict[int, int] = {}
        for position, source_id in rows:
            parked = self.parked.get(source_id)
            if parked is None:
                continue
            left_ms = parked.until_ms - now_ms
            # A time further away than the longest parking was stored before the clock was set back.
            if 0 < left_ms <= 1000 * parked.seconds:
                waits[position] = left_ms / 1000
            elif probes.get(source_id, 0) >= PROBE_MESSAGES:
                waits[position] = RELEASE_SECONDS
            else:
                probes[source_id] = probes.get(source_id, 0) + 1
        return waits


DAY_MS = 24 * 3600 * 1000
MADE_NAME = "definitions_made"


def made_of(status: bytes) -> dict[int, Made]:
    """The additions by source, from a lane's stored status."""
    try:
        return msgspec.json.decode(status, type=_StoredStatus).definitions_made
    except msgspec.MsgspecError:
        return {}


@dataclass(frozen=True, slots=True)
class NewDefinitions:
    """What the public sources of a cycle may still add.

    Shape: `public` gives the source of each position whose source is public; `made` is changed by `note`.
    """

    limit: int
    now_ms: int
    made: dict[int, Made]
    public: Mapping[int, int]

    def may_make(self, positions: Iterable[int]) -> bool:
        """Whether somebody who needs an addition may make it: a server source, or a public one below its limit."""
        return any(self._is_below(self.public.get(position)) for position in positions)

    def note(self, positions: Iterable[int]) -> None:
        """Count an addition for the first public source below its limit, unless a server source needs it too."""
        needing = [self.public.get(position) for position in positions]
        if None in needing:
            return
        source_id = next((number for number in needing if self._is_below(number)), None)
        if source_id is not None:
            self.made[source_id] = Made(self._day, self._count(source_id) + 1)

    @property
    def next_day_ms(self) -> int:
        """When the next day begins."""
        return (self._day + 1) * DAY_MS

    @property
    def _day(self) -> int:
        return self.now_ms // DAY_MS

    def _count(self, source_id: int) -> int:
        additions = self.made.get(source_id)
        return additions.count if additions is not None and additions.day == self._day else 0

    def _is_below(self, source_id: int | None) -> bool:
        return source_id is None or self._count(source_id) < self.limit

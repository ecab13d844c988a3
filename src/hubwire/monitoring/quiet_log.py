"""A quiet log for a person at a terminal: one line a minute instead of a line for each call and cycle.

Only lines about success are counted together. A failed call, a warning and an error keep their own lines.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable

import structlog

log = structlog.get_logger("hubwire")

SECONDS_PER_LINE = 60.0
CALL, CYCLE, SUMMARY = "delivery.attempted", "cycle.recorded", "delivery.summary"
LANE_CHANGES = frozenset({"lane.taken", "lane.given"})
COUNTS = ("delivered", "discarded", "held", "retrying", "dead", "replayed")


class QuietLog:
    """Counts routine lines, and writes `delivery.summary` in their place.

    Shape: after a quiet minute, the first cycle gets a line at once; later ones share a line each minute.
    """

    def __init__(self, seconds_now: Callable[[], float] = time.monotonic) -> None:
        self._seconds_now = seconds_now
        self._written_at = seconds_now() - SECONDS_PER_LINE
        self._counts: Counter[str] = Counter()

    def __call__(
        self, logger: structlog.typing.WrappedLogger, method: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        """Errors: structlog.DropEvent for a line that is only counted."""
        if method != "info":
            return event
        name = event["event"]
        if name in LANE_CHANGES:
            raise structlog.DropEvent
        if name == CALL and event["failure"] is None and event["status"] < 400:
            self._counts["calls"] += 1
            raise structlog.DropEvent
        if name == CYCLE:
            self._counts.update({count: event[count] for count in COUNTS})
            if not self.is_due():
                raise structlog.DropEvent
            return {"event": SUMMARY, **self.take()}
        return event

    def is_due(self) -> bool:
        """True if there is something to write and the last line is a minute old."""
        return bool(self._counts) and self._seconds_now() - self._written_at >= SECONDS_PER_LINE

    def take(self) -> dict[str, int]:
        """The counts since the last line, without zeros."""
        counts, self._counts = self._counts, Counter()
        self._written_at = self._seconds_now()
        return {name: count for name, count in counts.items() if count}

    async def write_what_is_left(self) -> None:
        """Write the counts of cycles that came soon after a line. Runs for ever."""
        while True:
            await asyncio.sleep(SECONDS_PER_LINE)
            if self.is_due():
                log.info(SUMMARY, **self.take())

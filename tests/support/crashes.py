"""Crashes where a test wants them: at each boundary of a cycle, as a killed process leaves them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import httpx2

from hubwire.record.protocol import Attempt, CycleOutcome, Lease, Record, Span

BOUNDARIES = (
    "begin.before", "begin.after", "call.before", "call.after", "commit.before", "commit.after", "abandon.before",
    "abandon.after",
)  # fmt: skip
RECORD_BOUNDARIES = tuple(boundary for boundary in BOUNDARIES if not boundary.startswith("call"))


class Crash(BaseException):
    """The process is gone: nothing of Hubwire may catch this."""

    is_after = False


class CrashAfter(Crash):
    """Gone after HubSpot has done what it was asked."""

    is_after = True


class Crashes:
    """Which boundary ends the process, and how often it is passed before that."""

    def __init__(self) -> None:
        self.happened = 0
        self._boundary: str | None = None
        self._passes = 0
        self._failure: type[BaseException] = Crash

    def arm(self, boundary: str, passes: int, failure: type[BaseException] = Crash) -> None:
        self._boundary, self._passes, self._failure = boundary, passes, failure

    def disarm(self) -> None:
        self._boundary = None

    def _is_here(self, boundary: str) -> bool:
        if boundary != self._boundary:
            return False
        self._passes -= 1
        if self._passes >= 0:
            return False
        self._boundary = None
        self.happened += 1
        return True

    def passed(self, boundary: str) -> None:
        """Ends the process when this is the boundary."""
        if self._is_here(boundary):
            raise self._failure(boundary)

    def in_call(self, request: httpx2.Request) -> BaseException | None:
        """The crash of this call, if any."""
        if self._is_here("call.before"):
            return Crash("call.before")
        return CrashAfter("call.after") if self._is_here("call.after") else None


class CrashingRecord:
    """A record that a process works with until it crashes."""

    def __init__(self, record: Record, crashes: Crashes) -> None:
        self._record = record
        self._crashes = crashes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._record, name)

    def begin_cycle(self, lease: Lease, now_ms: int, span: Span) -> int:
        cycle_id: int = self._around("begin", lambda: self._record.begin_cycle(lease, now_ms, span))
        return cycle_id

    def commit_cycle(self, lease: Lease, outcome: CycleOutcome) -> int:
        released: int = self._around("commit", lambda: self._record.commit_cycle(lease, outcome))
        return released

    def abandon_cycle(
        self, lease: Lease, cycle_id: int, now_ms: int, resume_at_ms: int, attempts: Sequence[Attempt], status: bytes
    ) -> None:
        self._around(
            "abandon",
            lambda: self._record.abandon_cycle(lease, cycle_id, now_ms, resume_at_ms, attempts, status),
        )

    def _around(self, name: str, do: Callable[[], Any]) -> Any:
        self._crashes.passed(f"{name}.before")
        result = do()
        self._crashes.passed(f"{name}.after")
        return result

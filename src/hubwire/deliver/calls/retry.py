"""The time of the next attempt: exponential with jitter, with a maximum for each wait and in total. Pure.

For about an hour, the jitter is full (any part of a wait of up to half an hour), so that messages recover soon after a
short outage. A longer failure needs somebody's time, and each attempt costs calls of the day's budget, so the waits
grow to two hours, and at least half of each is waited.

`verdicts/judge.py` decides that a call is retried, and after which minimum wait; this computes the time of the next
attempt, and the end of all retries.
"""

from __future__ import annotations

from dataclasses import dataclass

from hubwire.delivery import Retry
from hubwire.reasons import Reason


@dataclass(frozen=True, slots=True)
class Schedule:
    """The waits for one reason: the first, the longest, and the maximum number of attempts (None: only time limits)."""

    first_seconds: float
    longest_seconds: float
    max_attempts: int | None = None


SOON_SECONDS = 1800.0
"""Up to this wait the jitter is full."""
LONGEST_SECONDS = 2 * 3600.0

SCHEDULES: dict[Reason, Schedule] = {
    Reason.RATE_LIMITED: Schedule(1.0, 60.0),
    Reason.LOCKED: Schedule(2.0, LONGEST_SECONDS),
    Reason.RECORD_MISSING: Schedule(2.0, LONGEST_SECONDS),
    Reason.CONFLICT: Schedule(1.0, 60.0, max_attempts=10),
    Reason.NOT_FOUND: Schedule(1.0, 60.0, max_attempts=5),
    Reason.INVALID_INPUT: Schedule(1.0, 60.0, max_attempts=5),
    Reason.REFUSED_BY_HUBSPOT: Schedule(1.0, 60.0, max_attempts=5),
    Reason.HUBSPOT_FAILED: Schedule(5.0, LONGEST_SECONDS),
    Reason.HUBSPOT_UNREACHABLE: Schedule(5.0, LONGEST_SECONDS),
    Reason.HUBSPOT_UNREADABLE: Schedule(5.0, LONGEST_SECONDS),
}
DEFAULT_SCHEDULE = Schedule(5.0, LONGEST_SECONDS)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The total time of retries, from the first attempt. Units: `total_seconds` is 72 hours by default."""

    total_seconds: float = 72 * 3600.0


def next_attempt_at(
    verdict: Retry, attempts: int, first_attempt_at_ms: int | None, now_ms: int, jitter: float, policy: RetryPolicy
) -> int | None:
    """The time of the next attempt, in epoch ms; None if the retries have ended.

    Shape: never before the wait that the verdict names. A verdict that does not count never ends the retries, and its
    wait of a second or more ends at a full second. The last try is at the end of the total time, not later.
    Units: `attempts` made so far, this one included; `jitter` 0 to 1.
    """
    named_ms = now_ms + round(max(verdict.after_seconds, 0.0) * 1000)
    if not verdict.counts:
        # Whatever waits for one thing comes due together, although its cycles ended at different milliseconds.
        return named_ms if verdict.after_seconds < 1 else -(-named_ms // 1000) * 1000
    schedule = SCHEDULES.get(verdict.reason, DEFAULT_SCHEDULE)
    end_ms = (now_ms if first_attempt_at_ms is None else first_attempt_at_ms) + round(policy.total_seconds * 1000)
    if now_ms >= end_ms or (schedule.max_attempts is not None and attempts >= schedule.max_attempts):
        return None
    grown_ms = now_ms + round(backoff_seconds(schedule, attempts, jitter) * 1000)
    return min(max(named_ms, grown_ms), max(end_ms, named_ms))


def backoff_seconds(schedule: Schedule, attempts: int, jitter: float) -> float:
    """A random part (`jitter`, 0 to 1) of the wait that has doubled with each attempt, up to the longest; at least half
    of it once it is long."""
    doublings = min(max(attempts - 1, 0), 40)
    whole = min(schedule.longest_seconds, schedule.first_seconds * 2.0**doublings)
    return whole * (jitter if whole <= SOON_SECONDS else (1.0 + jitter) / 2)

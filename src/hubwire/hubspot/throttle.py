"""The meaning of a 429: the limit that was reached, and the time to wait. Pure.

Source: HubSpot docs, usage guidelines; the bodies, and that Retry-After comes only sometimes, were observed live by
third parties.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import StrEnum

from hubwire.hubspot.call import Answer, CallKind
from hubwire.hubspot.errors import Problem, read_problem

DAY_SECONDS = 86_400.0
MIN_WAIT_SECONDS = 1.0
"""The shortest wait: Retry-After 0 counts as 1, to prevent a tight loop."""
MAX_WAIT_SECONDS = 60.0
TEN_SECONDS = 10.0
SPREAD_SECONDS = 1.0
"""The most that jitter adds to a wait that HubSpot did not name."""
DAILY_PROBE_SECONDS = 900.0


class LimitName(StrEnum):
    """The limits that HubSpot names in a 429."""

    TEN_SECONDLY = "TEN_SECONDLY_ROLLING"
    SECONDLY = "SECONDLY"
    DAILY = "DAILY"


@dataclass(frozen=True, slots=True)
class Throttle:
    """The limit that was reached, and how long to make no calls."""

    policy: LimitName
    wait_seconds: float
    is_named: bool
    """True if HubSpot named the wait (Retry-After)."""


def throttle_of(answer: Answer, kind: CallKind = "general", jitter: float = 0.0) -> Throttle:
    """The wait after a throttled answer.

    Shape: Retry-After is honoured up to 60 s (for the daily limit up to 24 h). Without it, the wait is 10 s for the
    ten-second limit, 1 s for the secondly limit, and 15 min for the daily limit. Units: `jitter` is 0 to 1 and adds
    up to a second.
    """
    problem = read_problem(answer.body)
    policy = _policy(problem, kind)
    longest = DAY_SECONDS if policy is LimitName.DAILY else MAX_WAIT_SECONDS
    named = retry_after_seconds(answer.headers, answer.ended_at_ms, longest)
    if named is not None:
        return Throttle(policy, named, is_named=True)
    wait = {LimitName.TEN_SECONDLY: TEN_SECONDS, LimitName.SECONDLY: 1.0, LimitName.DAILY: DAILY_PROBE_SECONDS}[policy]
    return Throttle(policy, wait + jitter * SPREAD_SECONDS, is_named=False)


def _policy(problem: Problem, kind: CallKind) -> LimitName:
    words = f"{problem.policy} {problem.message}".upper()
    if "TEN_SECONDLY" in words:
        return LimitName.TEN_SECONDLY
    if "DAILY" in words:
        return LimitName.DAILY
    if "SECONDLY" in words:
        return LimitName.SECONDLY
    return LimitName.SECONDLY if kind == "search" else LimitName.TEN_SECONDLY


def retry_after_seconds(headers: Mapping[str, str], now_ms: int, longest_seconds: float) -> float | None:
    """The wait in Retry-After (seconds, or a date), from 1 s to `longest_seconds`; None without the header."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = aware.timestamp() - now_ms / 1000
    if not math.isfinite(seconds):
        return None
    return min(max(seconds, MIN_WAIT_SECONDS), longest_seconds)

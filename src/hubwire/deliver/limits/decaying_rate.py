"""A recent frequency with decay. Pure."""

from __future__ import annotations

import math


class DecayingRate:
    """Calls a second of late: a sum that decays, corrected for how short it has been kept."""

    def __init__(self, memory_seconds: float, now_ms: int, warm_up_seconds: float = 0.0) -> None:
        self._memory = memory_seconds
        self._warm_up_seconds = warm_up_seconds
        self._since_ms = self._at_ms = now_ms
        self._sum = 0.0

    def add(self, calls: float, now_ms: int) -> None:
        self._sum = self._decayed(now_ms) + calls
        self._at_ms = max(now_ms, self._at_ms)

    def per_second(self, now_ms: int) -> float:
        age = max(0.0, (now_ms - self._since_ms) / 1000) + self._warm_up_seconds
        kept = self._memory * -math.expm1(-age / self._memory)
        return self._decayed(now_ms) / kept if kept > 0 else 0.0

    def _decayed(self, now_ms: int) -> float:
        return self._sum * math.exp(-max(0, now_ms - self._at_ms) / 1000 / self._memory)

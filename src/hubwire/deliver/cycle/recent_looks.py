"""When a record was looked up although nothing was to be written to it, so that a burst of repeats costs one read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

MAX_REMEMBERED_LOOKS = 50_000


@dataclass(slots=True)
class RecentLooks:
    """Keyed by object type and key. Bounded: the oldest looks go first."""

    _at_ms: dict[tuple[str, str], int] = field(default_factory=dict)

    def is_due(self, object_type: str, key: str, now_ms: int, wait_ms: int) -> bool:
        """Whether the last look is at least `wait_ms` old."""
        at_ms = self._at_ms.get((object_type, key))
        return at_ms is None or now_ms - at_ms >= wait_ms

    def note(self, object_type: str, keys: Iterable[str], now_ms: int) -> None:
        """Remember a look at these records."""
        for key in keys:
            self._at_ms.pop((object_type, key), None)
            self._at_ms[object_type, key] = now_ms
        while len(self._at_ms) > MAX_REMEMBERED_LOOKS:
            del self._at_ms[next(iter(self._at_ms))]

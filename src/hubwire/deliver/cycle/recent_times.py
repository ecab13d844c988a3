"""When something last happened to each record, for as long as that matters to a lane: a minute or so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

MAX_REMEMBERED = 50_000


@dataclass(slots=True)
class RecentTimes:
    """Keyed by object type and key or record id. Bounded: the oldest times go first."""

    _at_ms: dict[tuple[str, str], int] = field(default_factory=dict)

    def is_recent(self, object_type: str, key: str, now_ms: int, age_ms: int) -> bool:
        """Whether it happened less than `age_ms` ago."""
        at_ms = self._at_ms.get((object_type, key))
        return at_ms is not None and now_ms - at_ms < age_ms

    def forget(self, object_type: str, key: str) -> None:
        """Remove the time of a record that is another one now."""
        self._at_ms.pop((object_type, key), None)

    def note(self, object_type: str, keys: Iterable[str], now_ms: int) -> None:
        """Remember that it happened to these records now."""
        for key in keys:
            self._at_ms.pop((object_type, key), None)
            self._at_ms[object_type, key] = now_ms
        while len(self._at_ms) > MAX_REMEMBERED:
            del self._at_ms[next(iter(self._at_ms))]

"""The maximum number of lanes of a worker, so that all workers of a fleet hold about the same number. Pure.

Nobody assigns lanes: a worker takes free lanes up to its quota, and gives up the surplus when another worker joins.
Without a fleet, a worker may hold all lanes.
"""

from __future__ import annotations


class LaneQuota:
    """One worker's part of the lanes."""

    def __init__(self) -> None:
        self._max_lanes: int | None = None
        self._held: set[int] = set()

    def divide(self, lane_count: int, worker_count: int) -> bool:
        """Share the lanes among all workers, this one included; whether its part has changed. Parts differ by one lane
        at most."""
        before, self._max_lanes = self._max_lanes, -(-lane_count // max(worker_count, 1))
        return before != self._max_lanes

    @property
    def may_take(self) -> bool:
        """Whether this worker may hold another lane."""
        return self._max_lanes is None or len(self._held) < self._max_lanes

    @property
    def has_too_many(self) -> bool:
        """Whether it must give one of its lanes to another worker."""
        return self._max_lanes is not None and len(self._held) > self._max_lanes

    def take(self, destination_id: int) -> None:
        self._held.add(destination_id)

    def give(self, destination_id: int) -> None:
        self._held.discard(destination_id)

"""The rate limit of a source: a bucket of one second of messages, which one upload may overdraw."""

from __future__ import annotations

import math

from hubwire.destination import Source


class SourceRates:
    """Running state of all sources' limits, fed `now_ms`.

    Shape: an upload is let in while the bucket is not empty and takes all it needs, so that one upload larger than a
    second's share passes and the next ones wait.
    """

    def __init__(self) -> None:
        self._buckets: dict[int, tuple[float, int]] = {}

    def take(self, source: Source, count: int, now_ms: int) -> int | None:
        """None when the messages may pass, otherwise the seconds to wait before trying again."""
        rate = source.messages_per_second
        if rate is None:
            return None
        left, at_ms = self._buckets.get(source.source_id, (float(rate), now_ms))
        left = min(float(rate), left + max(0, now_ms - at_ms) / 1000 * rate)
        if left <= 0:
            self._buckets[source.source_id] = (left, now_ms)
            # A little more than the debt: at exactly nothing the bucket is still empty.
            return math.floor(-left / rate) + 1
        self._buckets[source.source_id] = (left - count, now_ms)
        return None

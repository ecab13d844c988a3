"""Counts of the fields that were left out of deliveries, by reason, from the rows of deliveries."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from hubwire.record.statistics import LeftOutCount

_items = msgspec.json.Decoder(list[dict[str, str]]).decode


def count_left_out(left_out: bytes, reason: str) -> int:
    """The number of fields of one delivery that were left out for a reason."""
    return sum(item["reason"] == reason for item in _items(left_out))


def sum_left_out(rows: Iterable[tuple[int, bytes]]) -> list[LeftOutCount]:
    """Counts of (field, reason), most frequent first, from (position, JSON list of {field, reason, detail}).

    Shape: the sample is the newest message; its message id is left empty.
    """
    counts: dict[tuple[str, str], int] = {}
    samples: dict[tuple[str, str], tuple[int, str]] = {}
    for position, left_out in rows:
        for item in _items(left_out):
            key = (item["field"], item["reason"])
            counts[key] = counts.get(key, 0) + 1
            samples[key] = max(samples.get(key, (0, "")), (position, item.get("detail", "")))
    return [
        LeftOutCount(
            field=field,
            reason=reason,
            count=count,
            sample_detail=samples[field, reason][1],
            sample_position=samples[field, reason][0],
            sample_message_id="",
        )
        for (field, reason), count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]

"""The groups that a process keeps of a stream take no more memory than their limit, whatever their size."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from hubwire.backends.nats.group import decode_head, encode_group
from hubwire.backends.nats.groups import Groups
from hubwire.backends.nats.heads import RecentHeads
from hubwire.message import Entry

CACHE_BYTES = 1 << 18
NO_CLIENT: Any = None


def keep(groups: Groups, sequence: int, count: int, body_bytes: int) -> None:
    entries = [
        Entry(1, f"message-{sequence}-{index}", 1_700_000_000_000 + index, bytes(body_bytes), None, False)
        for index in range(count)
    ]
    header, payload = encode_group(entries, sequence - 1)
    groups.keep(sequence, decode_head(header), payload)


@pytest.mark.parametrize(("count", "body_bytes"), [(1, 0), (1, 300), (8, 300), (50, 1000)])
def test_kept_groups_take_about_the_bytes_of_their_limit(count: int, body_bytes: int) -> None:
    groups = Groups(NO_CLIENT, CACHE_BYTES)
    groups.heads = RecentHeads(max_bytes=0)
    round_bytes = count * (body_bytes + 500)
    tracemalloc.start()
    try:
        for sequence in range(1, 3 * CACHE_BYTES // round_bytes + 10):
            keep(groups, sequence, count, body_bytes)
        taken_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.4 * CACHE_BYTES < taken_bytes < 1.4 * CACHE_BYTES


async def test_a_group_that_is_read_twice_counts_once() -> None:
    groups = Groups(NO_CLIENT, CACHE_BYTES)
    keep(groups, 1, 8, 300)
    for _ in range(1000):
        keep(groups, 2, 8, 300)
    assert (await groups.fetch([1, 2])).keys() == {1, 2}, "read without a client"

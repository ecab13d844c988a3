"""Uploads that come whole in one read: the same answers, rows and counts as those that come in parts, whatever is
between them and whatever becomes of their commit.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.receive.test_whole import KINDS, answered


@settings(max_examples=400)
@given(
    kinds=st.lists(st.integers(0, len(KINDS) - 1), min_size=1, max_size=8),
    cuts=st.lists(st.integers(0, 4000), max_size=12),
    steps=st.lists(st.integers(0, 2), min_size=1, max_size=8),
)
async def test_wherever_the_stream_is_cut_the_answers_are_the_same(
    kinds: list[int], cuts: list[int], steps: list[int]
) -> None:
    await answered([KINDS[kind](f"m{number}") for number, kind in enumerate(kinds)], cuts, steps)


async def test_cut_at_every_byte_the_answers_are_the_same() -> None:
    pieces = [KINDS[kind](f"m{number}") for number, kind in enumerate((0, 10, 13, 2, 8, 9, 15, 0))]
    size = sum(len(piece.text) for piece in pieces)
    for cut in range(size):
        await answered(pieces, [cut], [cut % 3])

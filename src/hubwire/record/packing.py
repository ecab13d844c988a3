"""The storage format for lists of positions: the messages of one HTTP exchange."""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Sequence


def pack_positions(positions: Sequence[int]) -> bytes:
    """Positions as little-endian 64-bit integers, deflated."""
    packed = array("q", positions)
    if sys.byteorder == "big":
        packed.byteswap()
    return zlib.compress(packed.tobytes(), 1)


def unpack_positions(packed: bytes) -> list[int]:
    """The positions that `pack_positions` packed."""
    positions = array("q", zlib.decompress(packed))
    if sys.byteorder == "big":
        positions.byteswap()
    return positions.tolist()

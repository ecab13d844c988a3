"""Moments as HubSpot writes and reads them: ISO-8601 texts and epoch milliseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from math import isfinite

EPOCH_MS = re.compile(r"-?[0-9]{1,18}\Z")


@lru_cache(maxsize=4096)
def iso(epoch_ms: int) -> str:
    """The moment as HubSpot writes it: `2026-11-23T10:00:00.123Z`."""
    moment = datetime.fromtimestamp(epoch_ms // 1000, UTC)
    return f"{moment.isoformat()[:19]}.{epoch_ms % 1000:03d}Z"


def parse_moment(text: str | int | float) -> int:
    """Epoch milliseconds of an ISO-8601 text or of epoch milliseconds.

    Errors: ValueError when it is neither, or past the years 1 to 9999.
    """
    if isinstance(text, str) and (text[4:5] == "-" or not EPOCH_MS.match(text)):
        moment = datetime.fromisoformat(text)
        epoch_ms = round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    elif isinstance(text, float) and not isfinite(text):
        raise ValueError(f"{text} is not a moment")
    else:
        epoch_ms = int(text)
    check_representable(epoch_ms)
    return epoch_ms


def is_representable(epoch_ms: int) -> bool:
    """True from the year 1 to the year 9999."""
    return -62_135_596_800_000 <= epoch_ms <= 253_402_300_799_999


def check_representable(epoch_ms: int) -> None:
    """ValueError for a moment past the years 1 to 9999."""
    if not is_representable(epoch_ms):
        raise ValueError(f"{epoch_ms} ms since 1970 is past the years 1 to 9999")

"""Waiting for a fact of a real process, with an end. The one place where tests sleep between two looks."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

LONGEST_SECONDS = 60.0
AGAIN_SECONDS = 0.02
T = TypeVar("T")


def until(look: Callable[[], T], seconds: float = LONGEST_SECONDS, explain: Callable[[], object] = lambda: "") -> T:
    """The first true answer of `look`; fails after so long, with what `explain` then says."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"not so after {seconds} s: {explain()}"
        time.sleep(AGAIN_SECONDS)
    return found

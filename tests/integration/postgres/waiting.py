"""Waiting for a fact, with an end."""

from __future__ import annotations

import time
from collections.abc import Callable

LONGEST_SECONDS = 20.0


def until(is_so: Callable[[], bool], seconds: float = LONGEST_SECONDS) -> None:
    """Return when it is so; fail when it is not after so long."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        time.sleep(0.01)

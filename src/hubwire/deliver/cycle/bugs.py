"""Exceptions that are our own bugs, logged with one traceback for each cause: one bad message after another must not
fill the log with the same one."""

from __future__ import annotations

import traceback
from typing import Any

import structlog

log = structlog.get_logger("hubwire.deliver")

MAX_CAUSES = 1000


class Bugs:
    """The causes that were logged: the kind of an exception, and the line that raised it."""

    def __init__(self) -> None:
        self._causes: set[str] = set()

    def log(self, event: str, exc: Exception, **fields: Any) -> None:
        """Log an exception; with its traceback if its cause is new."""
        [*_, place] = traceback.extract_tb(exc.__traceback__) or [traceback.FrameSummary("unknown", 0, "unknown")]
        cause = f"{type(exc).__name__} {place.filename}:{place.lineno}"
        is_new = cause not in self._causes and len(self._causes) < MAX_CAUSES
        log.error(event, cause=cause, exc_info=exc if is_new else None, **fields)
        self._causes.add(cause)

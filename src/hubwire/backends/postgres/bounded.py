"""A connection that limits the duration of statements on the client's side too. A frozen server, or a proxy that forgot
the connection, sends neither a result nor an error, and TCP keeps the connection open for ever.

A statement that exceeds its limit closes the connection, because the server may still execute the statement.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from psycopg import Connection
from psycopg.abc import PQGen
from psycopg.rows import TupleRow

STATEMENT_SECONDS = 65.0
"""Slightly longer than the server's own limit (`connection.SESSION`), which ends a statement that is only slow."""
LOOK_SECONDS = 0.1

Result = TypeVar("Result")


class BoundedConnection(Connection[TupleRow]):
    """A psycopg connection with `statement_seconds` for each wait for the server."""

    statement_seconds = STATEMENT_SECONDS

    def wait(self, gen: PQGen[Result], interval: float = LOOK_SECONDS, timeout: float | None = None) -> Result:
        """Wait for the server on behalf of psycopg. Errors: OperationalError if it does not answer in time."""
        bounded = self._bounded(gen, self.statement_seconds)
        return super().wait(bounded, interval) if timeout is None else super().wait(bounded, interval, timeout)

    def _bounded(self, gen: PQGen[Result], seconds: float) -> Generator[Any, Any, Result]:
        """psycopg's generator with a deadline. psycopg resumes it with a false value whenever no answer has arrived."""
        deadline = time.monotonic() + seconds
        try:
            request = next(gen)
            while True:
                ready = yield request
                if not ready and time.monotonic() >= deadline:
                    self.pgconn.finish()
                    raise psycopg.OperationalError(f"the server has not answered for {seconds:g} s")
                request = gen.send(ready)
        except StopIteration as ended:
            result: Result = ended.value
            return result

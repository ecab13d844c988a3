"""A pool of connections with a maximum size; each connection serves one caller at a time.

A restarting server closes its connections. The pool detects that before it hands one out, and tries to connect many
times a second until the caller's time limit, so a restart of two seconds costs its callers two seconds.
"""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg import Connection
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

from hubwire.backends.postgres.bounded import BoundedConnection
from hubwire.errors import BackendUnavailable

AGAIN_SECONDS = 0.1

Db = Connection[TupleRow]


class Pool:
    """Any thread may check out. `connect` opens one more connection."""

    def __init__(self, connect: Callable[[], BoundedConnection], size: int, patience_seconds: float) -> None:
        self._connect = connect
        self._patience_seconds = patience_seconds
        self._slots = threading.BoundedSemaphore(size)
        self._idle: list[BoundedConnection] = []
        self._lock = threading.Lock()
        self._is_closed = False

    @contextmanager
    def checkout(self) -> Iterator[BoundedConnection]:
        """A connection that is the caller's until the block ends.

        Errors: BackendUnavailable if none is free within the time limit.
        """
        deadline = time.monotonic() + self._patience_seconds
        if not self._slots.acquire(timeout=self._patience_seconds):
            raise BackendUnavailable(f"postgres: all connections were busy for {self._patience_seconds:g} s")
        try:
            db = self._idle_one() or self._new_one(deadline)
            try:
                yield db
            finally:
                self._put_back(db)
        finally:
            self._slots.release()

    def close(self) -> None:
        """Close the idle connections now, and the others when their callers return them."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for db in idle:
            db.close()

    def _idle_one(self) -> BoundedConnection | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                db = self._idle.pop()
            if is_quiet(db):
                return db
            db.close()

    def _new_one(self, deadline: float) -> BoundedConnection:
        while True:
            if self._is_closed:
                raise BackendUnavailable("postgres: the database was closed")
            try:
                return self._connect()
            except psycopg.OperationalError as exc:
                if time.monotonic() + AGAIN_SECONDS > deadline:
                    raise BackendUnavailable(f"postgres: {str(exc).strip()}") from exc
            time.sleep(AGAIN_SECONDS)

    def _put_back(self, db: BoundedConnection) -> None:
        if db.info.transaction_status is not TransactionStatus.IDLE:
            db.close()
        with self._lock:
            if not db.closed and not self._is_closed:
                self._idle.append(db)
                return
        db.close()


def is_quiet(db: Db) -> bool:
    """True if an idle connection is still open; data on it could only mean its end."""
    poll = select.poll()
    try:
        poll.register(db.fileno(), select.POLLIN)
        return not poll.poll(0)
    except (OSError, psycopg.OperationalError):
        return False

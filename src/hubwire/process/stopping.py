"""SIGTERM and SIGINT, from before the server listens until its lanes have ended: the first asks it to stop, the second
to stop at once. What it waits for meanwhile is said when it takes longer than a moment.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

import uvicorn

from hubwire.receive.connection import Connection

SAID_AFTER_SECONDS = 1.0
AT_ONCE = "Press Ctrl-C again to end at once: nothing is lost, and unanswered calls are repeated at the next start."
KILLED_CODE = 130


class Stoppable(Protocol):
    """What is to be stopped, without waiting for it."""

    def begin_to_stop(self) -> None: ...

    def hurry(self) -> None: ...

    def busy(self) -> list[str]: ...


class Server(uvicorn.Server):
    """Leaves the signals to `Stopping`: uvicorn would take them for itself, and let them loose again at its end."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Stopping:
    """Hears the signals. `announce` says what is waited for."""

    def __init__(self, service: Stoppable, announce: Callable[[str], None]) -> None:
        self._service = service
        self._announce = announce
        self._server: Server | None = None
        self._asked_count = 0
        self._said = threading.Timer(SAID_AFTER_SECONDS, self._say)
        self._said.daemon = True
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._come)

    @property
    def is_asked(self) -> bool:
        """Whether the server is about to end."""
        return self._asked_count > 0

    def watch(self, server: Server) -> None:
        """This server is what they stop; at once, where one came before it was there."""
        self._server = server
        server.should_exit |= self.is_asked

    def end(self) -> None:
        """It has stopped: nothing is waited for any more."""
        self._said.cancel()

    def _come(self, number: int, frame: FrameType | None) -> None:
        self._asked_count += 1
        if self._asked_count == 1:
            self._said.start()
            self._service.begin_to_stop()
        elif self._asked_count == 2:
            self._service.hurry()
        else:
            # A thread that hangs, or a third Ctrl-C: as safe as a crash.
            os._exit(KILLED_CODE)
        if self._server is not None:
            self._server.should_exit = True
            self._server.force_exit = self._asked_count > 1

    def _say(self) -> None:
        waits = []
        requests = _unanswered(self._server) if self._server is not None else 0
        if requests:
            waits.append(f"{requests} {'request is' if requests == 1 else 'requests are'} still being answered")
        busy = self._service.busy()
        if busy:
            waits.append(f"HubSpot has not answered everything yet ({', '.join(busy)})")
        if waits:
            self._announce(f"Stopping: {'; '.join(waits)}. {AT_ONCE}")


def _unanswered(server: uvicorn.Server) -> int:
    """Connections that wait for an answer: an upload that is taken whole has no task."""
    connections = list(server.server_state.connections)
    return sum(isinstance(connection, Connection) and connection.is_unanswered for connection in connections)

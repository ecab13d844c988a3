"""SIGTERM and SIGINT, from before the server listens until its lanes have ended. The first signal stops the server, the
second one stops it at once. If the stop takes longer than a second, the server prints what it waits for.
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

ANNOUNCE_AFTER_SECONDS = 1.0
AT_ONCE = "Press Ctrl-C again to end at once: nothing is lost, and unanswered calls are repeated at the next start."
KILLED_CODE = 130


class Stoppable(Protocol):
    """A part that can be told to stop, without waiting."""

    def begin_to_stop(self) -> None: ...

    def hurry(self) -> None: ...

    def busy(self) -> list[str]: ...


class Server(uvicorn.Server):
    """A uvicorn server that leaves signals to `Stopping`; uvicorn itself would catch them and raise them again at its
    end."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Stopping:
    """Handles the signals. `announce` prints what the server waits for."""

    def __init__(self, service: Stoppable, announce: Callable[[str], None]) -> None:
        self._service = service
        self._announce = announce
        self._server: Server | None = None
        self._signal_count = 0
        self._announcement = threading.Timer(ANNOUNCE_AFTER_SECONDS, self._announce_waits)
        self._announcement.daemon = True
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._handle)

    @property
    def is_signalled(self) -> bool:
        """True if a signal has arrived."""
        return self._signal_count > 0

    def watch(self, server: Server) -> None:
        """Set the server to stop; stop it at once if a signal came before."""
        self._server = server
        server.should_exit |= self.is_signalled

    def end(self) -> None:
        """Called after the stop: print nothing more."""
        self._announcement.cancel()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._signal_count += 1
        if self._signal_count == 1:
            self._announcement.start()
            self._service.begin_to_stop()
        elif self._signal_count == 2:
            self._service.hurry()
        else:
            # A hanging thread, or a third Ctrl-C: this is as safe as a crash.
            os._exit(KILLED_CODE)
        if self._server is not None:
            self._server.should_exit = True
            self._server.force_exit = self._signal_count > 1

    def _announce_waits(self) -> None:
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
    """The connections that wait for an answer; an upload that was accepted whole has no task."""
    connections = list(server.server_state.connections)
    return sum(isinstance(connection, Connection) and connection.is_unanswered for connection in connections)

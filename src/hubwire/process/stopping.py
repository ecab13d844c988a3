"""SIGTERM and SIGINT, from before the server listens until its lanes have ended. The first signal stops the server, the
second one stops it at once. If the stop takes longer than a second, the server prints what it waits for. If a step of
the stop hangs, for example at a database that never answers, the process ends as after a crash, which loses nothing.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

import structlog
import uvicorn

from hubwire.receive.connection import Connection

log = structlog.get_logger("hubwire")

ANNOUNCE_AFTER_SECONDS = 1.0
END_SECONDS = 45.0
"""The longest stop. Uploads and cycles take at most 20 seconds of it (`GRACE_SECONDS` of server and lanes); a service
manager kills after 60 (`deploy/`)."""
AT_ONCE = "Press Ctrl-C again to end at once: nothing is lost, and unanswered calls are repeated at the next start."
LOG_SECONDS = 2.0
"""How long the last log line may take: whoever reads the log may hang too."""
KILLED_CODE = 130
HUNG_CODE = 1


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
        self._deadline = threading.Timer(END_SECONDS, _end_as_after_a_crash)
        self._deadline.daemon = True
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
        """Called after the stop: print nothing more. The deadline stays, because Python still waits for threads."""
        self._announcement.cancel()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._signal_count += 1
        if self._signal_count == 1:
            self._announcement.start()
            self._deadline.start()
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


def _end_as_after_a_crash() -> None:
    """End the process although parts of it hang, and log where each thread is."""
    unheard = threading.Timer(LOG_SECONDS, os._exit, (HUNG_CODE,))
    unheard.daemon = True
    unheard.start()
    log.error("stop.hung", seconds=END_SECONDS, waits=", ".join(_places()))
    os._exit(HUNG_CODE)


def _places() -> list[str]:
    """The other threads, each with the function of Hubwire in which it is."""
    frames = sys._current_frames()
    places = []
    for thread in threading.enumerate():
        frame = frames.get(thread.ident or 0)
        while frame is not None and not frame.f_globals.get("__name__", "").startswith("hubwire."):
            frame = frame.f_back
        if frame is not None and thread is not threading.current_thread():
            places.append(f"{thread.name}: {frame.f_globals['__name__']}.{frame.f_code.co_name}")
    return sorted(places)

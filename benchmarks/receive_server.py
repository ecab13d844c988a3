"""A server that only receives: ReceiveApp on uvicorn with a journal behind it, for benchmarks and failure tests.

Prints one line of JSON with its port when it listens. `--empty` answers without reading the upload, to measure the
ceiling of the HTTP layer on this machine: as ASGI (`asgi`), or as requests that arrived whole are handled (`whole`).
"""

from __future__ import annotations

import argparse
import json
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

from hubwire.backends.sqlite.connection import SqliteFile
from hubwire.backends.sqlite.journal import SqliteJournal
from hubwire.clock import SystemClock
from hubwire.destination import Source
from hubwire.journal.group_commit import GroupCommit
from hubwire.lifecycle import collect_rarely
from hubwire.receive import answers
from hubwire.receive.app import ReceiveApp
from hubwire.receive.connection import Connection
from hubwire.receive.sources import CachedSources
from hubwire.receive.upload_limits import ReceiveLimits

WRITE_KEY = "bench-write-key"
SOURCE = Source(source_id=1, name="bench")


async def empty(scope: Any, receive: Any, send: Any) -> None:
    """The least that an ASGI application can do for an upload."""
    await receive()
    await answers.success(send, None)


class EmptyWhole:
    """The least that can be done for one that came whole."""

    def take_whole(self, scope: Any, body: bytes, done: Callable[[int, bytes], None]) -> bool:
        done(200, answers.SUCCESS_REST)
        return True

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await empty(scope, receive, send)


EMPTY = {"asgi": empty, "whole": EmptyWhole()}


async def serve(arguments: argparse.Namespace) -> None:
    collect_rarely()
    groups: GroupCommit | None = None
    app: Any = EMPTY.get(arguments.empty)
    if app is None:
        journal = SqliteJournal(SqliteFile(Path(arguments.database)), dedupe_hours=24.0, appends=True)
        groups = GroupCommit(journal)
        clock = SystemClock()
        sources = CachedSources(lambda key: SOURCE if key == WRITE_KEY else None, lambda: 1, clock)
        app = ReceiveApp(sources, groups, clock, ReceiveLimits())
    listener = socket.create_server(("127.0.0.1", arguments.port), backlog=1024)
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
    config = uvicorn.Config(
        app,
        http=Connection,
        access_log=False,
        log_level="warning",
        lifespan="off",
        server_header=False,
        proxy_headers=False,
    )
    await uvicorn.Server(config).serve(sockets=[listener])
    if groups is not None:
        await groups.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", default="")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--empty", choices=EMPTY)
    # uvicorn raises the signal once more when it has stopped; by then the journal is still to be closed.
    signal.signal(signal.SIGTERM, lambda *_: None)
    uvloop.run(serve(parser.parse_args(sys.argv[1:])))


if __name__ == "__main__":
    main()

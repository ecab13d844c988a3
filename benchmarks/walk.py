"""The walk of one message: the modules that one `track` enters, and the SQL statements of the lane that delivers it.

    .venv/bin/python benchmarks/walk.py [--idle-seconds 10]

A real `serve` on a fresh SQLite file, with the sandbox for HubSpot and without chores. A warm-up identify makes the
person known. Then the lane is idle for a while, and then one `track` of that person arrives over HTTP. Counted are the
modules of `hubwire` whose functions run meanwhile (without the emulator's), and every statement that SQLite executes
for the threads that drive lanes, `BEGIN` and `COMMIT` included, except the PRAGMAs of a new connection. A cycle begins
where it reads the messages.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import signal
import sqlite3
import sys
import threading
import time
import urllib.request
from collections import Counter
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

import uvloop

from hubwire.installation.local import find_local_server
from hubwire.process.server import serve
from hubwire.process.service import Service
from hubwire.settings import Settings, load

WRITE_KEY = "wk_walk_0123456789"
SANDBOX = "hubwire.emulator"
LANE_THREADS = ("deliver", "lanes", "leases")
"""How the names of the threads that drive lanes begin; every other thread counts as one of the receiver's."""
CYCLE_READS = "SELECT position, source_id, message_id, received_at_ms, body"
START_SECONDS = 60.0
DELIVER_SECONDS = 30.0
LOOK_SECONDS = 0.1


class Recorder:
    """Keeps what runs while it is on: modules by thread, and statements by thread in their order."""

    def __init__(self) -> None:
        self.is_on = False
        self.modules: set[tuple[str, str]] = set()
        self.statements: list[tuple[str, str]] = []

    def install(self) -> None:
        """Profile every thread and trace every SQLite connection from now on."""
        connect = sqlite3.connect

        def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
            connection = connect(*arguments, **options)
            connection.set_trace_callback(self._statement)
            return connection

        sqlite3.connect = traced
        threading.setprofile(self._profile)
        sys.setprofile(self._profile)

    def start(self) -> None:
        self.modules, self.statements = set(), []
        self.is_on = True

    def _profile(self, frame: FrameType, event: str, _: Any) -> None:
        if self.is_on and event == "call":
            module = frame.f_globals.get("__name__", "")
            if module.startswith("hubwire.") and not module.startswith(SANDBOX):
                self.modules.add((_side(), module))

    def _statement(self, sql: str) -> None:
        if self.is_on and not sql.startswith("PRAGMA"):
            self.statements.append((_side(), sql))


def _side() -> str:
    return "deliver" if threading.current_thread().name.startswith(LANE_THREADS) else "receive"


class Walk:
    """Runs in a thread beside the server: warms up, measures, and stops it."""

    def __init__(self, settings: Settings, recorder: Recorder, idle_seconds: float) -> None:
        self.figures: dict[str, Any] = {}
        self.failure: BaseException | None = None
        self._settings = settings
        self._recorder = recorder
        self._idle_seconds = idle_seconds

    def run(self) -> None:
        try:
            self._measure()
        except BaseException as exc:
            self.failure = exc
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    def _measure(self) -> None:
        url = self._server_url()
        identify = {"userId": "u1", "traits": {"email": "peter@example.com", "firstname": "Peter"}}
        _post(f"{url}/v1/identify", identify)
        _post(f"{url}/v1/track", {"userId": "u1", "event": "Order Completed", "properties": {"total": 1}})
        self._delivered(2)
        time.sleep(2.0)
        self._recorder.start()
        time.sleep(self._idle_seconds)
        idle = self._of_lanes()
        self._recorder.start()
        _post(f"{url}/v1/track", {"userId": "u1", "event": "Order Completed", "properties": {"total": 2}})
        self._delivered(3)
        time.sleep(0.5)
        self._recorder.is_on = False
        lanes = self._of_lanes()
        begins_at = next(number for number, sql in enumerate(lanes) if sql.startswith(CYCLE_READS))
        modules = self._recorder.modules
        self.figures = {
            "modules": sorted({module for _, module in modules}),
            "modules_receive": len({module for side, module in modules if side == "receive"}),
            "modules_deliver": len({module for side, module in modules if side == "deliver"}),
            "statements_idle": Counter(idle),
            "statements_before_cycle": Counter(lanes[:begins_at]),
            "statements_of_cycle": Counter(lanes[begins_at:]),
        }

    def _of_lanes(self) -> list[str]:
        return [sql for side, sql in self._recorder.statements if side == "deliver"]

    def _server_url(self) -> str:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            server = find_local_server(self._settings)
            if server is not None:
                return server.url
            time.sleep(LOOK_SECONDS)
        raise TimeoutError("the server did not start")

    def _delivered(self, count: int) -> None:
        """Wait until so many messages were recorded, read from the file without the server's help."""
        deadline = time.monotonic() + DELIVER_SECONDS
        with sqlite3.connect(Path(self._settings.data) / "hubwire.db") as db:
            db.set_trace_callback(None)
            while time.monotonic() < deadline:
                [taken] = db.execute("SELECT coalesce(sum(taken_count), 0) FROM lane").fetchone()
                if taken >= count:
                    return
                time.sleep(LOOK_SECONDS)
        raise TimeoutError(f"{count} messages were not delivered")


def _post(url: str, message: dict[str, Any]) -> None:
    credentials = base64.b64encode(f"{WRITE_KEY}:".encode()).decode()
    headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(message).encode(), headers)) as answer:
        assert answer.status == 200, answer.status


def measure(folder: Path, idle_seconds: float) -> dict[str, Any]:
    """The figures of one walk on a fresh installation in a folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HUBWIRE_", "HUBSPOT_"))}
    own = {"HUBWIRE_DATA": str(folder), "HUBWIRE_WRITE_KEY": WRITE_KEY, "HUBWIRE_EMULATOR_PORT": "0"}
    settings = load({**kept, **own, "HUBWIRE_PORT": "0", "HUBWIRE_LOG_LEVEL": "warning"})
    recorder = Recorder()
    recorder.install()
    Service.chores = lambda self: []  # type: ignore[method-assign]
    walk = Walk(settings, recorder, idle_seconds)
    thread = threading.Thread(target=walk.run, name="walk", daemon=True)
    thread.start()
    uvloop.run(serve(settings, announce=lambda text: None))
    sys.setprofile(None)
    thread.join()
    if walk.failure is not None:
        raise walk.failure
    return walk.figures


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--idle-seconds", type=float, default=10.0)
    arguments.add_argument("--all", action="store_true", help="print each module and statement")
    options = arguments.parse_args()
    with TemporaryDirectory() as folder:
        figures = measure(Path(folder), options.idle_seconds)
    received, delivered = figures["modules_receive"], figures["modules_deliver"]
    print(f"modules entered by one track: {len(figures['modules'])} (receive {received}, deliver {delivered})")
    total = partial(sum, start=0)
    print(f"statements of an idle lane in {options.idle_seconds:g} s: {total(figures['statements_idle'].values())}")
    print(f"statements of a lone track before its cycle: {total(figures['statements_before_cycle'].values())}")
    print(f"statements of its cycle: {total(figures['statements_of_cycle'].values())}")
    if options.all:
        for name in ("statements_idle", "statements_before_cycle", "statements_of_cycle"):
            print(f"\n{name}")
            for sql, count in figures[name].most_common():
                print(f"{count:4}  {' '.join(sql.split())[:160]}")
        print("\nmodules", *figures["modules"], sep="\n  ")


if __name__ == "__main__":
    main()

"""SIGTERM for a process of which a part hangs."""

from __future__ import annotations

import subprocess
import sys

from hubwire.process.stopping import HUNG_CODE

HANGS = """
import signal
import threading
from hubwire.monitoring.logs import configure_logs
from hubwire.process import stopping

class Service:
    def begin_to_stop(self):
        print("stops", flush=True)

configure_logs("info", "json")
stopping.END_SECONDS = 0.2
stopping.Stopping(Service(), print)
from hubwire.lifecycle import OwnThread

class Hung(OwnThread):
    def _run(self):
        self._ending.wait()
        threading.Event().wait()

hung = Hung("listen")
hung.start()
signal.raise_signal(signal.SIGTERM)
hung.stop()
"""


def test_a_process_ends_in_time_although_a_part_of_it_never_stops() -> None:
    done = subprocess.run([sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (HUNG_CODE, "stops\n")
    assert '"event": "stop.hung"' in done.stderr
    assert "MainThread: hubwire.lifecycle.stop" in done.stderr


def test_a_process_whose_log_hangs_too_ends_in_time() -> None:
    stuck = HANGS.replace('configure_logs("info", "json")', "stopping._places = threading.Event().wait").replace(
        "stopping.END_SECONDS", "stopping.LOG_SECONDS = stopping.END_SECONDS"
    )
    done = subprocess.run([sys.executable, "-c", stuck], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (HUNG_CODE, "")

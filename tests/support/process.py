"""Hubwire as a real process on a real port, the installed command line, and a HubSpot emulator beside it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HUBWIRE = Path(sys.executable).with_name("hubwire")
WRITE_KEY = "wk_test_0123456789"
TOKEN = "pat-test-token"
START_SECONDS = 60
DRAIN_SECONDS = 60


class HubwireProcess:
    """`hubwire serve` on a free port with its data in one folder; the same folder can be started again."""

    command: Sequence[str | Path] = (HUBWIRE,)

    def __init__(self, folder: Path, hubspot_url: str | None = None, **settings: str) -> None:
        self.folder = folder
        self.url = ""
        self.output = ""
        self._printed = threading.Condition()
        self._process: subprocess.Popen[str] | None = None
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HUBWIRE_", "HUBSPOT_"))}
        own = {"HUBWIRE_DATA": str(folder / "data"), "HUBWIRE_WRITE_KEY": WRITE_KEY, "HUBWIRE_PORT": "0"}
        quick = {"HUBWIRE_LINGER_SECONDS": "0.1", "HUBWIRE_BACKFILL_LINGER_SECONDS": "0.5"}
        quick["HUBWIRE_COMPANY_LINGER_SECONDS"] = "0"
        target = {"HUBWIRE_EMULATOR_PORT": "0"}
        if hubspot_url is not None:
            target = {"HUBSPOT_BASE_URL": hubspot_url, "HUBSPOT_ACCESS_TOKEN": TOKEN, "HUBSPOT_HUB_ID": "1234567"}
        self.environment: Mapping[str, str] = {**kept, **own, **quick, **target, **settings}

    def start(self) -> HubwireProcess:
        """Start and wait for the line that says where it listens."""
        self._process = subprocess.Popen(
            [*self.command, "serve"],
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        timer = threading.Timer(START_SECONDS, self._process.kill)
        timer.start()
        for line in self._process.stdout:
            self.output += line
            found = re.search(r"Hubwire is up: (\S+)", line)
            if found:
                self.url = found[1]
                break
        timer.cancel()
        if not self.url:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()
            raise AssertionError(f"it did not start:\n{self.output}")
        self._reader = threading.Thread(target=self._drain_output, daemon=True)
        self._reader.start()
        return self

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self) -> int:
        """Until it has ended by itself; its exit code."""
        assert self._process is not None
        code = self._process.wait(START_SECONDS)
        self._close_output()
        return code

    def stop(self) -> None:
        """SIGTERM, and wait until it is gone."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def run(self, *arguments: str, text: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Another command on the same data folder."""
        done = subprocess.run(
            [*self.command, *arguments],
            cwd=self.folder,
            env=self.environment,
            text=True,
            input=text,
            capture_output=True,
            timeout=2 * DRAIN_SECONDS,
            check=False,
        )
        if check:
            assert done.returncode == 0, f"hubwire {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done

    def drained(self) -> dict[str, Any]:
        """The status of the one destination, once nothing is left to deliver."""
        done = self.run("status", "--wait-drained", "--timeout", str(DRAIN_SECONDS), "--json")
        lanes: list[dict[str, Any]] = json.loads(done.stdout)["destinations"]
        return lanes[0]

    def await_output(self, word: str) -> None:
        """Wait for a word in what it prints."""
        deadline = time.monotonic() + DRAIN_SECONDS
        with self._printed:
            while word not in self.output:
                assert self._printed.wait(max(0.0, deadline - time.monotonic())), f"no {word!r}:\n{self.output}"

    def emulator_url(self) -> str:
        """Where the sandbox's emulator listens."""
        found = re.search(r"plays HubSpot at (\S+?)/ ", self.output)
        assert found, self.output
        return found[1]

    def __enter__(self) -> HubwireProcess:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.stop()  # also of one that has ended by itself: what it printed is read to its end, and closed

    def _drain_output(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._printed:
                self.output += line
                self._printed.notify_all()

    def _end(self, how: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(how)
        try:
            self._process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            self._close_output()

    def _close_output(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        self._reader.join()
        self._process.stdout.close()


def ndjson(messages: Sequence[Mapping[str, Any]]) -> str:
    """Messages, one JSON document a line."""
    return "".join(json.dumps(message) + "\n" for message in messages)

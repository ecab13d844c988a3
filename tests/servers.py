"""Real servers for tests, from Debian's packages: started in a folder of their own, on free loopback ports, stopped by
their own process id. `why_not()` says what is missing, in the words of the one skip line."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

POSTGRES_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
POSTGRES_USER = "postgres"
START_SECONDS = 30.0
STOP_SECONDS = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(is_up: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the server answers; raises with its own words when it ended instead."""
    deadline = time.monotonic() + START_SECONDS
    while not is_up():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the server did not start: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.02)


class PostgresServer:
    """One PostgreSQL server. As root it runs as Debian's user `postgres`, which it insists on.

    Shape: `settings` are server settings; without fsync by default, since a killed process loses no page that the
    kernel has (`fsync="on"` for benchmarks).
    """

    def __init__(self, **settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hubwire-postgres-"))
        self.port = free_port()
        self._settings = {"fsync": "off", "max_connections": "200", **settings}
        self._as: dict[str, Any] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0
        if os.geteuid() == 0:
            account = pwd.getpwnam(POSTGRES_USER)
            os.chown(self.folder, account.pw_uid, account.pw_gid)
            self._as = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        binaries = POSTGRES_FOLDERS[-1]
        subprocess.run(
            [
                binaries / "initdb",
                "-D",
                self.folder / "data",
                "-U",
                "hubwire",
                "-A",
                "trust",
                "--no-sync",
                "-E",
                "UTF8",
            ],
            cwd=self.folder,
            check=True,
            capture_output=True,
            **self._as,
        )
        self._program = binaries / "postgres"

    @staticmethod
    def why_not() -> str | None:
        if not POSTGRES_FOLDERS:
            return "PostgreSQL is not installed (apt-get install postgresql): no test runs on it"
        try:
            import psycopg_pool  # noqa: F401
        except ImportError:
            return "psycopg is not installed (pip install 'hubwire[postgres]'): no test runs on PostgreSQL"
        return None

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://hubwire@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": str(self.folder), **self._settings}
        log = self.folder / "log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [
                    str(self._program),
                    *("-D", str(self.folder / "data"), "-p", str(self.port)),
                    *(part for name, value in options.items() for part in ("-c", f"{name}={value}")),
                ],
                cwd=self.folder,
                stdout=output,
                stderr=output,
                **self._as,
            )
        wait_until(self._is_up, self._process, log)

    def _is_up(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url()).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Fast shutdown by default; SIGQUIT ends it as a crash does."""
        stop_process(self._process, how)
        self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def database(self) -> str:
        """The URL of an empty place of its own: a schema, which is made ten times quicker than a database."""
        import psycopg

        self._made += 1
        name = f"test_{self._made}"
        with psycopg.connect(self.url(), autocommit=True) as db:
            db.execute(f"CREATE SCHEMA {name}")
        return f"{self.url()}?options=-csearch_path%3D{name}"


def stop_process(process: subprocess.Popen[bytes] | None, how: signal.Signals) -> None:
    """End a process that we started, and wait for it."""
    if process is None or process.poll() is not None:
        return
    process.send_signal(how)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    missing = PostgresServer.why_not()
    if missing is not None:
        pytest.skip(missing)
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """An empty database on a real server."""
    return postgres_server.database()

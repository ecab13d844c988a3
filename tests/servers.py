"""Real servers for tests, from Debian's packages: started in a folder of their own, on free loopback ports, stopped by
their own process id. `why_not()` says what is missing, in the words of the one skip line."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.support.waiting import until

POSTGRES_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
POSTGRES_USER = "postgres"
START_SECONDS = 30.0
STOP_SECONDS = 30.0


def free_port() -> int:
    """A port below those that the system gives to outgoing connections: nobody takes it while its server restarts."""
    while True:
        port = secrets.choice(range(20_000, 32_000))
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def wait_until(is_up: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the server answers; raises with its own words when it ended instead."""

    def words() -> str:
        return log.read_text(errors="replace")[-2000:]

    until(lambda: process.poll() is not None or is_up(), START_SECONDS, words)
    if process.poll() is not None:
        raise RuntimeError(f"the server did not start: {words()}")


class PostgresServer:
    """One PostgreSQL server. As root it runs as Debian's user `postgres`, which it insists on.

    Shape: `settings` are server settings; without fsync by default, since a killed process loses no page that the
    kernel has (`fsync="on"` for benchmarks).
    """

    def __init__(self, **settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hubwire-postgres-"))
        self.port = free_port()
        self.environment: Mapping[str, str] = {}
        """Beside that of the tests, from the next start on."""
        self._settings = {"fsync": "off", "max_connections": "200", **settings}
        self._as: dict[str, Any] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._count = 0
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
            import psycopg  # noqa: F401
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
                env={**os.environ, **self.environment},
                stdout=output,
                stderr=output,
                **self._as,
            )
        wait_until(self._is_up, self._process, log)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def _is_up(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url()).close()
        except psycopg.OperationalError:
            return False
        return True

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Every process of the server stands still, as with a disk that does not answer; connections stay open."""
        pids = [self.pid, *self.children()]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def children(self) -> list[int]:
        """One process for each connection, and those that write."""
        return [*map(int, Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii").split())]

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

        self._count += 1
        name = f"test_{self._count}"
        with psycopg.connect(self.url(), autocommit=True) as db:
            db.execute(f"CREATE SCHEMA {name}")
        return f"{self.url()}?options=-csearch_path%3D{name}"


class NatsServer:
    """One nats-server with JetStream on disk, alone or as one node of a cluster.

    Shape: `routes` are the ports at which the other nodes are reached, `reached_at` its own for them; a node keeps its
    ports over a restart.
    """

    def __init__(
        self,
        name: str = "alone",
        cluster_port: int | None = None,
        reached_at: int | None = None,
        routes: Sequence[int] = (),
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hubwire-nats-"))
        self.port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._count = 0
        lines = [
            f"server_name: {name}",
            f'listen: "127.0.0.1:{self.port}"',
            f'jetstream {{ store_dir: "{self.folder / "store"}", max_file: 4G, max_mem: 64M }}',
        ]
        if cluster_port is not None:
            others = ", ".join(f'"nats://127.0.0.1:{port}"' for port in routes)
            own = f'listen: "127.0.0.1:{cluster_port}", advertise: "127.0.0.1:{reached_at}", no_advertise: true'
            lines.append(f"cluster {{ name: test, {own}, routes: [{others}] }}")
        (self.folder / "nats.conf").write_text("\n".join(lines))

    @staticmethod
    def why_not() -> str | None:
        if shutil.which("nats-server") is None:
            return "nats-server is not installed (apt-get install nats-server): no test runs on JetStream"
        try:
            import nats  # noqa: F401
        except ImportError:
            return "nats-py is not installed (pip install 'hubwire[nats]'): no test runs on JetStream"
        return None

    @staticmethod
    def version() -> str:
        """The version of the installed server."""
        shown = subprocess.run(["nats-server", "--version"], capture_output=True, text=True, check=True).stdout
        return shown.rpartition("v")[2].strip()

    def stream_url(self) -> str:
        """The URL of a journal that nobody has used yet."""
        self._count += 1
        return f"{self.url}?stream=test{self._count}"

    def start(self) -> None:
        log = self.folder / "log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                ["nats-server", "-c", str(self.folder / "nats.conf")], stdout=output, stderr=output
            )
        wait_until(self._is_up, self._process, log)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def _is_up(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Graceful by default; SIGKILL ends it as a crash does."""
        stop_process(self._process, how)
        self._process = None

    def remove(self) -> None:
        self.stop(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)


class NatsCluster:
    """Three nodes that know each other. `link` gives the port at which others reach a port of a node."""

    def __init__(self, count: int = 3, link: Callable[[int], int] = lambda port: port) -> None:
        ports = [free_port() for _ in range(count)]
        reached = [link(port) for port in ports]
        self.nodes = [
            NatsServer(f"node{number}", port, reached[number], [name for name in reached if name != reached[number]])
            for number, port in enumerate(ports)
        ]

    @property
    def url(self) -> str:
        return ",".join(node.url for node in self.nodes)

    def start(self) -> None:
        for node in self.nodes:
            node.start()

    def remove(self) -> None:
        for node in self.nodes:
            node.remove()


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


@pytest.fixture
def nats_url(nats_server: NatsServer) -> str:
    """A stream of its own on a real server."""
    return nats_server.stream_url()


@pytest.fixture(scope="session")
def nats_server() -> Iterator[NatsServer]:
    missing = NatsServer.why_not()
    if missing is not None:
        pytest.skip(missing)
    server = NatsServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()

"""Fresh installations for benchmarks: a database, optional JetStream nodes, and any number of `hubwire serve`.

Servers come from Debian packages, as in the tests. Everything is in temporary folders, which are removed afterwards.
"""

from __future__ import annotations

import base64
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.wrk import WRITE_KEY
from tests.servers import NatsCluster, NatsServer, PostgresServer
from tests.support.process import HubwireProcess

from hubwire.backends.store import Store, open_store
from hubwire.clock import SystemClock
from hubwire.settings import load

TOKEN = "pat-bench-token"
START_TRIES = 3
S = TypeVar("S", PostgresServer, NatsServer, NatsCluster)


@dataclass(frozen=True)
class Backend:
    """Where an installation keeps things. `nodes`: of JetStream; 0 keeps the journal in the database."""

    name: str
    has_postgres: bool
    nodes: int = 0
    delivers: bool = True
    """Delivery is measured on it too."""

    @property
    def is_shared(self) -> bool:
        """Several processes may receive."""
        return self.has_postgres

    def why_not(self) -> str | None:
        missing = PostgresServer.why_not() if self.has_postgres else None
        return missing or (NatsServer.why_not() if self.nodes else None)


BACKENDS = (
    Backend("SQLite", has_postgres=False),
    Backend("PostgreSQL", has_postgres=True),
    Backend("JetStream, 1 node", has_postgres=True, nodes=1),
    Backend("JetStream, 3 nodes", has_postgres=True, nodes=3, delivers=False),
)


@dataclass
class Installation:
    """Folders for the processes, one database, the servers behind it."""

    backend: Backend
    folder: Path
    environment: dict[str, str]
    server_pids: list[int] = field(default_factory=list)

    def process(self, number: int, role: str = "all") -> HubwireProcess:
        """Not started yet. Each number has its data folder: 0 is the one that commands use too."""
        folder = self.folder / str(number)
        folder.mkdir(exist_ok=True)
        return HubwireProcess(folder, None, **self.environment, HUBWIRE_ROLE=role)

    @contextmanager
    def serving(self, role: str, count: int = 1) -> Iterator[list[HubwireProcess]]:
        """So many processes of a role, up and answering."""
        with ExitStack() as stack:
            yield [stack.enter_context(self.process(number, role)) for number in range(count)]

    @contextmanager
    def opened(self) -> Iterator[Store]:
        """Its store, to set it up and to look into it."""
        settings = load({**self.environment, "HUBWIRE_DATA": str(self.folder / "0" / "data")})
        store = open_store(settings, SystemClock(), appends=False)
        try:
            yield store
        finally:
            store.close()

    def servers_cpu(self) -> float:
        """CPU seconds of database and JetStream so far."""
        servers = [psutil.Process(pid) for pid in self.server_pids]
        return sum(
            _cpu_seconds(process) for server in servers for process in [server, *server.children(recursive=True)]
        )


@contextmanager
def installation(backend: Backend) -> Iterator[Installation]:
    """A fresh one. PostgreSQL waits for the disk at each commit, as it does unless told otherwise."""
    environment = {
        "HUBWIRE_WRITE_KEY": WRITE_KEY,
        "HUBWIRE_SECRET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "HUBWIRE_LOG_LEVEL": "warning",
        "HUBWIRE_LINGER_SECONDS": "0",
        "HUBWIRE_BACKFILL_LINGER_SECONDS": "0",
        "HUBSPOT_ACCESS_TOKEN": TOKEN,
        "HUBSPOT_HUB_ID": "1234567",
    }
    with ExitStack() as stack:
        installed = Installation(
            backend, Path(stack.enter_context(TemporaryDirectory(prefix="hubwire-bench-"))), environment
        )
        if backend.has_postgres:
            postgres = _started(stack, lambda: PostgresServer(fsync="on"))
            environment["HUBWIRE_DATABASE_URL"] = postgres.url()
            installed.server_pids.append(postgres.pid)
        if backend.nodes == 1:
            node = _started(stack, NatsServer)
            environment["HUBWIRE_JOURNAL_URL"] = node.url
            installed.server_pids.append(node.pid)
        elif backend.nodes:
            cluster = _started(stack, lambda: NatsCluster(backend.nodes))
            environment["HUBWIRE_JOURNAL_URL"] = cluster.url
            installed.server_pids += [node.pid for node in cluster.nodes]
        yield installed


def _started(stack: ExitStack, make: Callable[[], S]) -> S:
    """A server that runs; on other ports when somebody was quicker with those."""
    for attempt in range(START_TRIES):
        server = make()
        try:
            server.start()
        except RuntimeError:
            server.remove()
            if attempt == START_TRIES - 1:
                raise
        else:
            stack.callback(server.remove)
            return server
    raise AssertionError("the last try returned or raised")


def machine_cpu() -> float:
    """CPU seconds that all of this machine has used so far, what its host took included."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)


def cpu_of(processes: Iterable[HubwireProcess]) -> float:
    """CPU seconds of these processes so far."""
    return sum(_cpu_seconds(psutil.Process(process.pid)) for process in processes)


def _cpu_seconds(process: psutil.Process) -> float:
    """User and system time of a process; 0 when it is gone."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)

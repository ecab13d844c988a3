"""SIGTERM while the databases hang: every process ends by itself, before a service manager would kill it."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from tests.figures import Record
from tests.servers import NatsServer, PostgresServer
from tests.support.fleet import Fleet, Plan, Sender, opened, sent_by, set_up, wait_drained
from tests.support.network import Network
from tests.support.portals import Portals

from hubwire.process.stopping import END_SECONDS

PROCESSES = ("receive-0", "receive-1", "deliver-0", "deliver-1")
SLACK_SECONDS = 5.0

pytestmark = pytest.mark.slow


@pytest.fixture
def servers() -> Iterator[tuple[PostgresServer, NatsServer]]:
    missing = PostgresServer.why_not() or NatsServer.why_not()
    if missing is not None:
        pytest.skip(missing)
    with ExitStack() as stack:
        postgres, nats = PostgresServer(), NatsServer()
        for server in (postgres, nats):
            stack.callback(server.remove)
            server.start()
        yield postgres, nats


def end_seconds(fleet: Fleet) -> dict[str, float]:
    """How long each process takes to end after SIGTERM. Prints what those that hung had waited for."""
    taken: dict[str, float] = {}

    def end(name: str) -> None:
        process, begun_at = fleet.processes[name], time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait()
        taken[name] = time.monotonic() - begun_at
        print(name, taken[name], *re.findall(r"waits\W+(.*)", process.output))

    threads = [threading.Thread(target=end, args=(name,)) for name in fleet.processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken


@pytest.mark.parametrize("silent", ["postgres", "nats", "both"])
def test_every_process_ends_although_its_databases_hang(
    servers: tuple[PostgresServer, NatsServer], tmp_path: Path, silent: str, figures: Record
) -> None:
    postgres, nats = servers
    with Network() as network, ExitStack() as stack:
        links = {"postgres": network.link(postgres.port), "nats": network.link(nats.port)}
        plan = Plan(postgres.database(), nats.url, receivers=2, deliverers=2, portals=4, sources=2)
        linked = replace(
            plan,
            database_url=plan.database_url.replace(f":{postgres.port}/", f":{links['postgres'].port}/"),
            journal_url=f"nats://127.0.0.1:{links['nats'].port}",
        )
        fleet = Fleet(linked, tmp_path)
        portals = stack.enter_context(Portals(plan.portals, fleet.deliverer_pids))
        store = stack.enter_context(opened(plan, tmp_path))
        keys = set_up(store, plan, portals)
        stack.callback(fleet.stop)
        fleet.start_all()
        senders = [
            Sender(fleet.receiver_urls, key, f"sender{number}", upload_messages=10, pause_seconds=0.05)
            for number, key in enumerate(keys)
        ]
        time.sleep(3)
        hung = [link for name, link in links.items() if silent in (name, "both")]
        for link in hung:
            link.fall_silent()
        time.sleep(2)
        taken = end_seconds(fleet)
        for link in hung:
            link.heal()
        for name in PROCESSES:
            fleet.start(name)
        for sender in senders:
            sender.stop()
        wait_drained(store, 120)
        assert taken.keys() == set(PROCESSES)
        longest = round(max(taken.values()), 1)
        assert longest < END_SECONDS + SLACK_SECONDS
        copies = Counter(row.message_id for row in store.journal.newest(None, 1 << 20))
        lost = [message_id for message_id in sent_by(senders) if copies[message_id] != 1]
        assert lost == []
        if silent == "both":
            figures(
                processes=len(taken),
                acknowledged_messages=len(sent_by(senders)),
                lost=len(lost),
                longest_stop_seconds=longest,
            )

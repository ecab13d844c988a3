"""Two receivers, three deliverers, twenty portals: whatever dies, nothing acknowledged is lost or done twice."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.figures import Record
from tests.servers import NatsCluster, NatsServer, PostgresServer
from tests.support.bad_days import random_faults
from tests.support.fleet import Fleet, Plan, Sender, opened, sent_by, set_up, wait_drained
from tests.support.portals import Portals, drivers

from hubwire.backends.store import Store
from hubwire.delivery import FINAL

TAKEOVER_SECONDS = 15.0
DRAIN_SECONDS = 240.0


@dataclass
class Servers:
    """What the fleet stands on."""

    postgres: PostgresServer
    nats: NatsCluster | None

    def plan(self) -> Plan:
        journal_url = f"{self.nats.url}?replicas=3" if self.nats else None
        return Plan(database_url=self.postgres.database(), journal_url=journal_url)


@pytest.fixture(params=["postgres", "nats"])
def servers(request: pytest.FixtureRequest) -> Iterator[Servers]:
    wants_nats = request.param == "nats"
    missing = PostgresServer.why_not() or (NatsServer.why_not() if wants_nats else None)
    if missing is not None:
        pytest.skip(missing)
    new_servers = Servers(PostgresServer(), NatsCluster() if wants_nats else None)
    try:
        new_servers.postgres.start()
        if new_servers.nats is not None:
            new_servers.nats.start()
        yield new_servers
    finally:
        if new_servers.nats is not None:
            new_servers.nats.remove()
        new_servers.postgres.remove()


def check_messages(store: Store, senders: list[Sender], plan: Plan) -> int:
    """Every acknowledged message is in the journal once, with one final state at each portal of its source. Returns how
    many there are."""
    rows = store.journal.newest(None, 1 << 20)
    copies = Counter(row.message_id for row in rows)
    acknowledged = sent_by(senders)
    assert len(acknowledged) > 100
    assert not [message_id for message_id in acknowledged if copies[message_id] != 1]
    for lane in store.queries.lanes(time.time_ns() // 1_000_000):
        funnel = store.statistics.funnel(lane.destination_id)
        assert funnel.received == funnel.accounted == len(rows)
        assert funnel.delivered + funnel.discarded + funnel.dead + funnel.not_connected == len(rows), funnel
    [newest, *_] = rows
    for row in store.journal.read_at([newest.position]).values():
        for detail in store.queries.message(row.message_id):
            assert len(detail.summary.fates) == plan.portals // plan.sources
            assert all(fate.state in FINAL for fate in detail.summary.fates)
    return len(acknowledged)


def check_portals(portals: Portals, senders: list[Sender], plan: Plan) -> None:
    """Each portal has the people and the occurrences of its source, each once, and never saw two drivers at a time."""
    for number, emulator in enumerate(portals.emulators):
        ids = senders[number % plan.sources].acknowledged
        people = {
            message_id.rpartition("-m")[0] + f"-{int(message_id.rpartition('-m')[2]) // 5}@example.com"
            for message_id in ids
        }
        contacts = {contact["properties"]["email"] for contact in emulator.contacts()}
        assert people <= contacts
        tracked = {number for number in (int(message_id.rpartition("-m")[2]) for message_id in ids) if number % 5}
        totals = Counter(int(event["properties"]["total"]) for event in emulator.events())
        assert max(totals.values(), default=0) == 1
        assert tracked <= totals.keys()
        drivers(portals.seen, number)
    assert portals.has_misbehaved or portals.throttled() == 0


def check_takeovers(fleet: Fleet, killed: list[tuple[float, list[str]]]) -> float:
    """Each lane of a deliverer that was killed has another driver soon. Returns the longest time in seconds."""
    longest = 0.0
    assert any(names for _, names in killed), "no deliverer with a lane was killed: the test shows nothing"
    for killed_at, names in killed:
        for name in names:
            taken = [
                message_id["at"]
                for message_id in fleet.logged("lane.taken")
                if message_id["destination"] == name and message_id["at"] > killed_at
            ]
            assert taken, f"nobody took {name} over"
            longest = max(longest, min(taken) - killed_at)
    assert longest < TAKEOVER_SECONDS
    return longest


class Chaos:
    """Kills at random, and starts again what was killed. Every run is another one; what was done is printed."""

    def __init__(self, fleet: Fleet, servers: Servers, portals: Portals) -> None:
        self.portals = portals
        self.killed: list[tuple[float, list[str]]] = []
        self.deaths = 0
        self._fleet = fleet
        self._servers = servers
        self._random = random.Random()

    def let_run(self, seconds: float) -> None:
        """Load for so long."""
        time.sleep(seconds)

    def at_random(self, *, but_not_postgres: bool) -> None:
        """Some time, and then one death."""
        self.let_run(self._random.uniform(0, 12))
        acts = [self.kill_a_deliverer, self.kill_a_receiver, self.kill_a_node]
        self._random.choice(acts)() if but_not_postgres else self.restart_postgres()

    def kill_a_deliverer(self) -> None:
        self.deaths += 1
        name = self._random.choice(self._fleet.names("deliver"))
        asked_at, lanes = time.time(), self._fleet.lanes_of(name)
        print(f"kill -9 {name}, which drives {len(lanes)} lanes")
        self._fleet.kill(name)
        self.killed.append((asked_at, lanes))
        self._fleet.start(name)

    def kill_a_receiver(self) -> None:
        self.deaths += 1
        name = self._random.choice(self._fleet.names("receive"))
        print(f"kill -9 {name}")
        self._fleet.kill(name)
        self._fleet.start(name)

    def let_hubspot_misbehave(self) -> None:
        """The next calls of every third portal go wrong."""
        self.portals.has_misbehaved = True
        for emulator in self._random.sample(self.portals.emulators, len(self.portals.emulators) // 3):
            for fault in random_faults(self._random):
                emulator.fault(**fault)

    def let_hubspot_behave(self) -> None:
        for emulator in self.portals.emulators:
            emulator.clear_faults()

    def restart_postgres(self) -> None:
        self.deaths += 1
        print("restart of PostgreSQL")
        self._servers.postgres.stop()
        self._servers.postgres.start()

    def kill_a_node(self) -> None:
        if self._servers.nats is not None:
            self.deaths += 1
            node = self._random.choice(self._servers.nats.nodes)
            print(f"kill -9 {node.url}")
            node.stop(signal.SIGKILL)
            node.start()


def run(plan: Plan, servers: Servers, folder: Path, act: Callable[[Chaos], None]) -> dict[str, float]:
    """A fleet under load while something is done to it; then everything is checked. Returns the figures."""
    fleet = Fleet(plan, folder)
    with Portals(plan.portals, fleet.deliverer_pids) as portals, opened(plan, folder) as store:
        keys = set_up(store, plan, portals)
        try:
            fleet.start_all()
            chaos = Chaos(fleet, servers, portals)
            senders = [
                Sender(fleet.receiver_urls, key, f"sender{number}", upload_messages=10, pause_seconds=0.2)
                for number, key in enumerate(keys)
            ]
            act(chaos)
            chaos.let_hubspot_behave()
            for sender in senders:
                sender.stop()
            wait_drained(store, DRAIN_SECONDS)
            acknowledged = check_messages(store, senders, plan)
        finally:
            fleet.stop()
        check_portals(portals, senders, plan)
        longest = check_takeovers(fleet, chaos.killed)
    return {
        "portals": plan.portals,
        "deaths": chaos.deaths,
        "acknowledged_messages": acknowledged,
        "lost": 0,
        "doubled": 0,
        "longest_takeover_seconds": round(longest, 1),
    }


def test_a_fleet_outlives_the_death_of_any_of_its_parts(servers: Servers, tmp_path: Path) -> None:
    def each_once(chaos: Chaos) -> None:
        for act in (chaos.kill_a_receiver, chaos.restart_postgres, chaos.kill_a_node, chaos.kill_a_deliverer):
            chaos.let_run(1)
            act()

    run(servers.plan(), servers, tmp_path, each_once)


@pytest.mark.slow
def test_a_fleet_outlives_many_deaths_in_any_order(servers: Servers, tmp_path: Path, figures: Record) -> None:
    def for_minutes(chaos: Chaos) -> None:
        for number in range(25):
            chaos.at_random(but_not_postgres=number != 12)

    figures(**run(servers.plan(), servers, tmp_path, for_minutes))


@pytest.mark.slow
def test_three_deliverers_and_thirty_portals_outlive_faults_of_hubspot(
    servers: Servers, tmp_path: Path, figures: Record
) -> None:
    def for_minutes(chaos: Chaos) -> None:
        for number in range(12):
            chaos.let_hubspot_misbehave()
            chaos.let_run(4)
            if number % 3 == 2:
                chaos.kill_a_deliverer()

    figures(**run(replace(servers.plan(), portals=30, sources=5), servers, tmp_path, for_minutes))

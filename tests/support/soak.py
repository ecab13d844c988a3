"""A whole fleet that is disturbed for hours: receivers, deliverers, PostgreSQL and three JetStream nodes. Between any
two of them is a link that may fail, each has a system clock of its own, and HubSpot portals misbehave."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import psutil  # type: ignore[import-untyped]
from tests.servers import NatsCluster, PostgresServer
from tests.support import oracle
from tests.support.fleet import Fleet, Plan, Sender, opened, set_up, wait_drained
from tests.support.network import Link, Network
from tests.support.oracle import Person
from tests.support.portals import FIRST_HUB_ID, Portals
from tests.support.stepped_clocks import SteppedClocks
from tests.support.traffic import BEGIN, KINDS, message
from tests.support.world import portal_of

from hubwire.backends.store import Store
from hubwire.record.message_filter import MessageFilter
from hubwire.record.queries import Fate

SOURCES = 2
PORTALS = 4
PEOPLE = 60
"""Of each source."""
DRAIN_SECONDS = 600.0
PAGE = 500
BEHIND_SECONDS = 3600
"""How old messages are when they are sent: a receiver whose clock is set back by less still believes their times."""
MEGABYTE = 1 << 20


class SoakSender(Sender):
    """Sends the oracle's kinds of messages; keeps what it made, so that the end can be worked out."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.messages: dict[str, dict[str, Any]] = {}
        self._last_at_ms = 0
        super().__init__(*args, **options)

    def _message(self, number: int) -> dict[str, Any]:
        random = self._random
        traits = {"firstName": random.choice("ABC"), "city": random.choice(["Graz", "Linz"])}
        traits["lifecycleStage"] = random.choice(["lead", "opportunity", "customer"])
        traits = {name: value for name, value in traits.items() if random.random() < 0.4}
        begin_ms = round(BEGIN.timestamp() * 1000)
        self._last_at_ms = max(self._last_at_ms + 1, round(time.time() * 1000) - begin_ms - BEHIND_SECONDS * 1000)
        person = Person(random.randrange(PEOPLE))
        new_message = message(number, random.choice(KINDS), person, traits, random.random() < 0.5, self._last_at_ms)
        new_message["messageId"] = f"{self._name}-m{number}"
        self.messages[new_message["messageId"]] = new_message
        return new_message


@dataclass
class Memory:
    """Resident memory of the processes over time, in megabytes."""

    samples: list[tuple[float, str, int, float]] = field(default_factory=list)
    """Time, name and process id of each sample."""

    def take(self, fleet: Fleet) -> None:
        now = time.monotonic()
        for name, process in list(fleet.processes.items()):
            try:
                resident_bytes = psutil.Process(process.pid).memory_info().rss
            except psutil.NoSuchProcess:
                continue
            self.samples.append((now, name, process.pid, resident_bytes / MEGABYTE))

    def of(self, name: str) -> dict[str, float]:
        """Of one process that lived all the time: the median of the second, the middle and the last tenth. The first
        tenth is its start."""
        values = [value for _, sample, _, value in self.samples if sample == name]
        tenth = max(1, len(values) // 10)
        middle = len(values) // 2
        parts = {"start": values[tenth : 2 * tenth], "middle": values[middle : middle + tenth], "end": values[-tenth:]}
        return {part: round(sorted(some)[len(some) // 2], 1) for part, some in parts.items() if some}


class Soak:
    """The fleet with everything around it; `close()` ends it all.

    Shape: `links` by name, such as `deliver-0 to postgres`; `LASTING` are the processes that are never killed, so that
    their memory is seen over the whole time.
    """

    LASTING = ("receive-1", "deliver-1")

    def __init__(self, folder: Path, seed: int) -> None:
        self.random = Random(seed)
        self.memory = Memory()
        self.links: dict[str, Link] = {}
        self._stack = ExitStack()
        try:
            self._open(folder, seed)
        except BaseException:
            self._stack.close()
            raise

    def _open(self, folder: Path, seed: int) -> None:
        self.network = self._stack.enter_context(Network(seed))
        self.clocks = SteppedClocks()
        self._stack.callback(self.clocks.remove)
        self.postgres = PostgresServer()
        self._stack.callback(self.postgres.remove)
        self.postgres.environment = self.clocks.environment("postgres")
        self.postgres.start()
        self.nats = NatsCluster(link=self._node_link)
        self._stack.callback(self.nats.remove)
        self.nats.start()
        nodes = [self._link(f"fleet to node {number}", node.port) for number, node in enumerate(self.nats.nodes)]
        journal_url = ",".join(f"nats://127.0.0.1:{link.port}" for link in nodes) + "?replicas=3"
        shared = {"receivers": 2, "deliverers": 2, "portals": PORTALS, "sources": SOURCES}
        self.plan = Plan(self.postgres.database(), f"{self.nats.url}?replicas=3", **shared)
        self.fleet = Fleet(replace(self.plan, journal_url=journal_url), folder, self._own_environment)
        self.names = [*self.fleet.names("receive"), *self.fleet.names("deliver")]
        self._to_postgres = {name: self._link(f"{name} to postgres", self.postgres.port) for name in self.names}
        for name in self.fleet.names("receive"):
            self.links[f"senders to {name}"] = self.network.link(lambda name=name: self._port(name))  # type: ignore[misc]
        self._stack.callback(self.fleet.stop)
        self.portals = self._stack.enter_context(
            Portals(PORTALS, self.fleet.deliverer_pids, creates_companies_from_emails=False)
        )
        ports = [int(url.rpartition(":")[2]) for url in self.portals.urls]
        hubspot = [self._link(f"fleet to portal {number}", port) for number, port in enumerate(ports)]
        self.portals.urls = [f"http://127.0.0.1:{link.port}" for link in hubspot]
        self.folder = folder
        self.store: Store = self._stack.enter_context(opened(self.plan, folder))
        self.keys = set_up(self.store, self.plan, self.portals)
        self.fleet.start_all()
        self.senders = [
            SoakSender(self._receiver_urls, key, f"source{number}", upload_messages=8, pause_seconds=0.8)
            for number, key in enumerate(self.keys)
        ]

    def close(self) -> None:
        self._stack.close()

    def finish(self) -> None:
        """Let everything that was acknowledged be delivered."""
        for sender in self.senders:
            sender.stop()
        wait_drained(self.store, DRAIN_SECONDS)

    def _link(self, name: str, port: int) -> Link:
        self.links[name] = self.network.link(port)
        return self.links[name]

    def _node_link(self, port: int) -> int:
        return self._link(f"nodes to node port {port}", port).port

    def _own_environment(self, name: str) -> Mapping[str, str]:
        url = self.plan.database_url.replace(f":{self.postgres.port}/", f":{self._to_postgres[name].port}/")
        return {**self.clocks.environment(name), "HUBWIRE_DATABASE_URL": url}

    def _port(self, name: str) -> int | None:
        process = self.fleet.processes.get(name)
        return int(process.url.rpartition(":")[2]) if process is not None else None

    def _receiver_urls(self) -> list[str]:
        return [f"http://127.0.0.1:{self.links[f'senders to {name}'].port}" for name in self.fleet.names("receive")]


@dataclass
class Findings:
    """What a soak shows in the end. Every list but `states` must be empty."""

    acknowledged: int
    lost: list[str]
    doubled: list[str]
    different: list[str]
    """Messages with another state than the oracle's, portals that hold something else."""
    states: Counter[str]


def examine(soak: Soak) -> Findings:
    """Compare the journal, the states of all messages and all portals with what was acknowledged."""
    copies = Counter(row.message_id for row in soak.store.journal.newest(None, 1 << 24))
    acknowledged = [message_id for sender in soak.senders for message_id in sender.acknowledged]
    found = Findings(len(acknowledged), [], [], [], Counter())
    found.lost = [message_id for message_id in acknowledged if not copies[message_id]]
    found.doubled = [message_id for message_id, count in copies.items() if count > 1]
    fates = {key: (fate.state.value, fate.reason) for key, fate in _fates(soak.store)}
    for number, emulator in enumerate(soak.portals.emulators):
        sender = soak.senders[number % SOURCES]
        messages = [sender.messages[message_id] for message_id in sender.acknowledged]
        end = oracle.expected(messages, str(FIRST_HUB_ID + number))
        totals = Counter(event["uuid"] for event in emulator.events())
        found.doubled += [f"event {uuid} in portal {number}" for uuid, count in totals.items() if count > 1]
        for message_id, state in end.states.items():
            fate = fates.get((message_id, f"portal-{number}"), ("missing", None))
            found.states[fate[0]] += 1
            if fate[0] != state or (fate[0] == "held" and not fate[1]):
                found.different.append(f"{message_id} in portal {number}: {fate}, expected {state}")
        shown = portal_of(emulator.contacts(), emulator.companies(), emulator.associations(), emulator.events())
        found.different += [f"portal {number}: {line}" for line in oracle.differences(shown, end)]
    return found


def keep_evidence(soak: Soak, folder: Path) -> Path:
    """What is needed to explain a difference: every message with its fates, and every portal with its histories."""
    messages = {message_id: message for sender in soak.senders for message_id, message in sender.messages.items()}
    fates = [
        {"message": message_id, "destination": name, "state": fate.state, "left_out": fate.left_out}
        for (message_id, name), fate in _fates(soak.store)
    ]
    records = [
        {"portal": number, "properties": record.properties, "history": store.history_view(record, record.properties)}
        for number, emulator in enumerate(soak.portals.emulators)
        for store in (emulator.state.store("contacts"), emulator.state.store("companies"))
        for record in store.live()
    ]
    path = folder / "evidence.json"
    path.write_text(json.dumps({"messages": messages, "fates": fates, "records": records}, default=str))
    return path


def _fates(store: Store) -> Iterable[tuple[tuple[str, str], Fate]]:
    """The fate of each message at each destination, by name."""
    names = {destination.destination_id: destination.name for destination in store.registry.destinations().values()}
    before: int | None = None
    while page := store.queries.messages(MessageFilter(before=before, limit=PAGE)):
        for summary in page:
            for fate in summary.fates:
                yield (summary.message_id, names[fate.destination_id]), fate
        before = page[-1].position


def now_text() -> str:
    """The date and time for a report."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")

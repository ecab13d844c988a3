"""A whole Hubwire in one process and one thread, on time that a test moves: a receiver, a journal and a record on one
SQLite file, lanes driven turn by turn, and an emulated HubSpot that is called without sockets."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from msgspec import structs

from hubwire.backends.sqlite import connection
from hubwire.backends.sqlite.connection import SqliteFile
from hubwire.backends.store import Store, open_store
from hubwire.backfill.history import as_history
from hubwire.clock import SimulatedClock
from hubwire.deliver.lanes.driver import Driver
from hubwire.deliver.lanes.lane import Lane
from hubwire.deliver.lanes.leases import LaneQuota
from hubwire.deliver.lanes.policy import LaneParts, LanePolicy
from hubwire.deliver.limits.daily_budget import Priority
from hubwire.deliver.limits.governor import Governor
from hubwire.destination import Destination, Source
from hubwire.emulator.wire import Request
from hubwire.hubspot.client import FixedToken, HubSpotClient
from hubwire.hubspot.paths import Paths
from hubwire.journal.group_commit import GroupCommit
from hubwire.message import Entry
from hubwire.receive.app import ReceiveApp
from hubwire.receive.upload_limits import ReceiveLimits
from hubwire.record.protocol import Record
from hubwire.secret import Secret
from hubwire.settings import Settings
from hubwire.testing import Emulator

HUB_ID = "1234567"
TOKEN = "pat-test-token"
NOW_MS = 1_768_473_000_000
"""2026-01-15, 10:30 UTC."""
SERVER = Source(source_id=1, name="server")
DESTINATION = Destination(destination_id=1, name="hubspot", hub_id=HUB_ID)
SECRET_KEY = Secret(base64.b64encode(bytes(32)).decode())
MAX_TURNS = 3_000

Trouble = Callable[[httpx2.Request], BaseException | None]
Instead = Callable[[httpx2.Request], httpx2.Response | None]


def no_trouble(request: httpx2.Request) -> BaseException | None:
    """A network that works."""
    return None


class EmulatorTransport(httpx2.AsyncBaseTransport):
    """Calls the emulator's own functions, each call taking `latency_seconds` of simulated time.

    `trouble` may give an exception for a call: raised before the call has its effect, or after it (`.is_after`);
    `instead` an answer that keeps it from the emulator.
    """

    def __init__(self, emulator: Emulator, clock: SimulatedClock, latency_seconds: float = 0.05) -> None:
        self.trouble: Trouble = no_trouble
        self.instead: Instead = lambda request: None
        self._emulator = emulator
        self._clock = clock
        self._latency_seconds = latency_seconds

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        trouble = self.trouble(request)
        is_after = getattr(trouble, "is_after", False)
        if trouble is not None and not is_after:
            raise trouble
        await self._clock.sleep(self._latency_seconds / 2)
        answer = self.instead(request)
        if answer is not None:
            return answer
        sent = {name.lower(): value for name, value in request.headers.raw}
        path, _, query = request.url.raw_path.partition(b"?")
        try:
            reply = self._emulator.app.respond(Request(request.method, path.decode(), query, sent, request.content))
        except ConnectionResetError as exc:
            raise httpx2.ReadError("reset by the emulator", request=request) from exc
        await self._clock.sleep(self._latency_seconds / 2)
        if trouble is not None:
            raise trouble
        headers = [*reply.headers, (b"content-type", reply.content_type)]
        return httpx2.Response(reply.status, headers=headers, content=reply.body, request=request)


class World:
    """Everything of one test. Files are made once and copied: migrating takes longer than most cases."""

    _template: Path | None = None

    def __init__(
        self,
        folder: Path,
        *,
        destination: Destination = DESTINATION,
        sources: Sequence[Source] = (SERVER,),
        policy: LanePolicy | None = None,
        latency_seconds: float = 0.05,
        now_ms: int = NOW_MS,
        database_url: str | None = None,
        **portal: Any,
    ) -> None:
        portal = {"creates_companies_from_emails": False, **portal}  # most tests count the companies that we make
        self.emulator = Emulator(portal_id=int(HUB_ID), access_token=TOKEN, start_at_ms=now_ms, **portal)
        self.clock = SimulatedClock(now_ms, self.emulator.advance)
        self.destination = destination
        self.sources = {source.source_id: source for source in sources}
        self.token = TOKEN
        self.policy = policy or LanePolicy()
        self.transport = EmulatorTransport(self.emulator, self.clock, latency_seconds)
        self.path = _copied(folder)
        self.database_url = database_url or f"sqlite:///{self.path}"
        self.store = self.open_store()
        self.journal = self.store.journal
        self.record: Record = self.store.record
        self.groups = GroupCommit(self.journal)
        self.receiver = ReceiveApp(_Sources(self.sources), self.groups, self.clock, ReceiveLimits())
        self.database: Any = (
            sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            if database_url is None
            else psycopg.connect(database_url, autocommit=True)
        )

    def open_store(self) -> Store:
        """The store, as another process on the same file opens it. Nothing here cuts the power: commits do not wait for
        the disk."""
        settings = Settings(database_url=self.database_url, secret_key=SECRET_KEY, data=str(self.path.parent))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(connection, "SYNCHRONOUS", "OFF")
            return open_store(settings, self.clock, appends=False)

    def register(self) -> None:
        """Put sources and destination into the registry, for queries."""
        for source in self.sources.values():
            assert self.store.registry.save_source(structs.replace(source, source_id=0)) == source
        saved = self.store.registry.save_destination(structs.replace(self.destination, destination_id=0))
        assert saved == self.destination

    async def close(self) -> None:
        await self.groups.stop()
        self.database.close()
        self.store.close()
        self.emulator.app.close()

    async def __aenter__(self) -> World:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # -- in

    async def receive(self, messages: Sequence[Mapping[str, Any]], source: Source = SERVER) -> None:
        """Upload messages through HTTP, as an SDK does."""
        credentials = base64.b64encode(f"{write_key(source)}:".encode()).decode()
        transport = httpx2.ASGITransport(self.receiver)
        async with httpx2.AsyncClient(transport=transport, base_url="http://hubwire.test") as http:
            for start in range(0, len(messages), 500):
                answer = await http.post(
                    "/v1/batch",
                    content=json.dumps({"batch": messages[start : start + 500]}),
                    headers={"authorization": f"Basic {credentials}"},
                )
                assert answer.status_code == 200, answer.text

    def append(self, messages: Sequence[Mapping[str, Any]], *, is_backfill: bool = False, source_id: int = 1) -> None:
        """Journal messages at once, as `hubwire import` does."""
        now_ms = self.clock.now_ms()
        history = [dict(message) for message in messages]
        for entry in history:
            as_history(entry)
        entries = [
            Entry(source_id, str(entry["messageId"]), now_ms, json.dumps(entry).encode(), None, is_backfill)
            for entry in history
        ]
        self.journal.append(entries)

    # -- out

    def driver(
        self,
        owner: str = "a",
        record: Record | None = None,
        quota: LaneQuota | None = None,
        *,
        makes_lanes: bool = False,
    ) -> Driver:
        """A fresh driver of the destination's lane, as a process that has just started has one. `makes_lanes`: it makes
        the lane anew whenever it takes it, as a worker's does."""
        record = record or self.record
        parts = LaneParts(self.journal, record, self.clock, self.policy, lambda: 0.5, self.clock.sleep)
        client = HubSpotClient(
            "http://hubspot.test",
            FixedToken(Secret(self.token)),
            Paths(self.destination.api_version),
            clock=self.clock,
            transport=self.transport,
        )

        def make_lane() -> Lane:
            status = self.record.lane(self.destination.destination_id).status
            governor = Governor.of(self.destination, self.clock.now_ms(), status)
            return Lane(self.destination, lambda: self.sources, client, governor, parts, status)

        return Driver(make_lane(), owner, parts, quota=quota, make_lane=make_lane if makes_lanes else None)

    async def drain(self, driver: Driver, *, through_stops: bool = False, max_turns: int = MAX_TURNS) -> None:
        """Take turns until nothing waits but holds; time passes as the turns ask. A stopped line ends it, unless it
        resumes by itself and `through_stops`."""
        for _ in range(max_turns):
            wait = await driver.turn()
            state = self.record.lane(self.destination.destination_id)
            if state.stopped_reason is not None:
                if not through_stops or state.resume_at_ms is None:
                    return
                self.clock.advance(max(wait.seconds, (state.resume_at_ms - self.clock.now_ms()) / 1000))
                continue
            if wait.seconds and driver.lane_lease is not None and not self.backlog() and not self.open_rows():
                return
            self.clock.advance(wait.seconds)
            due_at_ms = self.next_open_due_ms()
            if wait.seconds and not self.backlog() and due_at_ms is not None:
                self.clock.advance(max(0.0, (due_at_ms - self.clock.now_ms()) / 1000))
            elif wait.seconds and driver.lane.waiting.seconds(driver.lane.waiting.pending(state)) is None:
                # Nothing but imports, for which the day's budget has no calls.
                self.clock.advance(driver.lane.governor.wait_seconds(Priority.BACKFILL, self.clock.now_ms()))
        raise AssertionError(f"not drained: backlog {self.backlog()}, rows {self.states()}")

    # -- what can be seen

    def backlog(self) -> int:
        """Messages that no cycle has taken on yet."""
        state = self.record.lane(self.destination.destination_id)
        source_ids = self.destination.source_ids
        live, _ = self.journal.count_after(state.live_cursor, source_ids=source_ids, is_backfill=False)
        backfill, _ = self.journal.count_after(state.backfill_cursor, source_ids=source_ids, is_backfill=True)
        return live + backfill

    def states(self) -> Counter[str]:
        """Delivery rows by state."""
        rows = self.database.execute("SELECT state, count(*) FROM delivery GROUP BY state")
        return Counter(dict(rows.fetchall()))

    def reasons(self) -> dict[int, tuple[str, str | None]]:
        """State and reason of every message that has a row, by position."""
        rows = self.database.execute("SELECT position, state, reason FROM delivery ORDER BY position")
        return {position: (state, reason) for position, state, reason in rows}

    def open_rows(self) -> int:
        """Rows that will be delivered by themselves."""
        counts = self.states()
        return counts["pending"] + counts["leased"] + counts["retrying"]

    def next_open_due_ms(self) -> int | None:
        """When the next of them is due."""
        found = self.database.execute(
            "SELECT min(due_at_ms) FROM delivery WHERE state IN ('pending', 'retrying')"
        ).fetchone()
        return found[0] if found else None

    def calls(self) -> int:
        """Calls that HubSpot has seen."""
        return int(self.emulator.stats()["total"])

    def hubspot(self) -> dict[str, Any]:
        """What HubSpot holds, as `portal_of` shows it."""
        emulator = self.emulator
        return portal_of(emulator.contacts(), emulator.companies(), emulator.associations(), emulator.events())


Shown = Sequence[Mapping[str, Any]]


def portal_of(contacts: Shown, companies: Shown, associations: Shown, events: Shown) -> dict[str, Any]:
    """Contacts by e-mail, companies by domain, their associations and events by both: no ids, and a stable order."""
    people = {contact["id"]: contact["properties"] for contact in contacts}
    firms = {company["id"]: company["properties"] for company in companies}
    pairs: set[tuple[str, str]] = set()
    for association in associations:
        ends = {association[side]["type"]: association[side]["id"] for side in ("from", "to")}
        if ends.keys() == {"contacts", "companies"}:
            pairs.add((people[ends["contacts"]]["email"], firms[ends["companies"]]["domain"]))
    occurrences = [
        {
            "email": people[event["contactId"]]["email"],
            "event": event["eventName"],
            "occurred_at": event["occurredAt"],
            "properties": event["properties"],
            "uuid": event["uuid"],
        }
        for event in events
    ]
    return {
        "contacts": {person["email"]: person for person in people.values()},
        "companies": {firm["domain"]: firm for firm in firms.values()},
        "associations": sorted([list(pair) for pair in pairs]),
        "events": sorted(occurrences, key=lambda occurrence: json.dumps(occurrence, sort_keys=True)),
    }


class _Sources:
    def __init__(self, sources: Mapping[int, Source]) -> None:
        self._by_key = {write_key(source): source for source in sources.values()}

    def by_write_key(self, key: str) -> Source | None:
        return self._by_key.get(key)


def write_key(source: Source) -> str:
    """The write key of a source."""
    return f"wk_of_source_{source.source_id}"


def _copied(folder: Path) -> Path:
    if World._template is None or not World._template.exists():
        template = folder / "template.db"
        file = SqliteFile(template)
        file.close()
        World._template = template
    path = folder / f"hubwire-{len(list(folder.iterdir()))}.db"
    shutil.copyfile(World._template, path)
    return path


def run(steps: Any) -> Any:
    """Run a coroutine of a test that is not asynchronous itself (Hypothesis)."""
    with asyncio.Runner() as runner:
        return runner.run(steps)

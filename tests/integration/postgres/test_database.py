"""The database itself: partitions, hostile text, restarts, news, and links that must not slip past holds."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from tests.servers import PostgresServer
from tests.support.waiting import until

from hubwire.backends.postgres.bounded import BoundedConnection
from hubwire.backends.postgres.connection import PostgresDatabase
from hubwire.backends.postgres.dialect import PostgresTables
from hubwire.backends.postgres.fleet import PostgresFleet
from hubwire.backends.postgres.journal import PostgresJournal
from hubwire.backends.postgres.listening import Listener, announce
from hubwire.backends.postgres.migrations import scripts
from hubwire.backends.postgres.outcome import write_outcome
from hubwire.backends.postgres.record import PostgresRecord
from hubwire.backends.sql.key_mark import check_key
from hubwire.clock import SystemClock
from hubwire.delivery import State
from hubwire.errors import BackendUnavailable, SchemaMismatch, SettingsError
from hubwire.message import Entry
from hubwire.operation import Link, hold_key
from hubwire.record.protocol import CycleOutcome, LaneState, Lease, Record, Settled, Span
from hubwire.registry.vault import Vault

NOW = 1_790_000_000_000
DAY_MS = 86_400_000


def entries(first: int, count: int, at_ms: int = NOW) -> list[Entry]:
    return [Entry(1, f"m{number}", at_ms, b"{}") for number in range(first, first + count)]


# -- partitions


def bounds(database: PostgresDatabase) -> list[tuple[int, int]]:
    found = database.execute("SELECT first_position, end_position FROM journal_partition ORDER BY 1")
    return [(first, end) for first, end in found]


@pytest.fixture
def small(database: PostgresDatabase) -> PostgresJournal:
    """A journal whose partitions hold ten messages at least."""
    database.execute("UPDATE journal_state SET least_positions = 10")
    return PostgresJournal(database)


def test_partitions_follow_the_traffic_of_a_day(small: PostgresJournal, database: PostgresDatabase) -> None:
    small.append(entries(0, 11))
    small.append(entries(11, 39, NOW + DAY_MS // 2))
    assert bounds(database) == [(1, 11), (11, 51)]
    small.append(entries(50, 2, NOW + 2 * DAY_MS))
    assert bounds(database)[2:] == [(51, 71)]


def test_one_append_may_need_several_partitions(small: PostgresJournal, database: PostgresDatabase) -> None:
    assert small.append(entries(0, 300)) == list(range(1, 301))
    assert bounds(database) == [(1, 11), (11, 51), (51, 211), (211, 851)]
    assert len(small.read(0, 1000, is_backfill=False)) == 300


def test_retention_drops_a_partition_that_is_wholly_past(small: PostgresJournal, database: PostgresDatabase) -> None:
    small.append(entries(0, 60))
    assert small.remove_through(30, 5) == 10
    assert bounds(database) == [(11, 51), (51, 211)]
    assert small.remove_through(30, 5) == 5
    assert [row.position for row in small.read(0, 2, is_backfill=False)] == [16, 17]
    [(tables,)] = database.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = 'journal'::regclass")
    assert tables == 2


def test_a_backup_under_way_puts_dropping_off(small: PostgresJournal, database: PostgresDatabase) -> None:
    small.append(entries(0, 60))
    with database.connect() as db, db.transaction():
        db.execute("LOCK TABLE journal IN ACCESS SHARE MODE")
        with pytest.raises(BackendUnavailable, match="lock timeout"):
            small.remove_through(30, 5)
        assert small.append(entries(60, 1)) == [61]
    assert small.remove_through(30, 5) == 10


# -- de-duplication


def test_ids_are_remembered_for_a_window_and_at_most_two(database: PostgresDatabase) -> None:
    journal = PostgresJournal(database, dedupe_hours=24)

    def remembered() -> int:
        return int(database.execute("SELECT count(*) FROM journal_seen")[0][0])

    for day in range(6):
        assert None not in journal.append(entries(day * 10, 10, NOW + day * DAY_MS))
        assert journal.append(entries(day * 10, 10, NOW + day * DAY_MS + DAY_MS - 1)) == [None] * 10
        assert remembered() <= 20
    assert None not in journal.append(entries(0, 10, NOW + 6 * DAY_MS))


def test_a_backup_under_way_only_lengthens_the_window(database: PostgresDatabase) -> None:
    journal = PostgresJournal(database, dedupe_hours=24)
    journal.append(entries(0, 2))
    journal.append(entries(2, 2, NOW + DAY_MS))
    with database.connect() as db, db.transaction():
        db.execute("LOCK TABLE journal_seen IN ACCESS SHARE MODE")
        assert journal.append(entries(4, 2, NOW + 2 * DAY_MS)) == [5, 6]
    assert journal.append(entries(2, 2, NOW + 2 * DAY_MS - 1)) == [None, None]


# -- text that PostgreSQL does not take


def test_ids_with_nul_and_lone_surrogates_are_kept(database: PostgresDatabase) -> None:
    journal, record = PostgresJournal(database), PostgresRecord(database)
    assert journal.append([Entry(1, "a\x00b", NOW, b"{}"), Entry(1, "a\ud800", NOW, b"{}")]) == [1, 2]
    assert journal.append([Entry(1, "a\x00b", NOW, b"{}")]) == [None]
    assert [row.position for row in journal.find("a\x00b")] == [1]
    lease = record.lease_lane(1, "a", NOW, 10)
    assert lease is not None
    link = Link("server", "u:\x00", "a@b.co", 3, NOW)
    commit(record, lease, links=[link])
    assert [link.target for link in record.links([("server", "u:\x00")]).values()] == ["a@b.co"]


# -- links and holds of two lanes at once


def begin(record: Record, lane: int) -> tuple[Lease, int]:
    lease = record.lease_lane(lane, "worker", NOW, 60)
    assert lease is not None
    span = Span(live_after=0, live_through=1, backfill_after=0, backfill_through=0)
    return lease, record.begin_cycle(lease, NOW, span)


def commit(record: Record, lease: Lease, **outcome: object) -> None:
    span = Span(live_after=0, live_through=1, backfill_after=0, backfill_through=0)
    cycle_id = record.begin_cycle(lease, NOW, span)
    values = {"lane": LaneState(live_cursor=1), "ended_at_ms": NOW, **outcome}
    record.commit_cycle(lease, CycleOutcome(cycle_id=cycle_id, **values))  # type: ignore[arg-type]


HELD = Settled(
    position=1,
    state=State.HELD,
    reason="unknown-person",
    due_at_ms=NOW + DAY_MS,
    hold_keys=(hold_key("server", "u:1"),),
)
LINK = Link("server", "u:1", "a@b.co", 3, NOW)


def test_a_link_that_commits_while_a_hold_is_written_releases_it(database: PostgresDatabase) -> None:
    record = PostgresRecord(database)
    _, theirs = begin(record, 2)
    lease, mine = begin(record, 1)
    held = CycleOutcome(cycle_id=mine, lane=LaneState(live_cursor=1), settled=[HELD], ended_at_ms=NOW + 1)
    linked = CycleOutcome(cycle_id=theirs, lane=LaneState(live_cursor=1), links=[LINK], ended_at_ms=NOW + 1)
    with ThreadPoolExecutor(1) as thread, database.connect() as db:
        with db.transaction():
            write_outcome(db, 2, linked)
            committing = thread.submit(record.commit_cycle, lease, held)
            until(lambda: bool(database.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")))
        committing.result(10)
    assert [due.position for due in record.due(1, NOW + 1, 10)] == [1]


def test_a_link_that_the_cycle_knew_releases_nothing(database: PostgresDatabase) -> None:
    record = PostgresRecord(database)
    lease, cycle_id = begin(record, 2)
    record.commit_cycle(
        lease, CycleOutcome(cycle_id=cycle_id, lane=LaneState(live_cursor=1), links=[LINK], ended_at_ms=NOW + 5)
    )
    mine, cycle_id = begin(record, 1)
    record.commit_cycle(
        mine, CycleOutcome(cycle_id=cycle_id, lane=LaneState(live_cursor=1), settled=[HELD], ended_at_ms=NOW + 5)
    )
    assert record.due(1, NOW + 5, 10) == []


def test_links_of_a_server_that_was_restored_from_release_nothing(database: PostgresDatabase) -> None:
    """A dump keeps the numbers of transactions; the new server counts its own from the beginning."""
    record = PostgresRecord(database)
    lease, cycle_id = begin(record, 2)
    record.commit_cycle(
        lease, CycleOutcome(cycle_id=cycle_id, lane=LaneState(live_cursor=1), links=[LINK], ended_at_ms=NOW)
    )
    database.execute("UPDATE link SET linked_in = '9000000000'")
    mine, cycle_id = begin(record, 1)
    record.commit_cycle(
        mine, CycleOutcome(cycle_id=cycle_id, lane=LaneState(live_cursor=1), settled=[HELD], ended_at_ms=NOW)
    )
    assert record.due(1, NOW, 10) == []


# -- clocks of several machines


class WrongClock(SystemClock):
    """The clock of a machine that is so far ahead of the database's."""

    def __init__(self, ahead_seconds: float) -> None:
        self._ahead_ms = round(ahead_seconds * 1000)

    def now_ms(self) -> int:
        return super().now_ms() + self._ahead_ms


def test_a_lease_ends_by_the_clock_of_the_database(database: PostgresDatabase) -> None:
    slow, fast = WrongClock(-3600), WrongClock(3600)
    of_slow, of_fast = PostgresRecord(database, slow), PostgresRecord(database, fast)
    begun_ms = slow.now_ms()
    lease = of_slow.lease_lane(1, "slow", begun_ms, 60)
    assert lease is not None
    assert lease.expires_at_ms == begun_ms + 60_000
    assert of_fast.lease_lane(1, "fast", fast.now_ms(), 60) is None
    of_slow.renew([lease], slow.now_ms(), 0.001)
    until(lambda: of_fast.lease_lane(1, "fast", fast.now_ms(), 60) is not None)
    assert of_slow.renew([lease], slow.now_ms(), 60) == {}


def test_a_lane_fell_silent_by_the_clock_of_who_takes_it_over(database: PostgresDatabase) -> None:
    slow, fast = WrongClock(-3600), WrongClock(3600)
    begun_ms = fast.now_ms()
    PostgresRecord(database, slow).lease_lane(1, "slow", slow.now_ms(), 0.001)
    taken: list[Lease | None] = []

    def take() -> bool:
        taken.append(PostgresRecord(database, fast).lease_lane(1, "fast", fast.now_ms(), 60))
        return taken[-1] is not None

    until(take)
    lease = taken[-1]
    assert lease is not None
    assert lease.taken_over_ms is not None
    assert begun_ms - 5_000 < lease.taken_over_ms < fast.now_ms() + 5_000


def test_workers_live_by_the_clock_of_the_database(database: PostgresDatabase) -> None:
    slow, fast = WrongClock(-3600), WrongClock(3600)
    of_slow, of_fast = PostgresFleet(database, slow), PostgresFleet(database, fast)
    assert of_slow.join("slow", slow.now_ms(), 60) == 1
    assert of_fast.join("fast", fast.now_ms(), 60) == 2
    of_fast.leave("fast", fast.now_ms())
    assert of_slow.join("slow", slow.now_ms(), 60) == 1


# -- news


def test_every_process_hears_of_an_append(database: PostgresDatabase, postgres_url: str) -> None:
    heard = threading.Event()
    listener = Listener(database, heard.set, heard.set)
    listener.start()
    until(heard.is_set)
    heard.clear()
    other = PostgresDatabase(postgres_url)
    PostgresJournal(other).append(entries(0, 1))
    until(heard.is_set)
    other.close()
    listener.stop()


def test_every_process_hears_of_a_change_and_tells_it_from_an_append(database: PostgresDatabase) -> None:
    appended, changed = threading.Event(), threading.Event()
    listener = Listener(database, appended.set, changed.set)
    listener.start()
    until(changed.is_set)
    changed.clear()
    PostgresJournal(database).append(entries(0, 1))
    until(appended.is_set)
    assert not changed.is_set()
    announce(database)
    until(changed.is_set)
    listener.stop()
    listener.stop()


# -- restarts and versions


def test_a_restart_of_the_server_passes_by(own_server: PostgresServer) -> None:
    database = PostgresDatabase(own_server.database())
    journal = PostgresJournal(database)
    heard = threading.Event()
    listener = Listener(database, heard.set, heard.set)
    listener.start()
    journal.append(entries(0, 1))
    own_server.stop()
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(journal.append, entries(1, 1))
        own_server.start()
        assert waiting.result(20) == [2]
    heard.clear()
    journal.append(entries(2, 1))
    until(heard.is_set)
    listener.stop()
    database.close()


def test_a_server_that_is_frozen_is_given_up_and_used_again_when_it_goes_on(
    own_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = PostgresDatabase(own_server.database(), pool_size=1)
    journal = PostgresJournal(database)
    journal.append(entries(0, 1))
    monkeypatch.setattr("hubwire.backends.postgres.journal.APPEND_SECONDS", 0.3)
    with own_server.frozen(), pytest.raises(BackendUnavailable, match=r"has not answered for 0\.3 s"):
        journal.append(entries(1, 1))
    monkeypatch.setattr("hubwire.backends.postgres.journal.APPEND_SECONDS", 10.0)
    journal.append(entries(1, 1))
    assert [row.message_id for row in journal.read(0, 10, source_ids=None, is_backfill=False)] == ["m0", "m1"]
    database.close()


def test_a_transaction_in_a_server_that_freezes_is_given_up(own_server: PostgresServer) -> None:
    database = PostgresDatabase(own_server.database(), pool_size=1)

    def write() -> None:
        with database.transaction() as db:
            db.execute("INSERT INTO lane (destination_id) VALUES (7)")
            assert isinstance(db, BoundedConnection)
            db.statement_seconds = 0.3
            with own_server.frozen():
                db.execute("INSERT INTO lane (destination_id) VALUES (8)")

    with pytest.raises(BackendUnavailable, match="has not answered"):
        write()
    assert database.execute("SELECT destination_id FROM lane") == []
    database.close()


def test_a_server_that_is_not_there_is_unavailable(postgres_url: str) -> None:
    with pytest.raises(BackendUnavailable, match="postgres"):
        PostgresDatabase("postgresql://hubwire@127.0.0.1:1/none?connect_timeout=1")


@pytest.mark.parametrize("url", ["postgresql://hubwire:100%secret@127.0.0.1/x", "postgresql://127.0.0.1/x?secret=1"])
def test_a_url_that_is_none_is_a_clear_error_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match="HUBWIRE_DATABASE_URL") as error:
        PostgresDatabase(url)
    assert "secret" not in f"{error.value}{error.value.__cause__}{error.value.hint}"


def test_a_user_that_may_not_make_tables_is_told_what_it_needs(postgres_server: PostgresServer) -> None:
    with psycopg.connect(postgres_server.url(), autocommit=True) as db:
        db.execute("CREATE ROLE visitor LOGIN")
        db.execute("CREATE DATABASE visited TEMPLATE template0")
    url = postgres_server.url("visited").replace("hubwire@", "visitor@")
    with pytest.raises(SettingsError, match="permission denied for schema public") as error:
        PostgresDatabase(url)
    assert "GRANT CREATE" in error.value.hint
    with psycopg.connect(postgres_server.url("visited"), autocommit=True) as db:
        db.execute("GRANT CREATE, USAGE ON SCHEMA public TO visitor")
    PostgresDatabase(url).close()


def test_a_database_that_cannot_hold_every_text_is_refused(postgres_server: PostgresServer) -> None:
    with psycopg.connect(postgres_server.url(), autocommit=True) as db:
        db.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(SchemaMismatch, match="encoding is LATIN1"):
        PostgresDatabase(postgres_server.url("latin"))


def test_a_database_of_a_newer_version_is_refused(database: PostgresDatabase, postgres_url: str) -> None:
    database.execute("UPDATE schema_version SET version = 99")
    with pytest.raises(SchemaMismatch, match="newer Hubwire"):
        PostgresDatabase(postgres_url)


def test_processes_that_start_together_migrate_once(postgres_server: PostgresServer) -> None:
    url = postgres_server.database()
    with ThreadPoolExecutor(4) as threads:
        opened = list(threads.map(PostgresDatabase, [url] * 4))
    assert opened[0].execute("SELECT version FROM schema_version") == [(scripts()[-1][0],)]
    for part in opened:
        part.close()


def test_a_process_with_another_secret_key_does_not_start(database: PostgresDatabase) -> None:
    tables = PostgresTables(database)
    check_key(tables, Vault((bytes(32),)))
    check_key(tables, Vault((b"n" * 32, bytes(32))))
    with pytest.raises(SettingsError, match="another secret key"):
        check_key(tables, Vault((b"x" * 32,)))


def test_a_transaction_that_breaks_changes_nothing(database: PostgresDatabase) -> None:
    def write() -> None:
        with database.transaction() as db:
            db.execute("INSERT INTO worker (owner, expires_at_ms) VALUES ('a', 1)")
            db.execute("INSERT INTO worker (owner, expires_at_ms) VALUES ('b', NULL)")

    with pytest.raises(psycopg.errors.NotNullViolation):
        write()
    assert database.execute("SELECT * FROM worker") == []


def test_a_process_that_stood_still_within_a_transaction_tries_again(database: PostgresDatabase) -> None:
    """Suspended, for example: the server has ended its connection meanwhile."""

    def is_connected(pid: int) -> bool:
        return bool(database.execute(f"SELECT 1 FROM pg_stat_activity WHERE pid = {pid}"))

    def stand_still() -> None:
        with database.transaction() as db:
            db.execute("SET idle_in_transaction_session_timeout = '20ms'")
            until(lambda: not is_connected(db.info.backend_pid), 10)
            db.execute("SELECT 1")

    with pytest.raises(BackendUnavailable, match="idle-in-transaction"):
        stand_still()
    assert database.execute("SELECT 1") == [(1,)]

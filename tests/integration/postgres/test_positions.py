"""Several appenders at once: positions become visible in their order, and of one message one copy is kept."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.support.waiting import until

from hubwire.backends.postgres.connection import PostgresDatabase
from hubwire.backends.postgres.journal import PostgresJournal
from hubwire.backends.postgres.pool import Db
from hubwire.message import Entry

NOW = 1_790_000_000_000
APPENDERS = 4


def entries(*names: str) -> list[Entry]:
    return [Entry(1, name, NOW, b"{}") for name in names]


def append_slowly(db: Db, name: str) -> None:
    """An append in a transaction that is still open: its position is given out, its commit is late."""
    db.execute(
        "SELECT journal_append(0, ARRAY[md5(%(name)s)::uuid], ARRAY[%(now)s::bigint], ARRAY[1], ARRAY[false],"
        " ARRAY[NULL::text], ARRAY[%(name)s::text], ARRAY[NULL::bytea], ARRAY['{}'::bytea])",
        {"name": name, "now": NOW},
    )


def is_waiting_for_a_lock(database: PostgresDatabase) -> Callable[[], bool]:
    return lambda: bool(database.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))


def positions(journal: PostgresJournal, after: int = 0) -> list[int]:
    return [row.position for row in journal.read(after, 1000, is_backfill=False)]


def test_an_append_waits_for_one_that_was_given_lower_positions(database: PostgresDatabase) -> None:
    journal = PostgresJournal(database)
    with ThreadPoolExecutor(1) as thread, database.connect() as db:
        with db.transaction():
            append_slowly(db, "late")
            second = thread.submit(journal.append, entries("quick"))
            until(is_waiting_for_a_lock(database))
            assert positions(journal) == []
            assert journal.count_after(0) == (0, None)
        assert second.result(10) == [2]
    assert positions(journal) == [1, 2]


def test_positions_of_a_plain_sequence_would_be_passed(database: PostgresDatabase) -> None:
    """What the journal's lock is for: the same two appends on a table with a serial key lose a message."""
    database.execute("CREATE TABLE plain (position bigserial, name text)")

    def read(after: int) -> list[int]:
        found = database.execute("SELECT position FROM plain WHERE position > %s ORDER BY position", (after,))
        return [position for (position,) in found]

    with database.connect() as db, db.transaction():
        db.execute("INSERT INTO plain (name) VALUES ('late')")
        database.execute("INSERT INTO plain (name) VALUES ('quick')")
        cursor = read(0)[-1]
    assert read(0) == [1, 2]
    assert read(cursor) == []


def test_a_reader_behind_many_appenders_sees_every_position_once(database: PostgresDatabase) -> None:
    groups = 60
    seen: list[int] = []
    done = threading.Event()

    def append(number: int) -> int:
        journal = PostgresJournal(database)
        sizes = [1 + (number * 7 + group * 5) % 9 for group in range(groups)]
        for group, size in enumerate(sizes):
            journal.append(entries(*(f"{number}-{group}-{index}" for index in range(size))))
        return sum(sizes)

    def follow() -> None:
        journal = PostgresJournal(database)
        while True:
            is_last_look = done.is_set()
            while found := [row.position for row in journal.read(seen[-1] if seen else 0, 7, is_backfill=False)]:
                seen.extend(found)
            if is_last_look:
                return

    reader = threading.Thread(target=follow)
    reader.start()
    with ThreadPoolExecutor(APPENDERS) as threads:
        total = sum(threads.map(append, range(APPENDERS)))
    done.set()
    reader.join()
    assert seen == list(range(1, total + 1))


def test_of_the_same_messages_from_several_appenders_one_copy_is_kept(database: PostgresDatabase) -> None:
    names = [f"m{number}" for number in range(500)]

    def append(_: int) -> list[int | None]:
        journal = PostgresJournal(database)
        return [place for start in range(0, 500, 25) for place in journal.append(entries(*names[start : start + 25]))]

    with ThreadPoolExecutor(APPENDERS) as threads:
        places = list(threads.map(append, range(APPENDERS)))
    kept = [place for of_one in places for place in of_one if place is not None]
    assert sorted(kept) == list(range(1, 501))
    rows = PostgresJournal(database).read(0, 1000, is_backfill=False)
    assert sorted(row.message_id for row in rows) == sorted(names)

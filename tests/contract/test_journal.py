"""What every journal does, on each backend: positions, de-duplication, streams, backlog, retention, failure."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.contract.ranked import RankedJournal

from hubwire.backends.memory.journal import MemoryJournal
from hubwire.backends.sqlite.connection import SqliteFile
from hubwire.backends.sqlite.journal import SqliteJournal
from hubwire.journal.protocol import TOMBSTONE, Extent, Journal
from hubwire.message import Entry, JournalRow

NOW = 1_790_000_000_000
HOUR_MS = 3_600_000
DEDUPE_HOURS = 24.0

Reopen = Callable[[], Journal]


def sqlite_journal(path: Path) -> tuple[Journal, Callable[[], None], Reopen | None]:
    opened: list[tuple[SqliteJournal, SqliteFile]] = []

    def open_it() -> Journal:
        close_it()
        file = SqliteFile(path / "hubwire.db")
        opened.append((SqliteJournal(file, dedupe_hours=DEDUPE_HOURS, appends=True), file))
        return opened[-1][0]

    def close_it() -> None:
        while opened:
            journal, file = opened.pop()
            journal.close()
            file.close()

    return open_it(), close_it, open_it


def memory_journal(path: Path) -> tuple[Journal, Callable[[], None], Reopen | None]:
    return MemoryJournal(dedupe_hours=DEDUPE_HOURS), lambda: None, None


def postgres_journal(url: str) -> tuple[Journal, Callable[[], None], Reopen | None]:
    from hubwire.backends.postgres.connection import PostgresDatabase
    from hubwire.backends.postgres.journal import PostgresJournal

    opened: list[PostgresDatabase] = []

    def open_it() -> Journal:
        close_it()
        opened.append(PostgresDatabase(url))
        return PostgresJournal(opened[-1], dedupe_hours=DEDUPE_HOURS)

    def close_it() -> None:
        while opened:
            opened.pop().close()

    return open_it(), close_it, open_it


def nats_journal(url: str) -> tuple[Journal, Callable[[], None], Reopen | None]:
    from hubwire.backends.nats.client import NatsClient, NatsUrl
    from hubwire.backends.nats.journal import NatsJournal

    opened: list[NatsJournal] = []
    given: list[int] = []

    def open_it() -> Journal:
        close_it()
        opened.append(NatsJournal(NatsClient(NatsUrl.parse(url)), dedupe_hours=DEDUPE_HOURS))
        return RankedJournal(opened[-1], given)

    def close_it() -> None:
        while opened:
            opened.pop().close()

    return open_it(), close_it, open_it


BACKENDS: dict[str, Callable[[pytest.FixtureRequest], tuple[Journal, Callable[[], None], Reopen | None]]] = {
    "memory": lambda request: memory_journal(request.getfixturevalue("tmp_path")),
    "nats": lambda request: nats_journal(request.getfixturevalue("nats_url")),
    "postgres": lambda request: postgres_journal(request.getfixturevalue("postgres_url")),
    "sqlite": lambda request: sqlite_journal(request.getfixturevalue("tmp_path")),
}


class Opened:
    """A journal of one backend, and how to open it again (None where nothing survives)."""

    def __init__(self, journal: Journal, reopen: Reopen | None) -> None:
        self.journal = journal
        self._reopen = reopen

    def reopened(self) -> Journal:
        if self._reopen is None:
            pytest.skip("this backend keeps nothing")
        self.journal = self._reopen()
        return self.journal


@pytest.fixture(params=sorted(BACKENDS))
def opened(request: pytest.FixtureRequest) -> Iterator[Opened]:
    journal, close, reopen = BACKENDS[request.param](request)
    yield Opened(journal, reopen)
    close()


@pytest.fixture
def journal(opened: Opened) -> Journal:
    return opened.journal


def entry(message_id: str, *, at_ms: int = NOW, source_id: int = 1, **fields: object) -> Entry:
    body = b'{"type":"track","messageId":"%s"}' % message_id.encode()
    return replace(Entry(source_id, message_id, at_ms, body), **fields)


def entries(*message_ids: str) -> list[Entry]:
    return [entry(message_id) for message_id in message_ids]


def append_one_by_one(journal: Journal, *message_ids: str) -> None:
    """For retention: a journal of groups only takes away whole ones."""
    for message_id in message_ids:
        journal.append(entries(message_id))


def read_all(journal: Journal, after: int = 0, *, is_backfill: bool | None = False) -> list[JournalRow]:
    return journal.read(after, 1000, source_ids=None, is_backfill=is_backfill)


def ids(rows: list[JournalRow]) -> list[str]:
    return [row.message_id for row in rows]


# -- append and read


def test_positions_start_at_1_and_grow_in_order(journal: Journal) -> None:
    assert journal.append(entries("a", "b")) == [1, 2]
    assert journal.append(entries("c")) == [3]
    assert [(row.position, row.message_id) for row in read_all(journal)] == [(1, "a"), (2, "b"), (3, "c")]


def test_a_row_gives_back_every_field_of_its_entry(journal: Journal) -> None:
    given = Entry(7, "ümlaut 🍱", NOW + 5, b'{"type":"page"}', b'{"sentAt":"x"}', True, None)
    journal.append([given])
    assert read_all(journal, is_backfill=True) == [
        JournalRow(1, 7, "ümlaut 🍱", NOW + 5, b'{"type":"page"}', b'{"sentAt":"x"}', True, None)
    ]


def test_an_empty_append_changes_nothing(journal: Journal) -> None:
    assert journal.append([]) == []
    assert journal.extent() == Extent(0, 0)


def test_read_goes_on_behind_a_position_and_stops_at_the_limit(journal: Journal) -> None:
    journal.append(entries("a", "b", "c", "d"))
    assert ids(journal.read(1, 2, source_ids=None, is_backfill=False)) == ["b", "c"]
    assert journal.read(4, 2, source_ids=None, is_backfill=False) == []


def test_read_filters_by_stream_and_source_and_leaves_rejected_out(journal: Journal) -> None:
    journal.append(
        [
            entry("live-1"),
            entry("backfill-1", is_backfill=True),
            entry("rejected", rejected="no-ids"),
            entry("live-2", source_id=2),
            entry("backfill-2", source_id=2, is_backfill=True),
        ]
    )
    assert ids(read_all(journal)) == ["live-1", "live-2"]
    assert ids(read_all(journal, is_backfill=True)) == ["backfill-1", "backfill-2"]
    assert ids(read_all(journal, is_backfill=None)) == ["live-1", "backfill-1", "live-2", "backfill-2"]
    assert ids(journal.read(0, 9, source_ids=[2], is_backfill=False)) == ["live-2"]
    assert ids(journal.read(0, 9, source_ids=[2, 1], is_backfill=None)) == [
        "live-1",
        "backfill-1",
        "live-2",
        "backfill-2",
    ]
    assert journal.read(0, 9, source_ids=[], is_backfill=False) == []


def test_rows_of_another_thread_are_seen(journal: Journal) -> None:
    writer = threading.Thread(target=lambda: journal.append(entries("a")))
    writer.start()
    writer.join()
    assert ids(read_all(journal)) == ["a"]


def test_read_at_gives_the_rows_that_are_there(journal: Journal) -> None:
    journal.append([*entries("a", "b"), entry("c", rejected="no-event")])
    rows = journal.read_at([3, 1, 99])
    assert {position: row.message_id for position, row in rows.items()} == {1: "a", 3: "c"}
    assert rows[3].rejected == "no-event"


def test_read_at_takes_many_positions(journal: Journal) -> None:
    count = 1203
    journal.append([entry(f"m{number}") for number in range(count)])
    assert len(journal.read_at(range(1, count + 1))) == count


def test_newest_pages_backwards_with_rejected_ones(journal: Journal) -> None:
    journal.append([*entries("a", "b"), entry("c", rejected="no-event"), *entries("d")])
    assert ids(journal.newest(None, 2)) == ["d", "c"]
    assert ids(journal.newest(3, 9)) == ["b", "a"]


# -- de-duplication


def test_a_duplicate_has_no_position_and_leaves_no_row(journal: Journal) -> None:
    assert journal.append(entries("a", "b")) == [1, 2]
    assert journal.append(entries("b", "c", "a")) == [None, 3, None]
    assert ids(read_all(journal)) == ["a", "b", "c"]


def test_a_duplicate_within_one_call_is_kept_once(journal: Journal) -> None:
    assert journal.append(entries("a", "b", "a", "a", "c")) == [1, 2, None, None, 3]
    assert journal.append(entries("c", "d", "d")) == [None, 4, None]


def test_an_append_of_duplicates_alone_changes_nothing(journal: Journal) -> None:
    journal.append(entries("a", "b"))
    assert journal.append(entries("b", "a")) == [None, None]
    assert journal.extent() == Extent(1, 2)


def test_the_same_message_id_of_another_source_is_another_message(journal: Journal) -> None:
    assert journal.append([entry("a"), entry("a", source_id=2)]) == [1, 2]
    assert journal.append([entry("a", source_id=3), entry("a", source_id=2)]) == [3, None]


def test_rejected_messages_are_deduplicated_too(journal: Journal) -> None:
    assert journal.append([entry("a", rejected="no-ids")]) == [1]
    assert journal.append([entry("a", rejected="no-ids")]) == [None]


def test_a_duplicate_is_known_up_to_the_end_of_the_window(journal: Journal) -> None:
    journal.append([entry("a")])
    within = NOW + int(DEDUPE_HOURS * HOUR_MS) - 1
    assert journal.append([entry("a", at_ms=within)]) == [None]


def test_many_messages_are_told_apart_from_their_duplicates(journal: Journal) -> None:
    # More than a block and more than one INSERT, with duplicates of every age among them.
    first = [entry(f"m{number}") for number in range(5000)]
    assert journal.append(first) == list(range(1, 5001))
    mixed = [entry(f"m{number}") for number in range(4000, 6000)]
    assert journal.append(mixed) == [None] * 1000 + list(range(5001, 6001))
    assert len(journal.read(0, 10_000, source_ids=None, is_backfill=False)) == 6000


# -- find


def test_find_gives_every_row_with_the_message_id(journal: Journal) -> None:
    journal.append([entry("a"), entry("b"), entry("a", source_id=2), entry("c", rejected="no-ids")])
    assert [(row.position, row.source_id) for row in journal.find("a")] == [(1, 1), (3, 2)]
    assert [row.rejected for row in journal.find("c")] == ["no-ids"]
    assert journal.find("zzz") == []


def test_find_reaches_the_oldest_of_many(journal: Journal) -> None:
    for start in range(0, 10_000, 2500):
        journal.append([entry(f"m{number}") for number in range(start, start + 2500)])
    for expected in (0, 1, 4095, 4096, 5001, 9999):
        assert [row.position for row in journal.find(f"m{expected}")] == [expected + 1]


# -- backlog and extent


def test_count_after_counts_the_stream_and_tells_since_when(journal: Journal) -> None:
    journal.append(
        [
            entry("a", at_ms=NOW),
            entry("b", at_ms=NOW + 1, rejected="no-ids"),
            entry("c", at_ms=NOW + 2, is_backfill=True),
            entry("d", at_ms=NOW + 3, source_id=2),
            entry("e", at_ms=NOW + 4),
        ]
    )
    assert journal.count_after(0, source_ids=None, is_backfill=False) == (3, NOW)
    assert journal.count_after(1, source_ids=None, is_backfill=False) == (2, NOW + 3)
    assert journal.count_after(0, source_ids=None, is_backfill=True) == (1, NOW + 2)
    assert journal.count_after(0, source_ids=[2], is_backfill=False) == (1, NOW + 3)
    assert journal.count_after(5, source_ids=None, is_backfill=False) == (0, None)
    assert journal.count_after(0, source_ids=[], is_backfill=False) == (0, None)


def test_counts_follow_as_messages_come_are_taken_and_are_removed(journal: Journal) -> None:
    def backlog(after: int) -> int:
        return journal.count_after(after, source_ids=None, is_backfill=False)[0]

    journal.append(entries("a", "b", "c"))
    assert backlog(0) == 3
    journal.append([*entries("d"), entry("e", rejected="no-ids")])
    assert backlog(0) == 4
    assert backlog(2) == 2
    assert backlog(1) == 3
    journal.remove_through(3, 99)
    assert backlog(0) == 1
    assert backlog(4) == 0


def test_a_lane_of_a_quiet_source_misses_nothing(journal: Journal) -> None:
    """However often it has looked in vain, and wherever its cursor is."""
    cursors, chance = {1: 0, 2: 0, 3: 0}, random.Random(7)
    kept: list[tuple[int, int]] = []
    for number in range(60):
        source_id = chance.choices((1, 2, 3), (20, 5, 1))[0]
        [position] = journal.append([entry(f"m{number}", at_ms=NOW + number, source_id=source_id)])
        assert position is not None
        kept.append((position, source_id))
        for stream, cursor in cursors.items():
            expected = [place for place, of in kept if of == stream and place > cursor]
            assert journal.count_after(cursor, source_ids=[stream], is_backfill=False)[0] == len(expected)
            rows = journal.read(cursor, 2, source_ids=[stream], is_backfill=False)
            assert [row.position for row in rows] == expected[:2]
            if rows and chance.random() < 0.4:
                cursors[stream] = rows[0].position
            elif chance.random() < 0.1:
                cursors[stream] = 0


def test_extent_knows_the_last_position_ever_given_out(journal: Journal) -> None:
    append_one_by_one(journal, "a", "b", "c")
    assert journal.extent() == Extent(1, 3)
    journal.remove_through(2, 99)
    assert journal.extent() == Extent(3, 3)
    journal.remove_through(3, 99)
    assert journal.extent() == Extent(0, 3)


# -- retention


def test_removing_takes_the_oldest_first_and_stops_at_the_limit(journal: Journal) -> None:
    append_one_by_one(journal, "a", "b", "c", "d")
    assert journal.remove_through(3, 2) == 2
    assert ids(read_all(journal)) == ["c", "d"]
    assert journal.remove_through(3, 2) == 1
    assert journal.remove_through(3, 2) == 0
    assert ids(read_all(journal)) == ["d"]


def test_positions_go_on_growing_after_everything_was_removed(opened: Opened) -> None:
    opened.journal.append(entries("a", "b"))
    opened.journal.remove_through(2, 99)
    assert opened.journal.append(entries("c")) == [3]
    opened.journal.remove_through(3, 99)
    assert opened.reopened().append(entries("d")) == [4]


def test_a_removed_message_is_not_found(journal: Journal) -> None:
    journal.append([entry(f"m{number}") for number in range(5000)])
    journal.remove_through(4500, 9999)
    assert journal.find("m4000") == []
    assert [row.position for row in journal.find("m4500")] == [4501]


# -- opening again


def test_everything_is_there_after_opening_again(opened: Opened) -> None:
    opened.journal.append([entry("a", rejected="no-ids"), *entries("b", "c")])
    journal = opened.reopened()
    assert journal.extent() == Extent(1, 3)
    assert ids(read_all(journal)) == ["b", "c"]
    assert ids(journal.find("a")) == ["a"]


@pytest.mark.parametrize("count", [3, 4096, 9000])
def test_duplicates_are_known_after_opening_again(opened: Opened, count: int) -> None:
    opened.journal.append([entry(f"m{number}") for number in range(count)])
    journal = opened.reopened()
    again = [entry(f"m{number}") for number in (0, count // 2, count - 1)]
    assert journal.append([*again, entry("new")]) == [None, None, None, count + 1]
    assert opened.reopened().append([*again, entry("new")]) == [None] * 4


# -- failure


def test_an_append_that_fails_keeps_nothing_and_the_next_one_works(journal: Journal) -> None:
    journal.append(entries("a"))
    unfit = Entry(1, "b", NOW, None)  # type: ignore[arg-type]
    if isinstance(journal, MemoryJournal):
        pytest.skip("a dict takes anything")
    with pytest.raises(Exception, match=r"(?i)not.null|NoneType"):
        journal.append([*entries("x", "y"), unfit])
    assert journal.append(entries("y", "b", "a")) == [2, 3, None]
    assert ids(read_all(journal)) == ["a", "y", "b"]


# -- forgetting


def test_a_redacted_message_keeps_its_place_and_says_nothing(journal: Journal) -> None:
    journal.append([replace(entry, envelope=b'{"sentAt":"x"}') for entry in entries("a", "b", "c")])
    assert journal.redact([2, 99]) == 1
    [row] = journal.find("b")
    assert (row.position, row.body, row.envelope, row.rejected) == (2, TOMBSTONE, None, "suppressed")
    assert ids(read_all(journal)) == ["a", "c"]
    assert journal.count_after(0, source_ids=None, is_backfill=False) == (2, NOW)
    assert journal.append(entries("b")) == [None]

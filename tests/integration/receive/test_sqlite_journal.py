"""What only the SQLite journal has: one appender, digests that may collide, blocks, holes, backlogs carried forward."""

from __future__ import annotations

import multiprocessing
import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hubwire.backends.sqlite import appender
from hubwire.backends.sqlite.connection import SqliteFile
from hubwire.backends.sqlite.journal import SqliteJournal
from hubwire.errors import BackendError, BackendUnavailable
from hubwire.journal import caches
from hubwire.message import Entry

NOW = 1_790_000_000_000


def entry(message_id: str, *, source_id: int = 1, is_backfill: bool = False) -> Entry:
    return Entry(source_id, message_id, NOW, b"{}", is_backfill=is_backfill)


def many(first: int, count: int) -> list[Entry]:
    return [entry(f"m{number}") for number in range(first, first + count)]


@pytest.fixture
def file(tmp_path: Path) -> Iterator[SqliteFile]:
    file = SqliteFile(tmp_path / "hubwire.db")
    yield file
    file.close()


@pytest.fixture
def journal(file: SqliteFile) -> Iterator[SqliteJournal]:
    journal = SqliteJournal(file, appends=True)
    yield journal
    journal.close()


def reopened(journal: SqliteJournal, file: SqliteFile) -> SqliteJournal:
    journal.close()
    return SqliteJournal(file, appends=True)


def _try_to_append(path: str, report: multiprocessing.SimpleQueue[str]) -> None:
    file = SqliteFile(path)
    try:
        SqliteJournal(file, appends=True)
    except BackendError as exc:
        report.put(str(exc))
    else:
        report.put("")
    report.put(str([row.message_id for row in SqliteJournal(file).newest(None, 9)]))


def test_a_second_process_may_read_but_not_append(journal: SqliteJournal, file: SqliteFile) -> None:
    journal.append([entry("a")])
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    other = context.Process(target=_try_to_append, args=(file.path, queue))
    other.start()
    assert "another process appends" in queue.get()
    assert queue.get() == "['a']"
    other.join()


def test_the_appenders_place_is_free_again_after_closing(journal: SqliteJournal, file: SqliteFile) -> None:
    with pytest.raises(BackendError, match="another process appends"):
        SqliteJournal(file, appends=True)
    journal.close()
    second = SqliteJournal(file, appends=True)
    assert second.append([entry("a")]) == [1]
    second.close()


def test_who_opens_a_file_without_a_wal_waits_for_another_who_does(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "hubwire.db", isolation_level=None)
    other.execute("CREATE TABLE first (id INTEGER)")
    other.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor(1) as threads:
        opening = threads.submit(SqliteFile, tmp_path / "hubwire.db")
        with pytest.raises(TimeoutError):
            opening.result(0.2)
        other.close()
        opening.result(30).close()


def test_digests_that_collide_neither_lose_nor_double_a_message(
    journal: SqliteJournal, file: SqliteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def same(message_ids: Sequence[str], _: bytes) -> bytes:
        return b"\x07" * 8 * len(message_ids)

    monkeypatch.setattr(appender, "digests_of", same)
    assert journal.append([entry("a"), entry("b"), entry("a")]) == [1, 2, None]
    assert journal.append([entry("c"), entry("b"), entry("a", source_id=2)]) == [3, None, 4]
    assert [row.position for row in journal.find("a")] == [1, 4]
    again = reopened(journal, file)
    assert again.append([entry("d"), entry("c"), entry("a")]) == [5, None, None]
    again.close()


def test_a_digest_is_found_only_where_one_begins(file: SqliteFile, journal: SqliteJournal) -> None:
    journal.append(many(0, 5000))
    key = file.connection.execute("SELECT digest_key FROM journal_key").fetchone()[0]
    [(stored,)] = file.connection.execute("SELECT digests FROM journal_block").fetchall()
    assert stored == appender.digests_of([f"m{number}" for number in range(5000)], key)
    assert [row.position for row in journal.find("m4999")] == [5000]


def test_blocks_cover_every_position_once(file: SqliteFile, journal: SqliteJournal) -> None:
    first = 0
    for count in (1, 4094, 1, 1, 5000, 17, 4096, 3):
        journal.append(many(first, count))
        first += count
    blocks = file.connection.execute(
        "SELECT first_position, last_position, length(digests) / 8 FROM journal_block ORDER BY 1"
    ).fetchall()
    assert [count for _, _, count in blocks] == [4096, 5001, 4113]
    assert [last - begin + 1 for begin, last, _ in blocks] == [count for _, _, count in blocks]
    assert [begin for begin, _, _ in blocks] == [1, 4097, 9098]


def test_rows_that_were_taken_out_leave_the_others_in_their_place(file: SqliteFile, journal: SqliteJournal) -> None:
    journal.append(many(0, 10))
    with file.transaction() as db:
        db.execute("DELETE FROM journal WHERE position IN (1, 4, 5, 10)")
    again = reopened(journal, file)
    assert again.append(many(0, 10)) == [11, None, None, 12, 13, None, None, None, None, 14]
    again.append(many(100, 5000))
    assert [row.position for row in again.find("m5")] == [6]
    assert [row.position for row in again.find("m9")] == [14]
    again.close()


def test_a_small_memory_still_knows_the_newest(file: SqliteFile) -> None:
    journal = SqliteJournal(file, appends=True, max_remembered=10_000)
    for first in range(0, 40_000, 2_000):
        journal.append(many(first, 2_000))
    assert journal.append(many(38_000, 2_000)) == [None] * 2_000
    again = reopened(journal, file)
    assert again.append(many(38_000, 2_000)) == [None] * 2_000
    again.close()


def test_large_backlogs_are_carried_forward_exactly(
    journal: SqliteJournal, file: SqliteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caches, "RECOUNT_BELOW", 10)
    reader = SqliteJournal(file)

    def counted(after: int) -> tuple[int, int]:
        expected = file.connection.execute(
            "SELECT count(*) FROM journal WHERE position > ? AND is_backfill = 0 AND rejected IS NULL", (after,)
        ).fetchone()[0]
        return reader.count_after(after)[0], int(expected)

    journal.append([entry(f"m{number}", is_backfill=number % 3 == 0) for number in range(300)])
    for after in (0, 5, 5, 100):
        assert len(set(counted(after))) == 1
    journal.append([entry(f"n{number}", is_backfill=number % 5 == 0) for number in range(100)])
    for after in (100, 120, 90):
        assert len(set(counted(after))) == 1
    journal.remove_through(150, 1000)
    for after in (90, 140, 160, 400):
        assert len(set(counted(after))) == 1


def test_what_the_disk_says_is_a_backend_error(journal: SqliteJournal, file: SqliteFile) -> None:
    journal.append([entry("a")])
    pages = file.connection.execute("PRAGMA page_count").fetchone()[0]
    file.connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(BackendUnavailable, match="full"):
        journal.append([Entry(1, "big", NOW, b"x" * 100_000)])
    file.connection.execute("PRAGMA max_page_count = 1000000")
    assert journal.append([Entry(1, "big", NOW, b"x" * 100_000), entry("a")]) == [2, None]

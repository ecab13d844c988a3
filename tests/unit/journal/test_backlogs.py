"""What is remembered of streams: where nothing lies, and large counts."""

from __future__ import annotations

from hubwire.journal.caches import RECOUNT_BELOW, Backlogs, Stream

QUIET = Stream.of([2], is_backfill=False)
OTHER = Stream.of([1], is_backfill=False)


class Rows:
    """One stream's rows at every `step`-th position; what was looked through is counted."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.looked_through = 0

    def between(self, db: None, stream: Stream, low: int, high: int) -> int:
        self.looked_through += high - low
        return high // self.step - low // self.step


def test_where_nothing_was_is_not_looked_through_again() -> None:
    backlogs: Backlogs[None] = Backlogs(Rows(1).between)
    assert backlogs.begin(QUIET, 10) == 10
    backlogs.found(QUIET, 10, None, 5_000)
    assert backlogs.begin(QUIET, 10) == backlogs.begin(QUIET, 4_000) == 5_000
    assert backlogs.begin(OTHER, 10) == 10
    backlogs.found(QUIET, 10, 7_000, 9_000)
    assert backlogs.begin(QUIET, 10) == 6_999


def test_what_lies_outside_is_looked_through() -> None:
    backlogs: Backlogs[None] = Backlogs(Rows(1).between)
    backlogs.found(QUIET, 100, None, 200)
    assert backlogs.begin(QUIET, 99) == 99
    assert backlogs.begin(QUIET, 201) == 201
    backlogs.found(QUIET, 300, None, 400)
    assert (backlogs.begin(QUIET, 150), backlogs.begin(QUIET, 300)) == (150, 400)


def test_a_journal_that_was_emptied_says_nothing_new() -> None:
    backlogs: Backlogs[None] = Backlogs(Rows(1).between)
    backlogs.found(QUIET, 100, None, 200)
    backlogs.found(QUIET, 100, None, 0)
    assert backlogs.begin(QUIET, 100) == 200


def test_of_a_large_count_only_what_changed_is_counted() -> None:
    rows = Rows(2)
    backlogs: Backlogs[None] = Backlogs(rows.between)
    newest = 20 * RECOUNT_BELOW
    assert backlogs.count(None, OTHER, 0, 1, newest) == newest // 2
    rows.looked_through = 0
    assert backlogs.count(None, OTHER, 100, 1, newest + 50) == (newest + 50 - 100) // 2
    assert rows.looked_through == 150

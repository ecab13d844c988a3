"""Copies the journal by position, in blocks of one transaction each. Positions do not change, because the whole record
refers to them. A block also brings the de-duplication data of its messages."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from hubwire.backends.moving.rows import Digest, digest_of, write_rows
from hubwire.backends.moving.tables import JOURNAL, both_sides
from hubwire.backends.postgres.arrays import UUID, pack_bytes, pack_int8
from hubwire.backends.postgres.journal import digests_of
from hubwire.backends.postgres.pool import Db
from hubwire.message import Entry

BLOCK_POSITIONS = 20_000

Report = Callable[[int, int], None]
"""Receives the progress after each block: the copied position, and the last one to copy."""


class JournalCopy:
    """Copies from a file that may still grow, to a journal that nobody else writes to.

    Shape: the target remembers the ids of messages of the last `window_ms` before the newest message.
    """

    def __init__(self, source: sqlite3.Connection, target: Db, window_ms: int) -> None:
        self._source = source
        self._target = target
        self._window_ms = window_ms
        self._table = both_sides(source, target, JOURNAL)

    def ends(self) -> tuple[int, int]:
        """The first position in the source, and the last one that it ever assigned."""
        sequence = self._source.execute("SELECT seq FROM sqlite_sequence WHERE name = 'journal'").fetchone()
        last = sequence[0] if sequence else 0
        first = self._source.execute("SELECT min(position) FROM journal").fetchone()[0]
        return first or last + 1, last

    def behind(self) -> int:
        """The number of positions that are not copied yet."""
        return self.ends()[1] - self._copied_through()

    def begin(self, origin: bytes) -> None:
        """Claim the target, in the current transaction; its partitions begin where the source begins."""
        before = self.ends()[0] - 1
        self._target.execute("INSERT INTO move (origin, copied_through) VALUES (%s, %s)", (origin, before))
        self._target.execute("UPDATE journal_state SET partitioned_through = %s", (before,))

    def copy(self, report: Report) -> int:
        """Copy the messages behind the last block, up to the newest one; returns how many."""
        copied, (first, last) = 0, self.ends()
        after = max(self._copied_through(), first - 1)
        self._target.execute("UPDATE move SET copied_through = %s", (after,))
        while after < last:
            through = min(after + BLOCK_POSITIONS, last)
            with self._target.transaction():
                copied += self._put(after, through)
                self._target.execute("UPDATE move SET copied_through = %s", (through,))
            after = through
            report(through, last)
        return copied

    def compare(self, report: Report) -> tuple[Digest, Digest]:
        """The digests of both sides, read in full. First, a block that differs is copied again, because a message that
        was redacted since has another body. Messages that retention removed since are removed from the target too."""
        here, there, (first, last) = Digest(), Digest(), self.ends()
        self._target.execute(f"DELETE FROM journal WHERE NOT ({_between(first - 1, last)})")
        for after in range(first - 1, last, BLOCK_POSITIONS):
            through = min(after + BLOCK_POSITIONS, last)
            of_source, of_target = self._digests(after, through)
            if of_source != of_target:
                with self._target.transaction():
                    self._target.execute(f"DELETE FROM journal WHERE {_between(after, through)}")
                    self._put(after, through)
                of_source, of_target = self._digests(after, through)
            here.add(of_source)
            there.add(of_target)
            report(through, last)
        return here, there

    def go_on(self) -> None:
        """Let the target assign positions where the source stopped, in the current transaction. The target has the ids
        of the window; they begin to age with the first append."""
        last = self.ends()[1]
        if last:
            self._target.execute("SELECT setval('journal_position', %s)", (last,))
            self._target.execute("INSERT INTO journal_mark (journal) VALUES ('postgres') ON CONFLICT DO NOTHING")

    def _copied_through(self) -> int:
        row = self._target.execute("SELECT copied_through FROM move").fetchone()
        assert row is not None
        return int(row[0])

    def _oldest_known_ms(self) -> int:
        newest = self._source.execute("SELECT received_at_ms FROM journal ORDER BY position DESC LIMIT 1").fetchone()
        return int(newest[0]) - self._window_ms if newest else 0

    def _digests(self, after: int, through: int) -> tuple[Digest, Digest]:
        where = _between(after, through)
        return digest_of(self._table.here(self._source, where)), digest_of(self._table.there(self._target, where))

    def _put(self, after: int, through: int) -> int:
        """Copy a block, in the current transaction; returns the number of its messages."""
        where, digest = _between(after, through), Digest()
        begun = self._source.execute(f"SELECT min(received_at_ms) FROM journal WHERE {where}").fetchone()[0]
        if begun is not None:
            self._target.execute("SELECT journal_partition_through(%s, %s)", (through, begun))
        write_rows(self._target, JOURNAL, self._table.columns, digest.counted(self._table.here(self._source, where)))
        self._remember(where)
        return digest.rows

    def _remember(self, where: str) -> None:
        """Add the ids of a block to de-duplication, if they are within its window."""
        rows = self._source.execute(
            f"SELECT source_id, message_id, received_at_ms FROM journal WHERE {where} AND received_at_ms >= ?",
            (self._oldest_known_ms(),),
        )
        entries = [Entry(source_id, message_id, at_ms, b"") for source_id, message_id, at_ms in rows]
        self._target.execute(
            "INSERT INTO journal_seen (half, digest, at_ms)"
            " SELECT 0, digest, max(at_ms) FROM unnest(%b::uuid[], %b::bigint[]) AS one (digest, at_ms) GROUP BY digest"
            " ON CONFLICT (digest, half) DO UPDATE SET at_ms = greatest(journal_seen.at_ms, excluded.at_ms)",
            (pack_bytes(digests_of(entries), UUID), pack_int8([entry.received_at_ms for entry in entries])),
        )


def _between(after: int, through: int) -> str:
    return f"position > {after} AND position <= {through}"

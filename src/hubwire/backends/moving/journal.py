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
"""Told after each block: how far, and how far there is to go."""


class JournalCopy:
    """Copies from a file that may still grow, to a journal that nobody else writes to.

    Shape: ids of messages of the last `window_ms` before the newest one are remembered on the other side.
    """

    def __init__(self, source: sqlite3.Connection, target: Db, window_ms: int) -> None:
        self._source = source
        self._target = target
        self._window_ms = window_ms
        self._table = both_sides(source, target, JOURNAL)

    def ends(self) -> tuple[int, int]:
        """The first position that the source has, and the last one that it ever gave out."""
        sequence = self._source.execute("SELECT seq FROM sqlite_sequence WHERE name = 'journal'").fetchone()
        last = sequence[0] if sequence else 0
        first = self._source.execute("SELECT min(position) FROM journal").fetchone()[0]
        return first or last + 1, last

    def behind(self) -> int:
        """The number of positions that are not copied yet."""
        return self.ends()[1] - self._copied_through()

    def begin(self, origin: bytes) -> None:
        """Claim the target, in the transaction at hand; its partitions begin where the source does."""
        before = self.ends()[0] - 1
        self._target.execute("INSERT INTO move (origin, copied_through) VALUES (%s, %s)", (origin, before))
        self._target.execute("UPDATE journal_state SET partitioned_through = %s", (before,))

    def copy(self, report: Report) -> int:
        """Copy what lies behind the last block, up to what is there now; how many messages that were."""
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
        """The digests of both sides, read in full. A block that differs is copied anew before: what was forgotten
        since has another body now. What retention has removed since goes."""
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
        """Let the target give out positions where the source stopped, in the transaction at hand. The ids of the window
        are there; with the first append they begin to age."""
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
        """Copy a block, in the transaction at hand; how many messages it has."""
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

"""How many messages a lane has before it: exact, and cheap to ask again and again."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence

RECOUNT_BELOW = 100_000


class Backlogs:
    """Counts behind a position, exact. Asked again, only what came and went since is counted."""

    def __init__(self) -> None:
        self._known: dict[tuple[tuple[int, ...] | None, bool], tuple[int, int, int]] = {}
        self._lock = threading.Lock()

    def count(
        self, db: sqlite3.Connection, after: int, source_ids: Sequence[int] | None, is_backfill: bool
    ) -> tuple[int, int | None]:
        stream = (None if source_ids is None else tuple(sorted(source_ids)), is_backfill)
        sources, parameters = source_filter(stream[0])
        of_stream = f"FROM journal INDEXED BY journal_stream WHERE is_backfill = ? AND rejected IS NULL{sources}"

        def between(low: int, high: int) -> int:
            found = db.execute(
                f"SELECT count(*) {of_stream} AND position > ? AND position <= ?",
                (is_backfill, *parameters, low, high),
            )
            return int(found.fetchone()[0])

        first = db.execute(
            f"SELECT position, received_at_ms {of_stream} AND position > ? ORDER BY position LIMIT 1",
            (is_backfill, *parameters, after),
        ).fetchone()
        oldest, through = db.execute(
            "SELECT (SELECT min(position) FROM journal), (SELECT max(position) FROM journal)"
        ).fetchone()
        if first is None or through is None:
            return 0, None
        with self._lock:
            known = self._known.get(stream)
        # A large count is carried forward; a small one is cheap to take anew, which also heals what `forget` removed.
        is_carried = known is not None and known[0] <= after <= known[1] <= through and oldest <= known[0] + 1
        if known is not None and is_carried and known[2] > RECOUNT_BELOW:
            count = known[2] - between(known[0], after) + between(known[1], through)
        else:
            count = between(after, through)
        with self._lock:
            self._known[stream] = (after, through, count)
        return count, first[1]


def source_filter(source_ids: Sequence[int] | None) -> tuple[str, tuple[int, ...]]:
    """The SQL condition and its parameters for these sources; None is all."""
    if source_ids is None:
        return "", ()
    # No source at all is a filter as well: NULL equals nothing.
    return f" AND source_id IN ({', '.join('?' * len(source_ids)) or 'NULL'})", tuple(source_ids)

"""Export of messages, one per line, as their senders sent them, for `hubwire import` and `hubwire plan`.

The fields of the upload are merged into each message. Messages of deleted people are empty and cannot be exported.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from hubwire.decoding import merged
from hubwire.journal.protocol import Journal
from hubwire.message import JournalRow
from hubwire.reasons import Reason
from hubwire.record.message_filter import MessageFilter
from hubwire.record.queries import Queries

PAGE_MESSAGES = 500
MAX_MESSAGES = 100_000

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def exported(queries: Queries, journal: Journal, message_filter: MessageFilter) -> Iterator[bytes]:
    """Pages of lines, newest first, at most `message_filter.limit` messages. Blocks while it reads a page."""
    left, before = message_filter.limit, message_filter.before
    while left > 0:
        page = msgspec.structs.replace(message_filter, before=before, limit=min(left, PAGE_MESSAGES))
        positions = [summary.position for summary in queries.messages(page)]
        rows = journal.read_at(positions)
        yield b"".join(
            _encode(as_sent(rows[position])) + b"\n"
            for position in positions
            if position in rows and rows[position].rejected != Reason.SUPPRESSED
        )
        if len(positions) < page.limit:
            return
        left, before = left - len(positions), positions[-1]


def as_sent(row: JournalRow) -> dict[str, Any]:
    """A full message, with its id and its time of receipt. Errors: none for rows that the receiver wrote."""
    fields = merged(_decode(row.body), _decode(row.envelope) if row.envelope else None)
    received_at = datetime.fromtimestamp(row.received_at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return {**fields, "messageId": row.message_id, "receivedAt": received_at.replace("+00:00", "Z")}

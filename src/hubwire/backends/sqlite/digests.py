"""Message ids as 8-byte digests under the file's own key. De-duplication and `find` compare digests instead of ids.

Blocks of some thousand consecutive positions store them (`journal_block`), at 8 bytes a message and without a b-tree.
"""

from __future__ import annotations

import hashlib
import sqlite3
from array import array
from collections.abc import Iterator, Sequence

DIGEST_BYTES = 8


def digests_of(message_ids: Sequence[str], key: bytes) -> bytes:
    """The 8-byte keyed digests of message ids, one after another."""
    keyed = hashlib.blake2b(digest_size=DIGEST_BYTES, key=key).copy
    digests = []
    for message_id in message_ids:
        digest = keyed()
        digest.update(message_id.encode("utf-8", "surrogatepass"))
        digests.append(digest.digest())
    return b"".join(digests)


def keys_of(digests: bytes) -> array[int]:
    keys = array("Q")
    keys.frombytes(digests)
    return keys


def positions_of(db: sqlite3.Connection, message_id: str) -> Iterator[int]:
    """Positions whose digest matches the message id, and positions in no block yet that have the id."""
    key = db.execute("SELECT digest_key FROM journal_key").fetchone()[0]
    digest = digests_of([message_id], key)
    last = 0
    for first, last_position, digests in db.execute(
        "SELECT first_position, last_position, digests FROM journal_block ORDER BY first_position"
    ):
        last = last_position
        at = digests.find(digest)
        while at >= 0:
            if at % DIGEST_BYTES == 0:
                yield first + at // DIGEST_BYTES
            at = digests.find(digest, at + 1)
    yield from (
        position
        for (position,) in db.execute(
            "SELECT position FROM journal WHERE position > ? AND message_id = ?", (last, message_id)
        )
    )

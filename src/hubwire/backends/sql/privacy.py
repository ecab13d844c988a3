"""Forgetting people on SQLite: what leads to them, what is kept of them, and who must not come back."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Collection, Iterable, Sequence

import msgspec

from hubwire.backends.sqlite.connection import SqliteFile
from hubwire.backends.sql.regulations import SqlRegulations
from hubwire.operation import hold_key
from hubwire.record.privacy import Erased, KeptAttempt, Trail

_json = msgspec.json.Encoder().encode

ARCHIVE_ONE = (
    "INSERT INTO archived (destination_id, state, message_count) VALUES (?, ?, ?)"
    " ON CONFLICT DO UPDATE SET message_count = message_count + excluded.message_count"
)
_WORDS = (
    ("delivery", "destination_id, position", "detail"),
    ("lane", "destination_id", "stopped_detail"),
    ("audit", "audit_id", "detail"),
    ("replay", "replay_id", "wanted"),
)
"""Tables, their keys, and the columns that hold words."""


class SqlPrivacy(SqlRegulations):
    """A `PrivacyStore` in one SQLite file."""

    def __init__(self, file: SqliteFile) -> None:
        super().__init__(file)

    # -- who it is

    def trail(self, emails: Iterable[str], keys: Iterable[tuple[str, str]]) -> Trail:
        db = self._file.connection
        found = Trail(emails=set(emails), keys=set(keys))
        seen_emails: set[str] = set()
        seen_keys: set[tuple[str, str]] = set()
        while fresh := (found.emails - seen_emails, found.keys - seen_keys):
            if not any(fresh):
                break
            seen_emails |= fresh[0]
            seen_keys |= fresh[1]
            for email in fresh[0]:
                found.keys.update(db.execute("SELECT space, link_key FROM link WHERE target = ?", (email,)))
            for space, key in fresh[1]:
                _follow(db, space, key, found)
        found.keys = {(space, key) for space, key in found.keys if not key.startswith("g:")}
        rows = db.execute(
            "SELECT contact_id FROM person WHERE contact_id IS NOT NULL AND destination_id IN"
            " (SELECT destination_id FROM lane) AND email IN (SELECT value FROM json_each(?))",
            (_json(sorted(found.emails)).decode(),),
        )
        found.contact_ids = {contact_id for (contact_id,) in rows}
        return found

    # -- what is kept

    def erase(self, trail: Trail, positions: Sequence[int], now_ms: int) -> Erased:
        erased = Erased()
        with self._file.erasing() as db:
            for position in positions:
                erased.deliveries += _erase_deliveries(db, position)
            for space, key in trail.keys:
                erased.links += db.execute("DELETE FROM link WHERE space = ? AND link_key = ?", (space, key)).rowcount
                db.execute("DELETE FROM hold WHERE hold_key = ?", (hold_key(space, key),))
            lanes = [row[0] for row in db.execute("SELECT destination_id FROM lane").fetchall()]
            for email in trail.emails:
                erased.links += db.execute("DELETE FROM link WHERE target = ?", (email,)).rowcount
                for lane in lanes:
                    one = (lane, email)
                    erased.people += db.execute(
                        "DELETE FROM person WHERE destination_id = ? AND email = ?", one
                    ).rowcount
                    erased.associations += db.execute(
                        "DELETE FROM association WHERE destination_id = ? AND email = ?", one
                    ).rowcount
        return erased

    def attempts_after(self, attempt_id: int, limit: int) -> list[KeptAttempt]:
        rows = self._file.connection.execute(
            "SELECT attempt_id, request, response FROM attempt WHERE attempt_id > ? ORDER BY attempt_id LIMIT ?",
            (attempt_id, limit),
        )
        return [
            KeptAttempt(one, zlib.decompress(request), zlib.decompress(response)) for one, request, response in rows
        ]

    def rewrite_attempts(self, attempts: Sequence[KeptAttempt]) -> None:
        with self._file.erasing() as db:
            db.executemany(
                "UPDATE attempt SET request = ?, response = ? WHERE attempt_id = ?",
                [(zlib.compress(one.request, 1), zlib.compress(one.response, 1), one.attempt_id) for one in attempts],
            )

    def scrub_words(self, needles: Collection[str], mark: str) -> int:
        changed = 0
        with self._file.erasing() as db:
            for table, keys, column in _WORDS:
                for needle in needles:
                    changed += _scrub(db, table, keys, column, needle, mark)
        return changed

    def open_cycles(self, now_ms: int) -> set[int]:
        rows = self._file.connection.execute(
            "SELECT open_cycle_id FROM lane WHERE open_cycle_id IS NOT NULL AND lease_owner IS NOT NULL"
            " AND lease_expires_at_ms > ?",
            (now_ms,),
        )
        return {cycle_id for (cycle_id,) in rows}

    def finish_erasing(self) -> bool:
        return self._file.empty_log()


def _follow(db: sqlite3.Connection, space: str, key: str, found: Trail) -> None:
    """Where a key leads, and the keys that lead to it."""
    row = db.execute("SELECT target FROM link WHERE space = ? AND link_key = ?", (space, key)).fetchone()
    if row is not None:
        if row[0].startswith("@"):
            found.keys.add((space, row[0][1:]))
        elif not key.startswith("g:"):
            found.emails.add(row[0])
    found.keys.update(db.execute("SELECT space, link_key FROM link WHERE target = ? AND space = ?", (f"@{key}", space)))


def _erase_deliveries(db: sqlite3.Connection, position: int) -> int:
    gone = db.execute(
        "DELETE FROM delivery WHERE destination_id IN (SELECT destination_id FROM lane) AND position = ?"
        " AND state <> 'leased' RETURNING destination_id, state",
        (position,),
    ).fetchall()
    for destination_id, state in gone:
        db.execute(ARCHIVE_ONE, (destination_id, state if state in ("delivered", "dead") else "discarded", 1))
        db.execute("DELETE FROM hold WHERE destination_id = ? AND position = ?", (destination_id, position))
    return len(gone)


def _scrub(db: sqlite3.Connection, table: str, keys: str, column: str, needle: str, mark: str) -> int:
    """Replace a word in one column. SQLite's `lower` knows ASCII only, as e-mail addresses mostly are."""
    names = keys.split(", ")
    rows = db.execute(
        f"SELECT {keys}, {column} FROM {table}"  # noqa: S608 - names of `_WORDS`
        f" WHERE {column} <> '' AND instr(lower(CAST({column} AS TEXT)), ?) > 0",
        (needle.lower(),),
    ).fetchall()
    where = " AND ".join(f"{name} = ?" for name in names)
    for *key, words in rows:
        text = words.decode() if isinstance(words, bytes) else words
        scrubbed = replaced(text, needle, mark)
        value = scrubbed.encode() if isinstance(words, bytes) else scrubbed
        db.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (value, *key))  # noqa: S608 - as above
    return len(rows)


def replaced(text: str, needle: str, mark: str) -> str:
    """The text with every occurrence of a word replaced, in any case."""
    low, needle = text.lower(), needle.lower()
    if len(low) != len(text):  # a letter whose lower case is longer: positions do not fit any more
        return low.replace(needle, mark)
    parts: list[str] = []
    start = 0
    while (at := low.find(needle, start)) >= 0:
        parts += (text[start:at], mark)
        start = at + len(needle)
    return "".join([*parts, text[start:]])

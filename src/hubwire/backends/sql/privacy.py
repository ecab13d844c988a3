"""Deletes people: finds their ids, removes their data, and stores suppressions."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import msgspec

from hubwire.backends.sql.database import Database, Session
from hubwire.backends.sql.marketing import erase_marketing
from hubwire.backends.sql.objects import erase_objects, records_about
from hubwire.backends.sql.record_tables import table_of
from hubwire.backends.sql.regulations import SqlRegulations
from hubwire.delivery import FINAL, State
from hubwire.operation import RecordRef, hold_key, record_hold_key, space_of_person
from hubwire.reasons import Reason
from hubwire.record.privacy import Erased, KeptAttempt, Trail
from hubwire.record.protocol import ConfirmedValue

_json = msgspec.json.Encoder().encode
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(dict[str, ConfirmedValue]).decode

ARCHIVE_ONE = (
    "INSERT INTO archived (destination_id, state, message_count) VALUES (?, ?, ?)"
    " ON CONFLICT (destination_id, state) DO UPDATE SET message_count = archived.message_count + excluded.message_count"
)


class Words(NamedTuple):
    """A column that holds text: plain text, or JSON as bytes."""

    table: str
    keys: tuple[str, ...]
    column: str
    is_json: bool = False


_WORDS = (
    Words("delivery", ("destination_id", "position"), "detail"),
    Words("lane", ("destination_id",), "stopped_detail"),
    Words("audit", ("audit_id",), "detail"),
    Words("replay", ("replay_id",), "wanted", is_json=True),
)


class SqlPrivacy(SqlRegulations):
    """A `PrivacyStore` in one database."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)

    # -- who it is

    def trail(self, emails: Iterable[str], keys: Iterable[tuple[str, str]]) -> Trail:
        db = self._database.connection
        trail = Trail(emails=set(emails), keys=set(keys))
        seen_emails: set[str] = set()
        seen_keys: set[tuple[str, str]] = set()
        while fresh := (trail.emails - seen_emails, trail.keys - seen_keys):
            if not any(fresh):
                break
            seen_emails |= fresh[0]
            seen_keys |= fresh[1]
            for email in fresh[0]:
                trail.keys.update(db.execute("SELECT space, link_key FROM link WHERE target = ?", (email,)))
            for space, key in fresh[1]:
                _follow(db, space, key, trail)
        trail.keys = {(space, key) for space, key in trail.keys if not key.startswith(("g:", "i:"))}
        rows = db.execute(
            "SELECT contact_id FROM person WHERE contact_id IS NOT NULL AND destination_id IN"
            " (SELECT destination_id FROM lane) AND email IN (SELECT value FROM json_each(?))",
            (_json(sorted(trail.emails)).decode(),),
        )
        trail.contact_ids = {contact_id for (contact_id,) in rows}
        return trail

    # -- what is kept

    def erase(self, trail: Trail, positions: Sequence[int], now_ms: int) -> Erased:
        erased = Erased()
        lanes = [row[0] for row in self._database.connection.execute("SELECT destination_id FROM lane").fetchall()]
        # Before the transaction: this reads every remembered record.
        about = {lane: records_about(self._database.connection, lane, trail.emails) for lane in lanes}
        with self._database.erasing() as db:
            for position in sorted(positions):
                erased.deliveries += _erase_deliveries(db, position)
            for space, key in trail.keys:
                for one_key in _with_inherited(key):
                    where = (space, one_key)
                    erased.links += db.execute("DELETE FROM link WHERE space = ? AND link_key = ?", where).rowcount
                    db.execute("DELETE FROM hold WHERE hold_key = ?", (hold_key(space, one_key),))
                erased.links += _erase_traits(db, space_of_person(space, key))
            for email in trail.emails:
                erased.links += db.execute("DELETE FROM link WHERE target = ?", (email,)).rowcount
                for space in _spaces_with_traits(db, f"e:{email}"):
                    erased.links += _erase_traits(db, space)
            user_ids = {key[2:] for _, key in trail.keys if key.startswith("u:")}
            for lane in lanes:
                keys = trail.emails | _known_by_id(db, lane, user_ids)
                erased.marketing += erase_marketing(db, lane, keys)
                records, associations = erase_objects(db, lane, keys, about[lane])
                erased.records += records
                erased.associations += associations
                for email in keys:
                    person = (lane, email)
                    waiting = record_hold_key(lane, RecordRef("contact", email))
                    db.execute("DELETE FROM hold WHERE hold_key = ?", (waiting,))
                    erased.people += db.execute(
                        "DELETE FROM person WHERE destination_id = ? AND email = ?", person
                    ).rowcount
                    erased.associations += db.execute(
                        "DELETE FROM association WHERE destination_id = ? AND email = ?", person
                    ).rowcount
        return erased

    def forget_links(self, keys: Iterable[tuple[str, str]]) -> int:
        count = 0
        with self._database.erasing() as db:
            for where in keys:
                count += db.execute("DELETE FROM link WHERE space = ? AND link_key = ?", where).rowcount
        return count

    def forget_values(self, records: Iterable[tuple[int, str, str]], names: Collection[str]) -> int:
        count = 0
        with self._database.erasing() as db:
            for destination_id, kind, key in records:
                table = table_of(kind)
                where = f"WHERE {table.of_kind} AND {table.key} = ?"
                record = (*table.in_destination(destination_id), key)
                row = db.execute(f"SELECT properties FROM {table.name} {where}", record).fetchone()
                if row is None:
                    continue
                values = _unpack(row[0])
                kept = {name: value for name, value in values.items() if name not in names}
                count += len(values) - len(kept)
                db.execute(f"UPDATE {table.name} SET properties = ? {where}", (_pack(kept), *record))
        return count

    def met(self, limit: int) -> list[int]:
        rows = self._database.connection.execute(
            "SELECT DISTINCT position FROM delivery WHERE destination_id IN (SELECT destination_id FROM lane)"
            " AND state = ? AND reason = ? ORDER BY position LIMIT ?",
            (State.DISCARDED, Reason.SUPPRESSED, limit),
        )
        return [position for (position,) in rows]

    def attempts_after(self, attempt_id: int, limit: int) -> list[KeptAttempt]:
        rows = self._database.connection.execute(
            "SELECT attempt_id, request, response FROM attempt WHERE attempt_id > ? ORDER BY attempt_id LIMIT ?",
            (attempt_id, limit),
        )
        return [
            KeptAttempt(attempt_id, zlib.decompress(request), zlib.decompress(response))
            for attempt_id, request, response in rows
        ]

    def rewrite_attempts(self, attempts: Sequence[KeptAttempt]) -> None:
        with self._database.erasing() as db:
            db.executemany(
                "UPDATE attempt SET request = ?, response = ? WHERE attempt_id = ?",
                [
                    (zlib.compress(attempt.request, 1), zlib.compress(attempt.response, 1), attempt.attempt_id)
                    for attempt in attempts
                ],
            )

    def scrub_words(self, needles: Collection[str], mark: str) -> int:
        changed = 0
        with self._database.erasing() as db:
            for words in _WORDS:
                for needle in needles:
                    changed += _scrub(db, words, needle, mark)
        return changed

    def open_cycles(self, now_ms: int) -> set[int]:
        rows = self._database.connection.execute(
            "SELECT open_cycle_id FROM lane WHERE open_cycle_id IS NOT NULL AND lease_owner IS NOT NULL"
            " AND lease_expires_at_ms > ?",
            (now_ms,),
        )
        return {cycle_id for (cycle_id,) in rows}

    def finish_erasing(self) -> bool:
        return self._database.finish_erasing()


def _known_by_id(db: Session, lane: int, user_ids: Collection[str]) -> set[str]:
    """The keys of contacts that a destination knows by a user id (`user_id:U7`) instead of the e-mail."""
    found: set[str] = set()
    for user_id in user_ids:
        escaped = _escaped(user_id)
        query = "SELECT email FROM person WHERE destination_id = ? AND email LIKE ? ESCAPE '\\'"
        keys = [key for (key,) in db.execute(query, (lane, f"%:{escaped}")).fetchall()]
        # LIKE takes small and large letters for the same in SQLite.
        found |= {key for key in keys if key.partition(":")[2] == user_id}
    return found


def _erase_traits(db: Session, space: str) -> int:
    """Remove what rules remember of a person under one id."""
    return db.execute("DELETE FROM link WHERE space = ?", (space,)).rowcount


def _spaces_with_traits(db: Session, person: str) -> list[str]:
    """The spaces of a person's traits, in all identity spaces."""
    query = "SELECT DISTINCT space FROM link WHERE space LIKE ? ESCAPE '\\'"
    return [space for (space,) in db.execute(query, (space_of_person("%", _escaped(person)),)).fetchall()]


def _escaped(text: str) -> str:
    """A text for LIKE."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _with_inherited(key: str) -> tuple[str, ...]:
    """A key, and the key under which a user inherits an e-mail from another id."""
    return (key, f"i:{key[2:]}") if key.startswith("u:") else (key,)


def _follow(db: Session, space: str, key: str, trail: Trail) -> None:
    """The target of a key, and the keys that lead to it."""
    if key.startswith("i:"):
        trail.keys.add((space, f"u:{key[2:]}"))
    elif key.startswith("u:"):
        trail.keys.update((space, inherited) for inherited in _with_inherited(key))
    row = db.execute("SELECT target FROM link WHERE space = ? AND link_key = ?", (space, key)).fetchone()
    if row is not None:
        if row[0].startswith("@"):
            trail.keys.add((space, row[0][1:]))
        elif not key.startswith("g:"):
            trail.emails.add(row[0])
    trail.keys.update(db.execute("SELECT space, link_key FROM link WHERE target = ? AND space = ?", (f"@{key}", space)))


def _erase_deliveries(db: Session, position: int) -> int:
    gone = db.execute(
        "DELETE FROM delivery WHERE destination_id IN (SELECT destination_id FROM lane) AND position = ?"
        " AND state <> ? RETURNING destination_id, state",
        (position, State.LEASED),
    ).fetchall()
    for destination_id, state in gone:
        db.execute(ARCHIVE_ONE, (destination_id, state if state in FINAL else State.DISCARDED, 1))
        db.execute("DELETE FROM hold WHERE destination_id = ? AND position = ?", (destination_id, position))
    return len(gone)


def _scrub(db: Session, words: Words, needle: str, mark: str) -> int:
    """Replace a word in one column; returns how many rows changed. It searches all JSON, because those tables are
    small."""
    keys, column = words.keys, words.column
    where = "" if words.is_json else f" WHERE instr(lower({column}), ?) > 0"
    rows = db.execute(
        f"SELECT {', '.join(keys)}, {column} FROM {words.table}{where}",
        () if words.is_json else (needle.lower(),),
    ).fetchall()
    changed = 0
    for *key, stored in rows:
        text = stored.decode() if words.is_json else stored
        scrubbed = replaced(text, needle, mark)
        if scrubbed != text:
            db.execute(
                f"UPDATE {words.table} SET {column} = ? WHERE {' AND '.join(f'{name} = ?' for name in keys)}",
                (scrubbed.encode() if words.is_json else scrubbed, *key),
            )
            changed += 1
    return changed


def replaced(text: str, needle: str, mark: str) -> str:
    """The text with every occurrence of a word replaced, in any case."""
    low, needle = text.lower(), needle.lower()
    if len(low) != len(text):  # a letter with a longer lower case shifts the positions
        return low.replace(needle, mark)
    parts: list[str] = []
    start = 0
    while (at := low.find(needle, start)) >= 0:
        parts += (text[start:at], mark)
        start = at + len(needle)
    return "".join([*parts, text[start:]])

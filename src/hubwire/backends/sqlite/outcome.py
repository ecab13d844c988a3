"""Writes the results of a cycle in one transaction with the lane's cursors: links, outcomes, holds, memory,
attempts."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from hubwire.backends.sql.lanes import close_cycle, write_attempts
from hubwire.backends.sql.marketing import write_marketing
from hubwire.backends.sql.objects import write_objects
from hubwire.delivery import IllegalMove, Move, State, moved
from hubwire.operation import hold_key, record_hold_key
from hubwire.record.protocol import CycleOutcome, Settled

_pack = msgspec.msgpack.Encoder().encode
_json = msgspec.json.Encoder().encode


def write_outcome(db: sqlite3.Connection, destination_id: int, outcome: CycleOutcome) -> int:
    """Write the results of a cycle; returns how many held deliveries its links and records released."""
    released = _write_links(db, outcome) + _write_fates(db, destination_id, outcome)
    _write_memory(db, destination_id, outcome)
    if outcome.has_objects:
        write_objects(db, destination_id, outcome)
    if outcome.has_marketing:
        write_marketing(db, destination_id, outcome)
    write_attempts(db, destination_id, outcome.cycle_id, outcome.attempts)
    close_cycle(db, destination_id, outcome)
    if outcome.found:
        keys = [record_hold_key(destination_id, ref) for ref in outcome.found]
        released += _release_holds(db, outcome.ended_at_ms, keys)
    return released


def _write_links(db: sqlite3.Connection, outcome: CycleOutcome) -> int:
    if not outcome.links:
        return 0
    now_ms = outcome.ended_at_ms
    db.executemany(
        "INSERT INTO link (space, link_key, target, strength, at_ms, linked_at_ms) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET target = excluded.target, strength = excluded.strength, at_ms = excluded.at_ms,"
        " linked_at_ms = excluded.linked_at_ms"
        " WHERE (excluded.strength, excluded.at_ms, excluded.target) > (strength, at_ms, target)",
        [(*link, now_ms) for link in outcome.links],
    )
    return _release_holds(db, now_ms, [hold_key(link.space, link.key) for link in outcome.links])


def _release_holds(db: sqlite3.Connection, now_ms: int, keys: Sequence[str]) -> int:
    """Make the messages held for these keys pending, at every destination; returns how many."""
    released = db.execute(
        "DELETE FROM hold WHERE (destination_id, position) IN (SELECT destination_id, position FROM hold"
        " WHERE hold_key IN (SELECT value FROM json_each(?))) RETURNING destination_id, position",
        (_json(keys).decode(),),
    ).fetchall()
    pending = moved(State.HELD, Move.RELEASE)
    return db.executemany(
        "UPDATE delivery SET state = ?, due_at_ms = 0, updated_at_ms = ?"
        " WHERE destination_id = ? AND position = ? AND state = ?",
        [(pending, now_ms, destination_id, position, State.HELD) for destination_id, position in set(released)],
    ).rowcount


def _write_fates(db: sqlite3.Connection, destination_id: int, outcome: CycleOutcome) -> int:
    """Write the new states. Raises IllegalMove, and writes nothing, if an existing row was not leased by this cycle."""
    now_ms = outcome.ended_at_ms
    written = db.executemany(
        "INSERT INTO delivery (destination_id, position, state, reason, detail, left_out, attempts,"
        " first_attempt_at_ms, due_at_ms, is_replay, cycle_id, updated_at_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)"
        " ON CONFLICT DO UPDATE SET state = excluded.state, reason = excluded.reason, detail = excluded.detail,"
        " left_out = excluded.left_out, attempts = excluded.attempts, due_at_ms = excluded.due_at_ms,"
        " first_attempt_at_ms = coalesce(first_attempt_at_ms, excluded.first_attempt_at_ms),"
        " cycle_id = excluded.cycle_id, updated_at_ms = excluded.updated_at_ms WHERE state = ?",
        [(*_fate(destination_id, settled, outcome.cycle_id, now_ms), State.LEASED) for settled in outcome.settled],
    ).rowcount
    if outcome.settled and written < len(outcome.settled):
        raise IllegalMove(
            f"cycle {outcome.cycle_id}: {len(outcome.settled) - written} of its deliveries are not leased"
        )
    db.executemany(
        "DELETE FROM delivery WHERE destination_id = ? AND position = ? AND state = ? AND is_replay = 0",
        [(destination_id, position, State.LEASED) for position in outcome.finished],
    )
    delivered = moved(State.LEASED, Move.SUCCEED)
    db.executemany(
        "UPDATE delivery SET state = ?, reason = NULL, detail = '', left_out = NULL, due_at_ms = NULL,"
        " cycle_id = ?, updated_at_ms = ? WHERE destination_id = ? AND position = ? AND state = ?",
        [
            (delivered, outcome.cycle_id, now_ms, destination_id, position, State.LEASED)
            for position in outcome.finished
        ],
    )
    held = [settled for settled in outcome.settled if settled.state is State.HELD]
    return _write_holds(db, destination_id, held, outcome.cycle_id, now_ms) if held else 0


def _fate(destination_id: int, settled: Settled, cycle_id: int, now_ms: int) -> tuple[object, ...]:
    return (
        destination_id,
        settled.position,
        settled.state,
        settled.reason,
        settled.detail,
        settled.left_out,
        settled.attempts,
        settled.first_attempt_at_ms,
        settled.due_at_ms,
        cycle_id,
        now_ms,
    )


def _write_holds(
    db: sqlite3.Connection, destination_id: int, held: Sequence[Settled], cycle_id: int, now_ms: int
) -> int:
    """Write holds, and release those whose key another lane linked during this cycle; returns how many."""
    db.executemany(
        "INSERT OR IGNORE INTO hold (hold_key, destination_id, position) VALUES (?, ?, ?)",
        [(key, destination_id, settled.position) for settled in held for key in settled.hold_keys],
    )
    begun_at_ms = db.execute("SELECT begun_at_ms FROM cycle WHERE cycle_id = ?", (cycle_id,)).fetchone()[0]
    keys = [key.partition("|") for key in {key for settled in held for key in settled.hold_keys}]
    rows = db.execute(
        "SELECT space, link_key FROM json_each(?) AS wanted CROSS JOIN link"
        " ON space = wanted.value ->> 0 AND link_key = wanted.value ->> 1"
        " WHERE linked_at_ms >= ? AND linked_at_ms <> ?",
        (_json([(space, key) for space, _, key in keys]).decode(), begun_at_ms, now_ms),
    )
    return _release_holds(db, now_ms, [hold_key(space, key) for space, key in rows])


def _write_memory(db: sqlite3.Connection, destination_id: int, outcome: CycleOutcome) -> None:
    db.executemany(
        "INSERT OR REPLACE INTO person (destination_id, email, contact_id, confirmed_at_ms, properties, seen_at_ms,"
        " refused_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            (
                destination_id,
                person.email,
                person.contact_id,
                person.confirmed_at_ms,
                _pack(person.properties),
                person.seen_at_ms,
                person.refused_at_ms,
            )
            for person in outcome.people
        ),
    )
    db.executemany(
        "INSERT OR REPLACE INTO company (destination_id, domain, company_id, confirmed_at_ms, properties, seen_at_ms)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            (
                destination_id,
                company.domain,
                company.company_id,
                company.confirmed_at_ms,
                _pack(company.properties),
                company.seen_at_ms,
            )
            for company in outcome.companies
        ),
    )
    db.executemany(
        "DELETE FROM association WHERE destination_id = ? AND email = ? AND domain = ?",
        [(destination_id, email, domain) for email, domain in outcome.unlinked],
    )
    db.executemany(
        "INSERT OR IGNORE INTO association (destination_id, email, domain) VALUES (?, ?, ?)",
        [(destination_id, email, domain) for email, domain in outcome.associations],
    )

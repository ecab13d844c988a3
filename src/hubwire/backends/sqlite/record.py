"""The record on SQLite: leases, cycles, fates and memory. SQL that one cycle needs, each in one transaction."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from hubwire.backends.sqlite.connection import SqliteFile
from hubwire.delivery import State
from hubwire.errors import LeaseLost
from hubwire.operation import Link, hold_key
from hubwire.record.packing import pack_positions
from hubwire.record.protocol import (
    Attempt,
    Company,
    CycleOutcome,
    Due,
    LaneState,
    Lease,
    Person,
    Settled,
    Span,
)

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(dict[str, tuple[str, int]]).decode
_json = msgspec.json.Encoder().encode


class SqliteRecord:
    """A `Record` in one SQLite file."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    # -- lanes

    def lease_lane(self, destination_id: int, owner: str, now_ms: int, seconds: float) -> Lease | None:
        expires_at_ms = now_ms + round(seconds * 1000)
        with self._file.transaction() as db:
            db.execute("INSERT OR IGNORE INTO lane (destination_id) VALUES (?)", (destination_id,))
            owner_before, expired_at_ms = db.execute(
                "SELECT lease_owner, lease_expires_at_ms FROM lane WHERE destination_id = ?", (destination_id,)
            ).fetchone()
            row = db.execute(
                "UPDATE lane SET lease_owner = ?, lease_token = lease_token + 1, lease_expires_at_ms = ?"
                " WHERE destination_id = ? AND (lease_owner IS NULL OR lease_expires_at_ms <= ?) RETURNING lease_token",
                (owner, expires_at_ms, destination_id, now_ms),
            ).fetchone()
            if row is None:
                return None
            _expire_leased(db, destination_id, now_ms)
        silent_since = expired_at_ms if owner_before is not None else None
        return Lease(destination_id, owner, row[0], expires_at_ms, silent_since)

    def renew(self, lease: Lease, now_ms: int, seconds: float) -> Lease:
        expires_at_ms = now_ms + round(seconds * 1000)
        with self._file.transaction() as db:
            _check(db, lease)
            db.execute(
                "UPDATE lane SET lease_expires_at_ms = ? WHERE destination_id = ?",
                (expires_at_ms, lease.destination_id),
            )
        return msgspec.structs.replace(lease, expires_at_ms=expires_at_ms)

    def release(self, lease: Lease) -> None:
        with self._file.transaction() as db:
            changed = db.execute(
                "UPDATE lane SET lease_owner = NULL, lease_expires_at_ms = 0"
                " WHERE destination_id = ? AND lease_token = ? AND lease_owner = ?",
                (lease.destination_id, lease.token, lease.owner),
            ).rowcount
            if changed:
                _expire_leased(db, lease.destination_id, 0)

    def lane(self, destination_id: int) -> LaneState:
        row = self._file.connection.execute(
            "SELECT live_cursor, backfill_cursor, stopped_reason, stopped_detail, resume_at_ms, status,"
            " coalesce((SELECT attempts FROM cycle WHERE cycle_id = open_cycle_id), 0)"
            " FROM lane WHERE destination_id = ?",
            (destination_id,),
        ).fetchone()
        if row is None:
            return LaneState()
        return LaneState(
            live_cursor=row[0],
            backfill_cursor=row[1],
            stopped_reason=row[2],
            stopped_detail=row[3],
            resume_at_ms=row[4],
            status=row[5] if isinstance(row[5], bytes) else str(row[5]).encode(),
            open_attempts=row[6],
        )

    def stop_lane(self, destination_id: int, reason: str | None, detail: str, resume_at_ms: int | None) -> None:
        with self._file.transaction() as db:
            db.execute("INSERT OR IGNORE INTO lane (destination_id) VALUES (?)", (destination_id,))
            db.execute(
                "UPDATE lane SET stopped_reason = ?, stopped_detail = ?, resume_at_ms = ? WHERE destination_id = ?",
                (reason, detail, resume_at_ms, destination_id),
            )

    # -- a cycle

    def due(self, destination_id: int, now_ms: int, limit: int) -> list[Due]:
        rows = self._file.connection.execute(
            "SELECT position, attempts, first_attempt_at_ms, is_replay FROM delivery"
            " WHERE destination_id = ? AND due_at_ms <= ? ORDER BY due_at_ms, position LIMIT ?",
            (destination_id, now_ms, limit),
        )
        return [Due(position, attempts, first, bool(is_replay)) for position, attempts, first, is_replay in rows]

    def next_due_at_ms(self, destination_id: int) -> int | None:
        row = self._file.connection.execute(
            "SELECT min(due_at_ms) FROM delivery WHERE destination_id = ? AND due_at_ms IS NOT NULL",
            (destination_id,),
        ).fetchone()
        return row[0] if row else None

    def begin_cycle(self, lease: Lease, now_ms: int, span: Span) -> int:
        with self._file.transaction() as db:
            _check(db, lease)
            cycle_id = _open_cycle(db, lease.destination_id, now_ms, span)
            db.executemany(
                "UPDATE delivery SET state = 'leased', due_at_ms = NULL, attempts = attempts + 1, updated_at_ms = ?,"
                " first_attempt_at_ms = coalesce(first_attempt_at_ms, ?) WHERE destination_id = ? AND position = ?",
                [(now_ms, now_ms, lease.destination_id, position) for position in span.due],
            )
        return cycle_id

    def commit_cycle(self, lease: Lease, outcome: CycleOutcome) -> None:
        destination_id = lease.destination_id
        with self._file.transaction() as db:
            _check(db, lease)
            _write_links(db, outcome)
            _write_fates(db, destination_id, outcome)
            _write_memory(db, destination_id, outcome)
            _write_attempts(db, destination_id, outcome.cycle_id, outcome.attempts)
            _close_cycle(db, destination_id, outcome)

    def abandon_cycle(
        self, lease: Lease, cycle_id: int, now_ms: int, resume_at_ms: int, attempts: Sequence[Attempt], status: bytes
    ) -> None:
        with self._file.transaction() as db:
            _check(db, lease)
            _write_attempts(db, lease.destination_id, cycle_id, attempts)
            db.execute(
                "UPDATE delivery SET state = 'pending', due_at_ms = ?, attempts = max(attempts - 1, 0),"
                " updated_at_ms = ? WHERE destination_id = ? AND state = 'leased'",
                (resume_at_ms, now_ms, lease.destination_id),
            )
            db.execute(
                "UPDATE cycle SET ended_at_ms = ?, calls_count = ?, live_through = live_after,"
                " backfill_through = backfill_after WHERE cycle_id = ?",
                (now_ms, len(attempts), cycle_id),
            )
            db.execute(
                "UPDATE lane SET open_cycle_id = NULL, status = ?, calls_count = calls_count + ?"
                " WHERE destination_id = ?",
                (status, len(attempts), lease.destination_id),
            )

    # -- memory

    def people(self, destination_id: int, emails: Iterable[str]) -> dict[str, Person]:
        rows = self._file.connection.execute(
            "SELECT email, contact_id, confirmed_at_ms, properties FROM person"
            " WHERE destination_id = ? AND email IN (SELECT value FROM json_each(?))",
            (destination_id, _json(list(emails)).decode()),
        )
        return {email: Person(email, record_id, at, _unpack(packed)) for email, record_id, at, packed in rows}

    def companies(self, destination_id: int, domains: Iterable[str]) -> dict[str, Company]:
        rows = self._file.connection.execute(
            "SELECT domain, company_id, confirmed_at_ms, properties FROM company"
            " WHERE destination_id = ? AND domain IN (SELECT value FROM json_each(?))",
            (destination_id, _json(list(domains)).decode()),
        )
        return {domain: Company(domain, record_id, at, _unpack(packed)) for domain, record_id, at, packed in rows}

    def associated(self, destination_id: int, pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        rows = self._file.connection.execute(
            "SELECT email, domain FROM json_each(?) AS pair CROSS JOIN association"
            " ON email = pair.value ->> 0 AND domain = pair.value ->> 1 WHERE destination_id = ?",
            (_json(list(pairs)).decode(), destination_id),
        )
        return {(email, domain) for email, domain in rows}

    def links(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Link]:
        rows = self._file.connection.execute(
            "SELECT space, link_key, target, strength, at_ms FROM json_each(?) AS wanted CROSS JOIN link"
            " ON space = wanted.value ->> 0 AND link_key = wanted.value ->> 1",
            (_json(list(keys)).decode(),),
        )
        return {(space, key): Link(space, key, target, strength, at) for space, key, target, strength, at in rows}

    def close(self) -> None:
        self._file.close()


def _check(db: sqlite3.Connection, lease: Lease) -> None:
    row = db.execute(
        "SELECT lease_token, lease_owner FROM lane WHERE destination_id = ?", (lease.destination_id,)
    ).fetchone()
    if row is None or row[0] != lease.token or row[1] != lease.owner:
        raise LeaseLost(f"lane {lease.destination_id}: another worker holds the lease")


def _expire_leased(db: sqlite3.Connection, destination_id: int, now_ms: int) -> None:
    """Leased rows of a lost or stopping worker are pending again; the call may have had its effect, so it counted."""
    db.execute(
        "UPDATE delivery SET state = 'pending', due_at_ms = ? WHERE destination_id = ? AND state = 'leased'",
        (now_ms, destination_id),
    )


def _open_cycle(db: sqlite3.Connection, destination_id: int, now_ms: int, span: Span) -> int:
    """A new open cycle. One that a crash left open goes away; its attempts go on counting in the new one."""
    row = db.execute(
        "DELETE FROM cycle WHERE ended_at_ms IS NULL AND cycle_id ="
        " (SELECT open_cycle_id FROM lane WHERE destination_id = ?) RETURNING attempts",
        (destination_id,),
    ).fetchone()
    cycle_id = db.execute(
        "INSERT INTO cycle (destination_id, live_after, live_through, backfill_after, backfill_through, begun_at_ms,"
        " attempts) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            destination_id,
            span.live_after,
            span.live_through,
            span.backfill_after,
            span.backfill_through,
            now_ms,
            (row[0] if row else 0) + 1,
        ),
    ).lastrowid
    assert cycle_id is not None
    db.execute("UPDATE lane SET open_cycle_id = ? WHERE destination_id = ?", (cycle_id, destination_id))
    return cycle_id


def _write_links(db: sqlite3.Connection, outcome: CycleOutcome) -> None:
    if not outcome.links:
        return
    now_ms = outcome.ended_at_ms
    db.executemany(
        "INSERT INTO link (space, link_key, target, strength, at_ms, linked_at_ms) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET target = excluded.target, strength = excluded.strength, at_ms = excluded.at_ms,"
        " linked_at_ms = excluded.linked_at_ms"
        " WHERE (excluded.strength, excluded.at_ms, excluded.target) > (strength, at_ms, target)",
        [(*link, now_ms) for link in outcome.links],
    )
    _release_holds(db, now_ms, [hold_key(link.space, link.key) for link in outcome.links])


def _release_holds(db: sqlite3.Connection, now_ms: int, keys: Sequence[str]) -> None:
    """Held messages that wait for one of these keys are pending at once, at every destination."""
    released = db.execute(
        "DELETE FROM hold WHERE (destination_id, position) IN (SELECT destination_id, position FROM hold"
        " WHERE hold_key IN (SELECT value FROM json_each(?))) RETURNING destination_id, position",
        (_json(keys).decode(),),
    ).fetchall()
    db.executemany(
        "UPDATE delivery SET state = 'pending', due_at_ms = ?, updated_at_ms = ?"
        " WHERE destination_id = ? AND position = ? AND state = 'held'",
        [(now_ms, now_ms, destination_id, position) for destination_id, position in set(released)],
    )


def _write_fates(db: sqlite3.Connection, destination_id: int, outcome: CycleOutcome) -> None:
    now_ms = outcome.ended_at_ms
    db.executemany(
        "INSERT INTO delivery (destination_id, position, state, reason, detail, left_out, attempts,"
        " first_attempt_at_ms, due_at_ms, is_replay, cycle_id, updated_at_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)"
        " ON CONFLICT DO UPDATE SET state = excluded.state, reason = excluded.reason, detail = excluded.detail,"
        " left_out = excluded.left_out, attempts = excluded.attempts, due_at_ms = excluded.due_at_ms,"
        " first_attempt_at_ms = coalesce(first_attempt_at_ms, excluded.first_attempt_at_ms),"
        " cycle_id = excluded.cycle_id, updated_at_ms = excluded.updated_at_ms",
        (_fate(destination_id, settled, outcome.cycle_id, now_ms) for settled in outcome.settled),
    )
    db.executemany(
        "DELETE FROM delivery WHERE destination_id = ? AND position = ? AND is_replay = 0",
        [(destination_id, position) for position in outcome.finished],
    )
    db.executemany(
        "UPDATE delivery SET state = 'delivered', reason = NULL, detail = '', left_out = NULL, due_at_ms = NULL,"
        " cycle_id = ?, updated_at_ms = ? WHERE destination_id = ? AND position = ?",
        [(outcome.cycle_id, now_ms, destination_id, position) for position in outcome.finished],
    )
    held = [settled for settled in outcome.settled if settled.state is State.HELD]
    if held:
        _write_holds(db, destination_id, held, outcome.cycle_id, now_ms)


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
) -> None:
    """Holds, and the release of those whose key another lane linked while this cycle was under way."""
    db.executemany(
        "INSERT OR IGNORE INTO hold (hold_key, destination_id, position) VALUES (?, ?, ?)",
        [(key, destination_id, settled.position) for settled in held for key in settled.hold_keys],
    )
    begun_at_ms = db.execute("SELECT begun_at_ms FROM cycle WHERE cycle_id = ?", (cycle_id,)).fetchone()[0]
    wanted = [key.partition("|") for key in {key for settled in held for key in settled.hold_keys}]
    rows = db.execute(
        "SELECT space, link_key FROM json_each(?) AS wanted CROSS JOIN link"
        " ON space = wanted.value ->> 0 AND link_key = wanted.value ->> 1"
        " WHERE linked_at_ms >= ? AND linked_at_ms <> ?",
        (_json([(space, key) for space, _, key in wanted]).decode(), begun_at_ms, now_ms),
    )
    _release_holds(db, now_ms, [hold_key(space, key) for space, key in rows])


def _write_memory(db: sqlite3.Connection, destination_id: int, outcome: CycleOutcome) -> None:
    db.executemany(
        "INSERT OR REPLACE INTO person (destination_id, email, contact_id, confirmed_at_ms, properties)"
        " VALUES (?, ?, ?, ?, ?)",
        (
            (destination_id, one.email, one.contact_id, one.confirmed_at_ms, _pack(one.properties))
            for one in outcome.people
        ),
    )
    db.executemany(
        "INSERT OR REPLACE INTO company (destination_id, domain, company_id, confirmed_at_ms, properties)"
        " VALUES (?, ?, ?, ?, ?)",
        (
            (destination_id, one.domain, one.company_id, one.confirmed_at_ms, _pack(one.properties))
            for one in outcome.companies
        ),
    )
    db.executemany(
        "INSERT OR IGNORE INTO association (destination_id, email, domain) VALUES (?, ?, ?)",
        [(destination_id, email, domain) for email, domain in outcome.associations],
    )


def _write_attempts(db: sqlite3.Connection, destination_id: int, cycle_id: int, attempts: Sequence[Attempt]) -> None:
    def rows() -> Iterator[tuple[object, ...]]:
        for attempt in attempts:
            yield (
                destination_id,
                cycle_id,
                attempt.call,
                attempt.started_at_ms,
                attempt.duration_ms,
                attempt.status,
                attempt.outcome,
                attempt.correlation_id,
                zlib.compress(attempt.request, 1),
                zlib.compress(attempt.response, 1),
                pack_positions(attempt.positions),
            )

    db.executemany(
        "INSERT INTO attempt (destination_id, cycle_id, call, started_at_ms, duration_ms, status, outcome,"
        " correlation_id, request, response, positions) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows(),
    )


def _close_cycle(db: sqlite3.Connection, destination_id: int, outcome: CycleOutcome) -> None:
    tally, lane = outcome.tally, outcome.lane
    db.execute(
        "UPDATE cycle SET ended_at_ms = ?, taken_count = ?, delivered_count = ?, discarded_count = ?, held_count = ?,"
        " retrying_count = ?, dead_count = ?, replayed_count = ?, calls_count = ? WHERE cycle_id = ?",
        (
            outcome.ended_at_ms,
            tally.taken,
            tally.delivered,
            tally.discarded,
            tally.held,
            tally.retrying,
            tally.dead,
            tally.replayed,
            tally.calls,
            outcome.cycle_id,
        ),
    )
    db.execute(
        "UPDATE lane SET live_cursor = ?, backfill_cursor = ?, open_cycle_id = NULL, status = ?,"
        " taken_count = taken_count + ?, calls_count = calls_count + ? WHERE destination_id = ?",
        (lane.live_cursor, lane.backfill_cursor, lane.status, tally.taken, tally.calls, destination_id),
    )

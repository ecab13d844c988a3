"""The record on PostgreSQL: leases, cycles, fates and memory, for any number of workers at once.

Every write of a cycle locks its lane's row and compares the lease: a worker that lost the lane changes nothing, also
when it lost it a moment ago. Lanes share only the identity memory and what it releases (`outcome.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from hubwire.backends.postgres.connection import PostgresDatabase
from hubwire.backends.postgres.outcome import write_attempts, write_outcome
from hubwire.backends.postgres.pool import Db
from hubwire.errors import LeaseLost
from hubwire.operation import Link
from hubwire.record.protocol import Attempt, Company, CycleOutcome, Due, LaneState, Lease, Person, Span

_unpack = msgspec.msgpack.Decoder(dict[str, tuple[str, int]]).decode


class PostgresRecord:
    """A `Record` in one PostgreSQL database."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    # -- lanes

    def lease_lane(self, destination_id: int, owner: str, now_ms: int, seconds: float) -> Lease | None:
        expires_at_ms = now_ms + round(seconds * 1000)
        with self._database.transaction() as db:
            _ensure_lane(db, destination_id)
            before = db.execute(
                "SELECT lease_owner, lease_expires_at_ms FROM lane WHERE destination_id = %s", (destination_id,)
            ).fetchone()
            row = db.execute(
                "UPDATE lane SET lease_owner = %s, lease_token = lease_token + 1, lease_expires_at_ms = %s"
                " WHERE destination_id = %s AND (lease_owner IS NULL OR lease_expires_at_ms <= %s)"
                " RETURNING lease_token",
                (owner, expires_at_ms, destination_id, now_ms),
            ).fetchone()
            if row is None:
                return None
            _expire_leased(db, destination_id, now_ms)
        silent_since = before[1] if before and before[0] is not None else None
        return Lease(destination_id, owner, row[0], expires_at_ms, silent_since)

    def renew(self, lease: Lease, now_ms: int, seconds: float) -> Lease:
        expires_at_ms = now_ms + round(seconds * 1000)
        renewed = self._database.execute(
            "UPDATE lane SET lease_expires_at_ms = %s WHERE destination_id = %s AND lease_token = %s"
            " AND lease_owner = %s RETURNING 1",
            (expires_at_ms, lease.destination_id, lease.token, lease.owner),
        )
        if not renewed:
            raise _lost(lease)
        return msgspec.structs.replace(lease, expires_at_ms=expires_at_ms)

    def release(self, lease: Lease) -> None:
        with self._database.transaction() as db:
            changed = db.execute(
                "UPDATE lane SET lease_owner = NULL, lease_expires_at_ms = 0"
                " WHERE destination_id = %s AND lease_token = %s AND lease_owner = %s",
                (lease.destination_id, lease.token, lease.owner),
            ).rowcount
            if changed:
                _expire_leased(db, lease.destination_id, 0)

    def lane(self, destination_id: int) -> LaneState:
        rows = self._database.execute(
            "SELECT live_cursor, backfill_cursor, stopped_reason, stopped_detail, resume_at_ms, status,"
            " coalesce((SELECT attempts FROM cycle WHERE cycle_id = open_cycle_id), 0)"
            " FROM lane WHERE destination_id = %s",
            (destination_id,),
        )
        if not rows:
            return LaneState()
        live, backfill, reason, detail, resume_at_ms, status, attempts = rows[0]
        return LaneState(
            live_cursor=live,
            backfill_cursor=backfill,
            stopped_reason=reason,
            stopped_detail=detail,
            resume_at_ms=resume_at_ms,
            status=bytes(status),
            open_attempts=attempts,
        )

    def stop_lane(self, destination_id: int, reason: str | None, detail: str, resume_at_ms: int | None) -> None:
        with self._database.transaction() as db:
            _ensure_lane(db, destination_id)
            db.execute(
                "UPDATE lane SET stopped_reason = %s, stopped_detail = %s, resume_at_ms = %s WHERE destination_id = %s",
                (reason, detail, resume_at_ms, destination_id),
            )

    # -- a cycle

    def due(self, destination_id: int, now_ms: int, limit: int) -> list[Due]:
        rows = self._database.execute(
            "SELECT position, attempts, first_attempt_at_ms, is_replay FROM delivery"
            " WHERE destination_id = %s AND due_at_ms <= %s ORDER BY due_at_ms, position LIMIT %s",
            (destination_id, now_ms, limit),
        )
        return [Due(*row) for row in rows]

    def next_due_at_ms(self, destination_id: int) -> int | None:
        [(at_ms,)] = self._database.execute(
            "SELECT min(due_at_ms) FROM delivery WHERE destination_id = %s AND due_at_ms IS NOT NULL",
            (destination_id,),
        )
        return None if at_ms is None else int(at_ms)

    def begin_cycle(self, lease: Lease, now_ms: int, span: Span) -> int:
        with self._database.transaction() as db:
            _check(db, lease)
            cycle_id = _open_cycle(db, lease.destination_id, now_ms, span)
            db.execute(
                "UPDATE delivery SET state = 'leased', due_at_ms = NULL, attempts = attempts + 1, updated_at_ms = %s,"
                " first_attempt_at_ms = coalesce(first_attempt_at_ms, %s)"
                " WHERE destination_id = %s AND position = ANY (%s)",
                (now_ms, now_ms, lease.destination_id, list(span.due)),
            )
        return cycle_id

    def commit_cycle(self, lease: Lease, outcome: CycleOutcome) -> None:
        with self._database.transaction() as db:
            _check(db, lease)
            write_outcome(db, lease.destination_id, outcome)

    def abandon_cycle(
        self, lease: Lease, cycle_id: int, now_ms: int, resume_at_ms: int, attempts: Sequence[Attempt], status: bytes
    ) -> None:
        with self._database.transaction() as db:
            _check(db, lease)
            write_attempts(db, lease.destination_id, cycle_id, attempts)
            db.execute(
                "UPDATE delivery SET state = 'pending', due_at_ms = %s, attempts = greatest(attempts - 1, 0),"
                " updated_at_ms = %s WHERE destination_id = %s AND state = 'leased'",
                (resume_at_ms, now_ms, lease.destination_id),
            )
            db.execute(
                "UPDATE cycle SET ended_at_ms = %s, calls_count = %s, live_through = live_after,"
                " backfill_through = backfill_after WHERE cycle_id = %s",
                (now_ms, len(attempts), cycle_id),
            )
            db.execute(
                "UPDATE lane SET open_cycle_id = NULL, status = %s, calls_count = calls_count + %s"
                " WHERE destination_id = %s",
                (status, len(attempts), lease.destination_id),
            )

    # -- memory

    def people(self, destination_id: int, emails: Iterable[str]) -> dict[str, Person]:
        rows = self._database.execute(
            "SELECT email, contact_id, confirmed_at_ms, properties FROM person"
            " WHERE destination_id = %s AND email = ANY (%s)",
            (destination_id, list(emails)),
        )
        return {email: Person(email, record_id, at, _unpack(packed)) for email, record_id, at, packed in rows}

    def companies(self, destination_id: int, domains: Iterable[str]) -> dict[str, Company]:
        rows = self._database.execute(
            "SELECT domain, company_id, confirmed_at_ms, properties FROM company"
            " WHERE destination_id = %s AND domain = ANY (%s)",
            (destination_id, list(domains)),
        )
        return {domain: Company(domain, record_id, at, _unpack(packed)) for domain, record_id, at, packed in rows}

    def associated(self, destination_id: int, pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        wanted = list(pairs)
        rows = self._database.execute(
            "SELECT email, domain FROM unnest(%s::text[], %s::text[]) AS wanted (email, domain)"
            " JOIN association USING (email, domain) WHERE destination_id = %s",
            ([email for email, _ in wanted], [domain for _, domain in wanted], destination_id),
        )
        return {(email, domain) for email, domain in rows}

    def links(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Link]:
        wanted = list(keys)
        rows = self._database.execute(
            "SELECT space, link_key, target, strength, at_ms"
            " FROM unnest(%s::text[], %s::text[]) AS wanted (space, link_key) JOIN link USING (space, link_key)",
            ([space for space, _ in wanted], [key for _, key in wanted]),
        )
        return {(row[0], row[1]): Link(*row) for row in rows}

    def close(self) -> None:
        self._database.close()


def _lost(lease: Lease) -> LeaseLost:
    return LeaseLost(f"lane {lease.destination_id}: another worker holds the lease")


def _ensure_lane(db: Db, destination_id: int) -> None:
    db.execute("INSERT INTO lane (destination_id) VALUES (%s) ON CONFLICT DO NOTHING", (destination_id,))


def _check(db: Db, lease: Lease) -> None:
    """Raise unless the lease is the lane's; nobody takes the lane over before this transaction has ended."""
    row = db.execute(
        "SELECT lease_token, lease_owner FROM lane WHERE destination_id = %s FOR UPDATE", (lease.destination_id,)
    ).fetchone()
    if row is None or row[0] != lease.token or row[1] != lease.owner:
        raise _lost(lease)


def _expire_leased(db: Db, destination_id: int, now_ms: int) -> None:
    """Leased rows of a lost or stopping worker are pending again; the call may have had its effect, so it counted."""
    db.execute(
        "UPDATE delivery SET state = 'pending', due_at_ms = %s WHERE destination_id = %s AND state = 'leased'",
        (now_ms, destination_id),
    )


def _open_cycle(db: Db, destination_id: int, now_ms: int, span: Span) -> int:
    """A new open cycle. One that a crash left open goes away; its attempts go on counting in the new one."""
    row = db.execute(
        "DELETE FROM cycle WHERE ended_at_ms IS NULL AND cycle_id ="
        " (SELECT open_cycle_id FROM lane WHERE destination_id = %s) RETURNING attempts",
        (destination_id,),
    ).fetchone()
    made = db.execute(
        "INSERT INTO cycle (destination_id, live_after, live_through, backfill_after, backfill_through, begun_at_ms,"
        " attempts) VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING cycle_id",
        (
            destination_id,
            span.live_after,
            span.live_through,
            span.backfill_after,
            span.backfill_through,
            now_ms,
            (row[0] if row else 0) + 1,
        ),
    ).fetchone()
    assert made is not None
    db.execute("UPDATE lane SET open_cycle_id = %s WHERE destination_id = %s", (made[0], destination_id))
    return int(made[0])

"""The record on PostgreSQL: leases, cycles, fates and memory, for any number of workers at once.

Every write of a cycle locks its lane's row and compares the lease, so a worker that lost the lane changes nothing, even
if it lost it a moment ago. Lanes share only the identity memory and the holds that it releases (`outcome.py`). Leases
use the database's time (`clocks.py`); callers use their machine's time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from hubwire.backends.postgres.clocks import ahead_ms
from hubwire.backends.postgres.connection import PostgresDatabase
from hubwire.backends.postgres.dialect import PostgresTables, session
from hubwire.backends.postgres.outcome import write_outcome
from hubwire.backends.postgres.pool import Db
from hubwire.backends.sql import lanes
from hubwire.backends.sql.marketing import SqlMarketing
from hubwire.backends.sql.objects import SqlObjects
from hubwire.clock import Clock, SystemClock
from hubwire.delivery import Move, State, taken_on
from hubwire.errors import LeaseLost
from hubwire.operation import Link
from hubwire.record.protocol import Attempt, Company, ConfirmedValue, CycleOutcome, Due, LaneState, Lease, Person, Span

_unpack = msgspec.msgpack.Decoder(dict[str, ConfirmedValue]).decode


class PostgresRecord:
    """A `Record` in one PostgreSQL database."""

    def __init__(self, database: PostgresDatabase, machine: Clock | None = None) -> None:
        """Shape: `machine` is this machine's clock."""
        self._database = database
        tables = PostgresTables(database)
        self._alone = tables.connection
        self.marketing = SqlMarketing(tables)
        self.objects = SqlObjects(tables)
        self._machine = machine or SystemClock()

    # -- lanes

    def lease_lane(
        self, destination_id: int, owner: str, now_ms: int, seconds: float, *, only_silent: bool = False
    ) -> Lease | None:
        lease_ms = round(seconds * 1000)
        with self._database.transaction() as connection:
            db, ahead = session(connection), ahead_ms(connection, self._machine)
            there_ms = now_ms + ahead
            before = lanes.holder_of(db, destination_id)
            if before is not None and not before.is_silent(there_ms):
                return None  # the usual answer: nothing is written for it
            lanes.ensure_lane(db, destination_id)
            until = lanes.driven_until(db, destination_id)
            row = db.execute(
                "UPDATE lane SET lease_owner = ?, lease_token = lease_token + 1, lease_expires_at_ms = ?, lease_ms = ?"
                f" WHERE destination_id = ? AND (lease_owner IS NULL AND NOT ? OR {lanes.IS_SILENT})"
                " RETURNING lease_token",
                (owner, there_ms + lease_ms, lease_ms, destination_id, only_silent, there_ms, there_ms),
            ).fetchone()
            if row is None:
                return None
            lanes.expire_leased(db, destination_id, now_ms)
        silent_since = before.silent_since_ms(there_ms) - ahead if before is not None else None
        driven_until = until - ahead if until is not None else None
        return Lease(destination_id, owner, row[0], now_ms + lease_ms, silent_since, driven_until)

    def free_lanes(self, now_ms: int) -> set[int]:
        with self._database.checkout() as db:
            return lanes.free_lanes(session(db), now_ms + ahead_ms(db, self._machine))

    def renew(self, leases: Sequence[Lease], now_ms: int, seconds: float) -> dict[int, Lease]:
        lease_ms = round(seconds * 1000)
        held = tuple(zip(*((lease.destination_id, lease.token, lease.owner) for lease in leases), strict=True))
        with self._database.checkout() as db:
            ends_at_ms = now_ms + lease_ms + ahead_ms(db, self._machine)
            renewed = {
                destination_id
                for (destination_id,) in db.execute(
                    "UPDATE lane SET lease_expires_at_ms = %s, lease_ms = %s"
                    " WHERE (destination_id, lease_token, lease_owner) IN"
                    " (SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::text[])) RETURNING destination_id",
                    (ends_at_ms, lease_ms, *(list(column) for column in held or ((), (), ()))),
                ).fetchall()
            }
        return lanes.renewed_leases(leases, renewed, now_ms + lease_ms)

    def release(self, lease: Lease) -> None:
        with self._database.transaction() as db:
            changed = db.execute(
                "UPDATE lane SET lease_owner = NULL"
                " WHERE destination_id = %s AND lease_token = %s AND lease_owner = %s",
                (lease.destination_id, lease.token, lease.owner),
            ).rowcount
            if changed:
                lanes.expire_leased(session(db), lease.destination_id, 0)

    def lane(self, destination_id: int) -> LaneState:
        return lanes.state_of(self._alone, destination_id)

    def stop_lane(self, destination_id: int, reason: str | None, detail: str, resume_at_ms: int | None) -> None:
        with self._database.transaction() as db:
            lanes.stop_lane(session(db), destination_id, reason, detail, resume_at_ms)

    # -- a cycle

    def due(self, destination_id: int, now_ms: int, limit: int) -> list[Due]:
        return lanes.due(self._alone, destination_id, now_ms, limit)

    def next_due_at_ms(self, destination_id: int) -> int | None:
        return lanes.next_due_at_ms(self._alone, destination_id)

    def bring_forward(self, destination_id: int, by_ms: int) -> None:
        with self._database.transaction() as db:
            lanes.bring_forward(session(db), destination_id, by_ms)

    def correct_future(self, destination_id: int, now_ms: int) -> int:
        with self._database.transaction() as db:
            return lanes.correct_future(session(db), destination_id, now_ms)

    def begin_cycle(self, lease: Lease, now_ms: int, span: Span) -> int:
        with self._database.transaction() as db:
            _check(db, lease)
            cycle_id = lanes.open_cycle(session(db), lease.destination_id, now_ms, span)
            leased = db.execute(
                "UPDATE delivery SET state = %s, due_at_ms = NULL, attempts = attempts + 1, updated_at_ms = %s,"
                " first_attempt_at_ms = coalesce(first_attempt_at_ms, %s)"
                " WHERE destination_id = %s AND position = ANY (%s) AND state = ANY (%s)",
                (State.LEASED, now_ms, now_ms, lease.destination_id, list(span.due), list(taken_on())),
            ).rowcount
            if leased < len(span.due):
                lanes.check_moved(session(db), lease.destination_id, span.due, Move.LEASE, State.LEASED)
        return cycle_id

    def commit_cycle(self, lease: Lease, outcome: CycleOutcome) -> int:
        with self._database.transaction() as db:
            _check(db, lease)
            return write_outcome(db, lease.destination_id, outcome)

    def abandon_cycle(
        self, lease: Lease, cycle_id: int, now_ms: int, resume_at_ms: int, attempts: Sequence[Attempt], status: bytes
    ) -> None:
        with self._database.transaction() as db:
            _check(db, lease)
            lanes.abandon_cycle(
                session(db),
                lease.destination_id,
                cycle_id,
                now_ms=now_ms,
                resume_at_ms=resume_at_ms,
                attempts=attempts,
                status=status,
            )

    # -- memory

    def people(self, destination_id: int, emails: Iterable[str]) -> dict[str, Person]:
        rows = self._database.execute(
            "SELECT email, contact_id, confirmed_at_ms, properties, seen_at_ms, refused_at_ms FROM person"
            " WHERE destination_id = %s AND email = ANY (%s)",
            (destination_id, list(emails)),
        )
        return {row[0]: Person(row[0], row[1], row[2], _unpack(row[3]), row[4], row[5]) for row in rows}

    def companies(self, destination_id: int, domains: Iterable[str]) -> dict[str, Company]:
        rows = self._database.execute(
            "SELECT domain, company_id, confirmed_at_ms, properties, seen_at_ms FROM company"
            " WHERE destination_id = %s AND domain = ANY (%s)",
            (destination_id, list(domains)),
        )
        return {row[0]: Company(row[0], row[1], row[2], _unpack(row[3]), row[4]) for row in rows}

    def associated(self, destination_id: int, pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        pairs = list(pairs)
        rows = self._database.execute(
            "SELECT email, domain FROM unnest(%s::text[], %s::text[]) AS wanted (email, domain)"
            " JOIN association USING (email, domain) WHERE destination_id = %s",
            ([email for email, _ in pairs], [domain for _, domain in pairs], destination_id),
        )
        return {(email, domain) for email, domain in rows}

    def associations_of(
        self, destination_id: int, emails: Sequence[str], domains: Sequence[str]
    ) -> set[tuple[str, str]]:
        rows = self._database.execute(
            "SELECT email, domain FROM association WHERE destination_id = %s"
            " AND (email = ANY (%s::text[]) OR domain = ANY (%s::text[]))",
            (destination_id, list(emails), list(domains)),
        )
        return {(email, domain) for email, domain in rows}

    def links(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Link]:
        pairs = list(keys)
        rows = self._database.execute(
            "SELECT space, link_key, target, strength, at_ms"
            " FROM unnest(%s::text[], %s::text[]) AS wanted (space, link_key) JOIN link USING (space, link_key)",
            ([space for space, _ in pairs], [key for _, key in pairs]),
        )
        return {(row[0], row[1]): Link(*row) for row in rows}

    def close(self) -> None:
        self._database.close()


def _lost(lease: Lease) -> LeaseLost:
    return LeaseLost(f"lane {lease.destination_id}: another worker holds the lease")


def _check(db: Db, lease: Lease) -> None:
    """Check that the lease is the lane's, and lock the lane until the transaction ends. Raises LeaseLost."""
    row = db.execute(
        "SELECT lease_token, lease_owner FROM lane WHERE destination_id = %s FOR UPDATE", (lease.destination_id,)
    ).fetchone()
    if row is None or row[0] != lease.token or row[1] != lease.owner:
        raise _lost(lease)

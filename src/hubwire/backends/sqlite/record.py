"""The record on SQLite: leases, cycles and memory, each write in one transaction. A cycle's outcome is `outcome.py`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

import msgspec

from hubwire.backends.sql import lanes
from hubwire.backends.sql.marketing import SqlMarketing
from hubwire.backends.sql.objects import SqlObjects
from hubwire.backends.sqlite.connection import SqliteFile
from hubwire.backends.sqlite.outcome import write_outcome
from hubwire.errors import LeaseLost
from hubwire.operation import Link
from hubwire.record.protocol import (
    Attempt,
    Company,
    ConfirmedValue,
    CycleOutcome,
    Due,
    LaneState,
    Lease,
    Person,
    Span,
)

_unpack = msgspec.msgpack.Decoder(dict[str, ConfirmedValue]).decode
_json = msgspec.json.Encoder().encode


class SqliteRecord:
    """A `Record` in one SQLite file."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self.marketing = SqlMarketing(file)
        self.objects = SqlObjects(file)

    # -- lanes

    def lease_lane(
        self, destination_id: int, owner: str, now_ms: int, seconds: float, *, only_silent: bool = False
    ) -> Lease | None:
        lease_ms = round(seconds * 1000)
        with self._file.transaction() as db:
            lanes.ensure_lane(db, destination_id)
            before, until = lanes.holder_of(db, destination_id), lanes.driven_until(db, destination_id)
            row = db.execute(
                "UPDATE lane SET lease_owner = ?, lease_token = lease_token + 1, lease_expires_at_ms = ?, lease_ms = ?"
                f" WHERE destination_id = ? AND (lease_owner IS NULL AND NOT ? OR {lanes.IS_SILENT})"
                " RETURNING lease_token",
                (owner, now_ms + lease_ms, lease_ms, destination_id, only_silent, now_ms, now_ms),
            ).fetchone()
            if row is None:
                return None
            lanes.expire_leased(db, destination_id, now_ms)
        silent_since = before.silent_since_ms(now_ms) if before is not None else None
        return Lease(destination_id, owner, row[0], now_ms + lease_ms, silent_since, until)

    def free_lanes(self, now_ms: int) -> set[int]:
        return lanes.free_lanes(self._file.connection, now_ms)

    def renew(self, leases: Sequence[Lease], now_ms: int, seconds: float) -> dict[int, Lease]:
        lease_ms = round(seconds * 1000)
        held = msgspec.json.encode([(lease.destination_id, lease.token, lease.owner) for lease in leases]).decode()
        with self._file.writing() as db:
            renewed = {
                destination_id
                for (destination_id,) in db.execute(
                    "UPDATE lane SET lease_expires_at_ms = ?, lease_ms = ?"
                    " WHERE (destination_id, lease_token, lease_owner) IN"
                    " (SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)) RETURNING destination_id",
                    (now_ms + lease_ms, lease_ms, held),
                ).fetchall()
            }
        return lanes.renewed_leases(leases, renewed, now_ms + lease_ms)

    def release(self, lease: Lease) -> None:
        with self._file.transaction() as db:
            changed = db.execute(
                "UPDATE lane SET lease_owner = NULL WHERE destination_id = ? AND lease_token = ? AND lease_owner = ?",
                (lease.destination_id, lease.token, lease.owner),
            ).rowcount
            if changed:
                lanes.expire_leased(db, lease.destination_id, 0)

    def lane(self, destination_id: int) -> LaneState:
        return lanes.state_of(self._file.connection, destination_id)

    def stop_lane(self, destination_id: int, reason: str | None, detail: str, resume_at_ms: int | None) -> None:
        with self._file.transaction() as db:
            lanes.stop_lane(db, destination_id, reason, detail, resume_at_ms)

    # -- a cycle

    def due(self, destination_id: int, now_ms: int, limit: int) -> list[Due]:
        return lanes.due(self._file.connection, destination_id, now_ms, limit)

    def next_due_at_ms(self, destination_id: int) -> int | None:
        return lanes.next_due_at_ms(self._file.connection, destination_id)

    def bring_forward(self, destination_id: int, by_ms: int) -> None:
        with self._file.transaction() as db:
            lanes.bring_forward(db, destination_id, by_ms)

    def correct_future(self, destination_id: int, now_ms: int) -> int:
        with self._file.transaction() as db:
            return lanes.correct_future(db, destination_id, now_ms)

    def begin_cycle(self, lease: Lease, now_ms: int, span: Span) -> int:
        with self._file.transaction() as db:
            _check(db, lease)
            cycle_id = lanes.open_cycle(db, lease.destination_id, now_ms, span)
            lanes.lease_rows(db, lease.destination_id, span.due, now_ms)
        return cycle_id

    def commit_cycle(self, lease: Lease, outcome: CycleOutcome) -> int:
        with self._file.transaction() as db:
            _check(db, lease)
            return write_outcome(db, lease.destination_id, outcome)

    def abandon_cycle(
        self, lease: Lease, cycle_id: int, now_ms: int, resume_at_ms: int, attempts: Sequence[Attempt], status: bytes
    ) -> None:
        with self._file.transaction() as db:
            _check(db, lease)
            lanes.abandon_cycle(
                db,
                lease.destination_id,
                cycle_id,
                now_ms=now_ms,
                resume_at_ms=resume_at_ms,
                attempts=attempts,
                status=status,
            )

    # -- memory

    def people(self, destination_id: int, emails: Iterable[str]) -> dict[str, Person]:
        rows = self._file.connection.execute(
            "SELECT email, contact_id, confirmed_at_ms, properties, seen_at_ms, refused_at_ms FROM person"
            " WHERE destination_id = ? AND email IN (SELECT value FROM json_each(?))",
            (destination_id, _json(list(emails)).decode()),
        )
        return {row[0]: Person(row[0], row[1], row[2], _unpack(row[3]), row[4], row[5]) for row in rows}

    def companies(self, destination_id: int, domains: Iterable[str]) -> dict[str, Company]:
        rows = self._file.connection.execute(
            "SELECT domain, company_id, confirmed_at_ms, properties, seen_at_ms FROM company"
            " WHERE destination_id = ? AND domain IN (SELECT value FROM json_each(?))",
            (destination_id, _json(list(domains)).decode()),
        )
        return {row[0]: Company(row[0], row[1], row[2], _unpack(row[3]), row[4]) for row in rows}

    def associated(self, destination_id: int, pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        rows = self._file.connection.execute(
            "SELECT email, domain FROM json_each(?) AS pair CROSS JOIN association"
            " ON email = pair.value ->> 0 AND domain = pair.value ->> 1 WHERE destination_id = ?",
            (_json(list(pairs)).decode(), destination_id),
        )
        return {(email, domain) for email, domain in rows}

    def associations_of(
        self, destination_id: int, emails: Sequence[str], domains: Sequence[str]
    ) -> set[tuple[str, str]]:
        rows = self._file.connection.execute(
            "SELECT email, domain FROM association WHERE destination_id = ?1"
            " AND (email IN (SELECT value FROM json_each(?2)) OR domain IN (SELECT value FROM json_each(?3)))",
            (destination_id, _json(emails).decode(), _json(domains).decode()),
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
        raise _lost(lease)


def _lost(lease: Lease) -> LeaseLost:
    return LeaseLost(f"lane {lease.destination_id}: another worker holds the lease")

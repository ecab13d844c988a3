"""Regulations, suppressions, sent alerts and alert settings."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from hubwire.backends.sql.database import Database, Session
from hubwire.record.privacy import AlertOrigin, Regulation, RegulationState, RegulationType

_json = msgspec.json.Encoder().encode
_COLUMNS = (
    "regulation_id, type, subject_type, subject_count, state, created_at_ms, finished_at_ms, sealed_subjects, receipt"
)


class SqlRegulations:
    """The part of a `PrivacyStore` that stores deletion requests and suppressions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def suppress(self, digests: Collection[bytes], now_ms: int) -> None:
        with self._database.transaction() as db:
            people = _people_of(db, digests)
            person = min(people, default=None) or secrets.token_bytes(16)
            db.executemany(
                "INSERT INTO suppression (digest, person, since_ms) VALUES (?, ?, ?) ON CONFLICT (digest) DO NOTHING",
                [(digest, person, now_ms) for digest in digests],
            )
            db.executemany(
                "UPDATE suppression SET person = ? WHERE person = ?",
                [(person, merged_person) for merged_person in people],
            )
            db.execute("UPDATE registry_version SET version = version + 1")

    def unsuppress(self, digests: Collection[bytes]) -> int:
        with self._database.transaction() as db:
            gone = sum(
                db.execute("DELETE FROM suppression WHERE person = ?", (person,)).rowcount
                for person in _people_of(db, digests)
            )
            db.execute("UPDATE registry_version SET version = version + 1")
        return gone

    def suppressed(self) -> frozenset[bytes]:
        return frozenset(digest for (digest,) in self._database.connection.execute("SELECT digest FROM suppression"))

    def save_regulation(self, regulation: Regulation) -> None:
        with self._database.erasing() as db:
            db.execute(
                f"INSERT INTO regulation ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (regulation_id) DO UPDATE SET state = excluded.state,"
                " finished_at_ms = excluded.finished_at_ms, sealed_subjects = excluded.sealed_subjects,"
                " receipt = excluded.receipt",
                (
                    regulation.regulation_id,
                    regulation.type,
                    regulation.subject_type,
                    regulation.subject_count,
                    regulation.state,
                    regulation.created_at_ms,
                    regulation.finished_at_ms,
                    regulation.sealed_subjects,
                    _json(regulation.receipt),
                ),
            )

    def regulation(self, regulation_id: str) -> Regulation | None:
        row = self._database.connection.execute(
            f"SELECT {_COLUMNS} FROM regulation WHERE regulation_id = ?",
            (regulation_id,),
        ).fetchone()
        return None if row is None else _regulation(row)

    def regulations(self, limit: int, *, open_only: bool = False) -> list[Regulation]:
        where = "WHERE finished_at_ms IS NULL ORDER BY created_at_ms" if open_only else "ORDER BY created_at_ms DESC"
        rows = self._database.connection.execute(
            f"SELECT {_COLUMNS} FROM regulation {where} LIMIT ?",
            (limit,),
        )
        return [_regulation(row) for row in rows]

    def claim_regulation(self, regulation_id: str, now_ms: int, stale_ms: int) -> bool:
        with self._database.transaction() as db:
            claimed = db.execute(
                "UPDATE regulation SET state = 'RUNNING', claimed_at_ms = ? WHERE regulation_id = ?"
                " AND (state = 'INITIALIZED' OR (state = 'RUNNING' AND claimed_at_ms <= ?))",
                (now_ms, regulation_id, now_ms - stale_ms),
            ).rowcount
        return claimed > 0


class SqlAlerts:
    """An `AlertMemory` in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def alerts(self) -> Mapping[str, tuple[int, int]]:
        rows = self._database.connection.execute("SELECT alert_key, since_ms, last_told_ms FROM alert")
        return {key: (since, told_at_ms) for key, since, told_at_ms in rows}

    def claim_alert(self, key: str, now_ms: int, repeat_ms: int) -> bool:
        with self._database.transaction() as db:
            claimed = db.execute(
                "INSERT INTO alert (alert_key, since_ms, last_told_ms) VALUES (?1, ?2, ?2)"
                " ON CONFLICT (alert_key) DO UPDATE SET last_told_ms = ?2 WHERE alert.last_told_ms <= ?2 - ?3",
                (key, now_ms, repeat_ms),
            ).rowcount
        return claimed > 0

    def release_alert(self, key: str) -> bool:
        with self._database.transaction() as db:
            return db.execute("DELETE FROM alert WHERE alert_key = ?", (key,)).rowcount > 0

    def settings(self, origin: AlertOrigin) -> bytes | None:
        row = self._database.connection.execute(
            "SELECT sealed FROM alert_setting WHERE origin = ?", (origin,)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def save_settings(self, origin: AlertOrigin, sealed: bytes, now_ms: int) -> None:
        with self._database.transaction() as db:
            db.execute(
                "INSERT INTO alert_setting (origin, sealed, saved_at_ms) VALUES (?, ?, ?)"
                " ON CONFLICT (origin) DO UPDATE SET sealed = excluded.sealed, saved_at_ms = excluded.saved_at_ms",
                (origin, sealed, now_ms),
            )

    def remove_settings(self, origin: AlertOrigin) -> None:
        with self._database.transaction() as db:
            db.execute("DELETE FROM alert_setting WHERE origin = ?", (origin,))


def _people_of(db: Session, digests: Collection[bytes]) -> set[bytes]:
    people: set[bytes] = set()
    for digest in digests:
        row = db.execute("SELECT person FROM suppression WHERE digest = ?", (digest,)).fetchone()
        if row is not None:
            people.add(bytes(row[0]))
    return people


def _regulation(row: tuple[Any, ...]) -> Regulation:
    return Regulation(
        regulation_id=row[0],
        type=RegulationType(row[1]),
        subject_type=row[2],
        subject_count=row[3],
        state=RegulationState(row[4]),
        created_at_ms=row[5],
        finished_at_ms=row[6],
        sealed_subjects=row[7],
        receipt=msgspec.json.decode(row[8]),
    )

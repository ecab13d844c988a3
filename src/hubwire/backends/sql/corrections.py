"""Marks remembered records and values of which HubSpot reported a change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from hubwire.backends.sql.database import Database, Session
from hubwire.backends.sql.privacy import RECORD_TABLES
from hubwire.operation import unique_property
from hubwire.record.foreign import ForeignChanges
from hubwire.record.protocol import UNSURE, ConfirmedValue

_json = msgspec.json.Encoder().encode
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(dict[str, ConfirmedValue]).decode


class SqlCorrections:
    """`Corrections` in one database. It reads all record ids of a destination, because they have no index."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def apply(self, destination_id: int, changes: Iterable[ForeignChanges]) -> int:
        return sum(self._apply(destination_id, of_kind) for of_kind in changes)

    def _apply(self, destination_id: int, changes: ForeignChanges) -> int:
        table, column = RECORD_TABLES[changes.kind]
        rows = self._database.connection.execute(
            f"SELECT {column} FROM {table} WHERE destination_id = ? AND {changes.kind}_id IN"
            " (SELECT value FROM json_each(?))",
            (destination_id, _json(sorted(changes.record_ids)).decode()),
        ).fetchall()
        if not rows:
            return 0
        with self._database.transaction() as db:
            return sum(_mark(db, destination_id, changes, key) for (key,) in rows)


def _mark(db: Session, destination_id: int, changes: ForeignChanges, key: str) -> bool:
    table, column = RECORD_TABLES[changes.kind]
    where = f"WHERE destination_id = ? AND {column} = ?"
    row = db.execute(
        f"SELECT {changes.kind}_id, seen_at_ms, properties FROM {table} {where}", (destination_id, key)
    ).fetchone()
    if row is None:
        return False
    record_id, seen_at_ms, properties = row
    written = changes.values.get(record_id, {})
    remembered = _unpack(properties)
    unsure = _unsure(remembered, written)
    has_moved = record_id in changes.moved or _has_other_key(key, column, written)
    if not unsure and not (has_moved and seen_at_ms):
        return False
    db.execute(
        f"UPDATE {table} SET seen_at_ms = ?, properties = ? {where}",
        (0 if has_moved else seen_at_ms, _pack({**remembered, **unsure}), destination_id, key),
    )
    return True


def _unsure(remembered: Mapping[str, ConfirmedValue], written: Mapping[str, str | None]) -> dict[str, ConfirmedValue]:
    """The values that somebody else replaced, marked as not confirmed."""
    return {
        name: confirmed._replace(value=UNSURE + confirmed.value)
        for name, value in written.items()
        if (confirmed := remembered.get(name)) is not None
        and confirmed.value[:1] != UNSURE
        and confirmed.value != value
    }


def _has_other_key(key: str, column: str, written: Mapping[str, str | None]) -> bool:
    """Whether somebody changed the e-mail or domain by which Hubwire knows the record."""
    return unique_property(key) is None and column in written and (written[column] or "").lower() != key

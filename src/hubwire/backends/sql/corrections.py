"""Marks remembered records and values of which HubSpot reported a change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from hubwire.backends.sql.database import Database, Session
from hubwire.backends.sql.record_tables import table_of
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
        table = table_of(changes.kind)
        rows = self._database.connection.execute(
            f"SELECT {table.key} FROM {table.name} WHERE {table.of_kind} AND {table.record_id} IN"
            " (SELECT value FROM json_each(?))",
            (*table.in_destination(destination_id), _json(sorted(changes.record_ids)).decode()),
        ).fetchall()
        if not rows:
            return 0
        with self._database.transaction() as db:
            return sum(_mark(db, destination_id, changes, key) for (key,) in rows)


def _mark(db: Session, destination_id: int, changes: ForeignChanges, key: str) -> bool:
    table = table_of(changes.kind)
    where = f"WHERE {table.of_kind} AND {table.key} = ?"
    record = (*table.in_destination(destination_id), key)
    row = db.execute(f"SELECT {table.record_id}, seen_at_ms, properties FROM {table.name} {where}", record).fetchone()
    if row is None:
        return False
    record_id, seen_at_ms, properties = row
    written = changes.values.get(record_id, {})
    remembered = _unpack(properties)
    unsure = _unsure(remembered, written)
    has_moved = record_id in changes.moved or _has_other_key(key, table.key, written)
    if not unsure and not (has_moved and seen_at_ms):
        return False
    db.execute(
        f"UPDATE {table.name} SET seen_at_ms = ?, properties = ? {where}",
        (0 if has_moved else seen_at_ms, _pack({**remembered, **unsure}), *record),
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
    """Whether somebody changed the e-mail, the domain or the unique property by which Hubwire knows the record."""
    unique = unique_property(key)
    if unique is not None:
        return unique[0] in written and written[unique[0]] != unique[1]
    return column in written and (written[column] or "").lower() != key

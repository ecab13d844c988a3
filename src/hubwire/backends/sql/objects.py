"""The memory of records other than contacts and companies, and of associations between any two, for SQLite and
PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec

from hubwire.backends.sql.database import Database, Session
from hubwire.operation import RecordPair, RecordRef, record_key
from hubwire.record.protocol import ConfirmedValue, CycleOutcome, ObjectRecord, RecordAssociation

_json = msgspec.json.Encoder().encode
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(dict[str, ConfirmedValue]).decode
MAX_STEPS = 2
"""How far a deletion follows associations: from the person to an order, and from there to its line items."""

_RECORD = "object_type, record_key, record_id, confirmed_at_ms, properties, seen_at_ms"
_ASSOCIATION = "source_type, source_key, target_type, target_key, at_ms, marks, is_away"
_WRITE_RECORD = (
    f"INSERT INTO object_record (destination_id, {_RECORD}) VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (destination_id, object_type, record_key) DO UPDATE SET record_id = excluded.record_id,"
    " confirmed_at_ms = excluded.confirmed_at_ms, properties = excluded.properties, seen_at_ms = excluded.seen_at_ms"
)
_WRITE_ASSOCIATION = (
    f"INSERT INTO object_association (destination_id, {_ASSOCIATION}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (destination_id, source_type, source_key, target_type, target_key) DO UPDATE SET"
    " at_ms = excluded.at_ms, marks = excluded.marks, is_away = excluded.is_away"
)
_FORGET_ASSOCIATION = (
    "DELETE FROM object_association WHERE destination_id = ? AND source_type = ? AND source_key = ?"
    " AND target_type = ? AND target_key = ?"
)


def write_objects(db: Session, destination_id: int, outcome: CycleOutcome) -> None:
    """Write what a cycle learnt, in its transaction."""
    if outcome.records:
        db.executemany(_WRITE_RECORD, [(destination_id, *_record_row(record)) for record in outcome.records])
    if outcome.parted:
        db.executemany(_FORGET_ASSOCIATION, [(destination_id, *source, *target) for source, target in outcome.parted])
    if outcome.record_associations:
        rows = [
            (destination_id, *known.source, *known.target, known.at_ms, known.marks, known.is_away)
            for known in outcome.record_associations
        ]
        db.executemany(_WRITE_ASSOCIATION, rows)


def _record_row(record: ObjectRecord) -> tuple[object, ...]:
    properties = _pack(record.properties)
    return record.object, record.key, record.record_id, record.confirmed_at_ms, properties, record.seen_at_ms


class SqlObjects:
    """An `ObjectMemory` in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def records(self, destination_id: int, refs: Iterable[RecordRef]) -> dict[RecordRef, ObjectRecord]:
        found: dict[RecordRef, ObjectRecord] = {}
        for object_type, keys in _by_type(refs).items():
            rows = self._database.connection.execute(
                f"SELECT {_RECORD} FROM object_record WHERE destination_id = ? AND object_type = ?"
                " AND record_key IN (SELECT value FROM json_each(?))",
                (destination_id, object_type, _json(keys).decode()),
            )
            for row in rows:
                record = ObjectRecord(row[0], row[1], row[2], row[3], _unpack(row[4]), row[5])
                found[record.ref] = record
        return found

    def associations(self, destination_id: int, pairs: Iterable[RecordPair]) -> dict[RecordPair, RecordAssociation]:
        by_types: dict[tuple[str, str], set[RecordPair]] = {}
        for source, target in pairs:
            by_types.setdefault((source.object, target.object), set()).add((source, target))
        found: dict[RecordPair, RecordAssociation] = {}
        for (source_type, target_type), of_types in by_types.items():
            rows = self._database.connection.execute(
                f"SELECT {_ASSOCIATION} FROM object_association WHERE destination_id = ? AND source_type = ?"
                " AND source_key IN (SELECT value FROM json_each(?)) AND target_type = ?",
                (
                    destination_id,
                    source_type,
                    _json(sorted({source.key for source, _ in of_types})).decode(),
                    target_type,
                ),
            )
            associations = (_association(row) for row in rows)
            found |= {(known.source, known.target): known for known in associations}
        return {pair: known for pair, known in found.items() if pair in by_types[pair[0].object, pair[1].object]}

    def associations_of(self, destination_id: int, refs: Iterable[RecordRef]) -> list[RecordAssociation]:
        return associations_of(self._database.connection, destination_id, refs)

    def count(self, destination_id: int, object_type: str, key_property: str) -> int:
        row = self._database.connection.execute(
            "SELECT count(*) FROM object_record WHERE destination_id = ? AND object_type = ?"
            " AND record_id IS NOT NULL AND instr(record_key, ?) = 1",
            (destination_id, object_type, record_key(key_property, "")),
        ).fetchone()
        return int(row[0])

    def custom_types(self, destination_id: int) -> set[str]:
        rows = self._database.connection.execute(
            "SELECT DISTINCT object_type FROM object_record WHERE destination_id = ? AND object_type LIKE '2-%'",
            (destination_id,),
        )
        return {object_type for (object_type,) in rows}


def associations_of(db: Session, destination_id: int, refs: Iterable[RecordRef]) -> list[RecordAssociation]:
    """All remembered associations of these records, as source and as target."""
    found: dict[RecordPair, RecordAssociation] = {}
    for object_type, keys in _by_type(refs).items():
        for end in ("source", "target"):
            rows = db.execute(
                f"SELECT {_ASSOCIATION} FROM object_association WHERE destination_id = ? AND {end}_type = ?"
                f" AND {end}_key IN (SELECT value FROM json_each(?))",
                (destination_id, object_type, _json(keys).decode()),
            ).fetchall()
            found |= {(known.source, known.target): known for known in map(_association, rows)}
    return list(found.values())


# -- deletion of a person


def records_about(db: Session, destination_id: int, emails: Collection[str]) -> set[RecordRef]:
    """The records whose key or values contain one of these addresses. Reads all remembered records."""
    needles = [email.lower().encode() for email in emails]
    rows = db.execute(
        "SELECT object_type, record_key, properties FROM object_record WHERE destination_id = ?", (destination_id,)
    )
    return {
        RecordRef(object_type, key)
        for object_type, key, properties in rows
        if needles and any(needle in key.lower().encode() or needle in bytes(properties).lower() for needle in needles)
    }


def erase_objects(
    db: Session, destination_id: int, keys: Collection[str], about: Collection[RecordRef]
) -> tuple[int, int]:
    """Remove a person's associations, and the values of the records that are about them: those associated with the
    contact, the records associated with these, and `about`. Returns how many records and associations."""
    people = {RecordRef("contact", key) for key in keys}
    reached: set[RecordRef] = set()
    associations: set[RecordPair] = set()
    step = {*people, *about}
    for _ in range(MAX_STEPS):
        found = associations_of(db, destination_id, sorted(step))
        associations |= {(known.source, known.target) for known in found}
        reached |= step
        step = {end for known in found for end in (known.source, known.target)} - reached
        step = {end for end in step if end.object not in ("contact", "company")}
    records = sorted((reached | step) - people)
    for ref in records:
        db.execute(
            "DELETE FROM object_record WHERE destination_id = ? AND object_type = ? AND record_key = ?",
            (destination_id, *ref),
        )
    db.executemany(_FORGET_ASSOCIATION, [(destination_id, *source, *target) for source, target in associations])
    return len(records), len(associations)


def _by_type(refs: Iterable[RecordRef]) -> dict[str, list[str]]:
    keys: dict[str, list[str]] = {}
    for ref in refs:
        keys.setdefault(ref.object, []).append(ref.key)
    return keys


def _association(row: Sequence[object]) -> RecordAssociation:
    source_type, source_key, target_type, target_key, at_ms, marks, is_away = row
    source, target = RecordRef(str(source_type), str(source_key)), RecordRef(str(target_type), str(target_key))
    return RecordAssociation(source, target, int(str(at_ms)), str(marks), bool(is_away))

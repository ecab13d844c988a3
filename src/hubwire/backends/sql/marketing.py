"""The memory of lists, subscriptions and form submissions, for SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec

from hubwire.backends.sql.database import Database, Session
from hubwire.record.marketing import (
    FormCount,
    KnownList,
    ListSize,
    Membership,
    PersonMarketing,
    Preference,
    Submission,
    SubmissionState,
    SubscriptionState,
)
from hubwire.record.protocol import CycleOutcome

_json = msgspec.json.Encoder().encode
KEPT_MS = 62 * 86_400_000
"""How long a submission is remembered: twice as long as HubSpot takes a submission of the past."""

_LIST = "list_key, object_type, list_id, list_name, is_own, list_size, read_at_ms"
_MEMBERSHIP = "list_key, record_key, is_member, at_ms, message_position, trust, list_id, record_id, confirmed_at_ms"
_PREFERENCE = "email, subscription_id, subscription_state, at_ms, message_position, trust, confirmed_at_ms"
_SUBMISSION = "submission_id, content, form, email, submission_state, at_ms, sent_at_ms, message_position"

_SIZES = (
    f"SELECT known.destination_id, {', '.join(f'known.{name}' for name in _LIST.split(', '))},"
    " (SELECT count(*) FROM membership WHERE membership.destination_id = known.destination_id"
    " AND membership.list_key = known.list_key AND is_member),"
    " (SELECT max(at_ms) FROM membership WHERE membership.destination_id = known.destination_id"
    " AND membership.list_key = known.list_key)"
    " FROM known_list AS known"
)
"""The known lists, with the number of remembered members and the time of the newest change."""


def _upsert(table: str, columns: str, key_count: int) -> str:
    """The statement that writes a row, or replaces the one with the same key: the first columns."""
    names = ["destination_id", *columns.split(", ")]
    keys, values = names[: key_count + 1], names[key_count + 1 :]
    changes = ", ".join(f"{name} = excluded.{name}" for name in values)
    marks = ", ".join("?" for _ in names)
    return (
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"
        f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changes}"
    )


_WRITE_LIST = _upsert("known_list", _LIST, 1)
_WRITE_MEMBERSHIP = _upsert("membership", _MEMBERSHIP, 2)
_WRITE_PREFERENCE = _upsert("preference", _PREFERENCE, 2)
_WRITE_SUBMISSION = _upsert("submission", _SUBMISSION, 1)


def write_marketing(db: Session, destination_id: int, outcome: CycleOutcome) -> None:
    """Write what a cycle learnt, in its transaction."""
    if outcome.lists:
        db.executemany(_WRITE_LIST, [(destination_id, *msgspec.structs.astuple(known)) for known in outcome.lists])
    if outcome.memberships:
        rows = [(destination_id, *msgspec.structs.astuple(membership)) for membership in outcome.memberships]
        db.executemany(_WRITE_MEMBERSHIP, rows)
    if outcome.preferences:
        rows = [(destination_id, *msgspec.structs.astuple(preference)) for preference in outcome.preferences]
        db.executemany(_WRITE_PREFERENCE, rows)
    if outcome.submissions:
        _write_submissions(db, destination_id, outcome.submissions)
        oldest_ms = outcome.ended_at_ms - KEPT_MS
        db.execute("DELETE FROM submission WHERE destination_id = ? AND sent_at_ms < ?", (destination_id, oldest_ms))


def erase_marketing(db: Session, destination_id: int, keys: Collection[str]) -> int:
    """Remove a person's memberships, subscriptions and submissions; returns how many rows."""
    count = 0
    for table, column in (("membership", "record_key"), ("preference", "email"), ("submission", "email")):
        count += db.execute(
            f"DELETE FROM {table} WHERE destination_id = ? AND {column} IN (SELECT value FROM json_each(?))",
            (destination_id, _json(sorted(keys)).decode()),
        ).rowcount
    return count


def _write_submissions(db: Session, destination_id: int, submissions: Iterable[Submission]) -> None:
    db.executemany(_WRITE_SUBMISSION, [(destination_id, *msgspec.structs.astuple(sent)) for sent in submissions])


class SqlMarketing:
    """A `MarketingMemory` in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def lists(self, destination_id: int, keys: Iterable[str]) -> dict[str, KnownList]:
        rows = self._database.connection.execute(
            f"SELECT {_LIST} FROM known_list WHERE destination_id = ? AND list_key IN (SELECT value FROM json_each(?))",
            (destination_id, _json(sorted(keys)).decode()),
        )
        return {row[0]: _list(row) for row in rows}

    def memberships(self, destination_id: int, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Membership]:
        records: dict[str, list[str]] = {}
        for list_key, record_key in pairs:
            records.setdefault(list_key, []).append(record_key)
        found: dict[tuple[str, str], Membership] = {}
        for list_key, record_keys in records.items():
            rows = self._database.connection.execute(
                f"SELECT {_MEMBERSHIP} FROM membership WHERE destination_id = ? AND list_key = ?"
                " AND record_key IN (SELECT value FROM json_each(?))",
                (destination_id, list_key, _json(record_keys).decode()),
            )
            found |= {(row[0], row[1]): _membership(row) for row in rows}
        return found

    def members_of_another(self, destination_id: int, list_key: str, list_id: str) -> list[Membership]:
        rows = self._database.connection.execute(
            f"SELECT {_MEMBERSHIP} FROM membership WHERE destination_id = ? AND list_key = ? AND list_id <> ?"
            " AND is_member",
            (destination_id, list_key, list_id),
        )
        return [_membership(row) for row in rows]

    def preferences(self, destination_id: int, emails: Iterable[str]) -> dict[tuple[str, str], Preference]:
        rows = self._database.connection.execute(
            f"SELECT {_PREFERENCE} FROM preference WHERE destination_id = ?"
            " AND email IN (SELECT value FROM json_each(?))",
            (destination_id, _json(sorted(emails)).decode()),
        )
        return {(row[0], row[1]): _preference(row) for row in rows}

    def submissions(self, destination_id: int, ids: Iterable[str]) -> dict[str, Submission]:
        rows = self._database.connection.execute(
            f"SELECT {_SUBMISSION} FROM submission WHERE destination_id = ?"
            " AND submission_id IN (SELECT value FROM json_each(?))",
            (destination_id, _json(sorted(ids)).decode()),
        )
        return {row[0]: _submission(row) for row in rows}

    def alike(self, destination_id: int, contents: Iterable[str]) -> list[Submission]:
        rows = self._database.connection.execute(
            f"SELECT {_SUBMISSION} FROM submission WHERE destination_id = ?"
            " AND content IN (SELECT value FROM json_each(?)) ORDER BY at_ms, submission_id",
            (destination_id, _json(sorted(contents)).decode()),
        )
        return [_submission(row) for row in rows]

    def begin_submissions(self, destination_id: int, submissions: Sequence[Submission]) -> None:
        with self._database.transaction() as db:
            _write_submissions(db, destination_id, submissions)

    def open_submissions(self, destination_id: int, since_ms: int) -> list[Submission]:
        rows = self._database.connection.execute(
            f"SELECT {_SUBMISSION} FROM submission WHERE destination_id = ? AND sent_at_ms >= ?"
            " AND submission_state IN ('waiting', 'begun', 'sent') ORDER BY sent_at_ms, submission_id",
            (destination_id, since_ms),
        )
        return [_submission(row) for row in rows]

    # -- for people

    def list_sizes(self, limit: int) -> list[ListSize]:
        rows = self._database.connection.execute(
            f"{_SIZES} WHERE known.destination_id IN (SELECT destination_id FROM lane)"
            " ORDER BY known.list_name, known.list_key LIMIT ?",
            (limit,),
        )
        return [_size(row) for row in rows]

    def list_size(self, destination_id: int, list_key: str) -> ListSize | None:
        rows = self._database.connection.execute(
            f"{_SIZES} WHERE known.destination_id = ? AND known.list_key = ?", (destination_id, list_key)
        )
        return next((_size(row) for row in rows), None)

    def form_counts(self, limit: int) -> list[FormCount]:
        rows = self._database.connection.execute(
            "SELECT destination_id, form, submission_state, count(*), max(sent_at_ms) FROM submission"
            " WHERE destination_id IN (SELECT destination_id FROM lane)"
            " GROUP BY destination_id, form, submission_state ORDER BY destination_id, form LIMIT ?",
            (limit,),
        )
        found: dict[tuple[int, str], FormCount] = {}
        for destination_id, form, state, count, sent_at_ms in rows:
            before = found.get((destination_id, form))
            found[destination_id, form] = FormCount(
                destination_id=destination_id,
                form=form,
                counts={**(before.counts if before else {}), state: count},
                sent_at_ms=max(sent_at_ms, before.sent_at_ms if before else 0),
            )
        return list(found.values())

    def changes_of(self, destination_id: int, list_key: str, limit: int) -> list[Membership]:
        rows = self._database.connection.execute(
            f"SELECT {_MEMBERSHIP} FROM membership WHERE destination_id = ? AND list_key = ?"
            " ORDER BY at_ms DESC, record_key LIMIT ?",
            (destination_id, list_key, limit),
        )
        return [_membership(row) for row in rows]

    def of_person(self, keys: Iterable[str]) -> list[PersonMarketing]:
        names = _json(sorted(keys)).decode()
        db = self._database.connection
        lanes = [lane for (lane,) in db.execute("SELECT destination_id FROM lane ORDER BY destination_id")]
        found = []
        for lane in lanes:
            where = "WHERE destination_id = ? AND {} IN (SELECT value FROM json_each(?)) ORDER BY at_ms DESC LIMIT 200"
            memberships = db.execute(
                f"SELECT {_MEMBERSHIP} FROM membership {where.format('record_key')}", (lane, names)
            ).fetchall()
            preferences = db.execute(
                f"SELECT {_PREFERENCE} FROM preference {where.format('email')}", (lane, names)
            ).fetchall()
            submissions = db.execute(
                f"SELECT {_SUBMISSION} FROM submission {where.format('email')}", (lane, names)
            ).fetchall()
            if memberships or preferences or submissions:
                found.append(
                    PersonMarketing(
                        destination_id=lane,
                        memberships=[_membership(row) for row in memberships],
                        preferences=[_preference(row) for row in preferences],
                        submissions=[_submission(row) for row in submissions],
                    )
                )
        return found


def _size(row: Sequence[Any]) -> ListSize:
    return ListSize(destination_id=row[0], known=_list(row[1:8]), member_count=row[8], changed_at_ms=row[9])


def _list(row: Sequence[object]) -> KnownList:
    fields = dict(zip(KnownList.__struct_fields__, row, strict=True))
    return KnownList(**{**fields, "is_own": bool(fields["is_own"])})  # type: ignore[arg-type]


def _membership(row: Sequence[object]) -> Membership:
    fields = dict(zip(Membership.__struct_fields__, row, strict=True))
    return Membership(**{**fields, "is_member": bool(fields["is_member"])})  # type: ignore[arg-type]


def _preference(row: Sequence[object]) -> Preference:
    fields = dict(zip(Preference.__struct_fields__, row, strict=True))
    return Preference(**{**fields, "state": SubscriptionState(str(fields["state"]))})  # type: ignore[arg-type]


def _submission(row: Sequence[object]) -> Submission:
    fields = dict(zip(Submission.__struct_fields__, row, strict=True))
    return Submission(**{**fields, "state": SubmissionState(str(fields["state"]))})  # type: ignore[arg-type]

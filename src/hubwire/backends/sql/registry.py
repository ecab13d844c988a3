"""The registry: sources, destinations, their secrets, the audit log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from hubwire.backends.sql.database import Database, Session
from hubwire.clock import Clock
from hubwire.destination import Destination, Source, SourceKind
from hubwire.errors import AlreadyExists, SettingsError
from hubwire.registry.protocol import AuditEntry, WriteKey
from hubwire.registry.vault import Vault
from hubwire.secret import Secret

_json = msgspec.json.Encoder().encode
SEALED = (
    ("destination", "destination_id", "sealed_token"),
    ("write_key", "key_hash", "sealed"),
    ("regulation", "regulation_id", "sealed_subjects"),
    ("alert_setting", "origin", "sealed"),
)
"""Tables, their keys, and the columns that hold sealed secrets."""
IN_USE = "is still in use"
WITH_JOURNAL = "with-journal:"
"""Prefix of a sealed text that holds the credentials of the change journal beside the token."""
KEY_ID_CHARACTERS = 12
"""Of the keyed hash, as hexadecimal digits: enough to be unique in one installation."""
T = TypeVar("T", Source, Destination)


class _Secrets(msgspec.Struct, frozen=True, omit_defaults=True):
    """The secrets of one destination. They share a column, so that both are resealed with it."""

    token: str | None = None
    journal_app: str | None = None

    def text(self) -> str | None:
        """The text to seal. Without the journal it is the token alone."""
        return self.token if self.journal_app is None else WITH_JOURNAL + _json(self).decode()


class SqlRegistry:
    """A `Registry` in one database."""

    def __init__(self, database: Database, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock

    def version(self) -> int:
        return int(self._database.connection.execute("SELECT version FROM registry_version").fetchone()[0])

    def sources(self) -> Mapping[int, Source]:
        rows = self._database.connection.execute("SELECT source_id, settings FROM source ORDER BY source_id")
        return {source_id: _stored(settings, Source, source_id=source_id) for source_id, settings in rows}

    def destinations(self) -> Mapping[int, Destination]:
        rows = self._database.connection.execute(
            "SELECT destination_id, settings FROM destination ORDER BY destination_id"
        )
        return {one_id: _stored(settings, Destination, destination_id=one_id) for one_id, settings in rows}

    def save_source(self, source: Source) -> Source:
        with self._database.transaction() as db:
            if source.source_id:
                self._changed(
                    db,
                    "UPDATE source SET name = ?, settings = ? WHERE source_id = ?",
                    (source.name, _json(source), source.source_id),
                    AlreadyExists("name", f"source {source.name!r} already exists", value=source.name),
                )
                return source
            source_id = self._added(
                db,
                "INSERT INTO source (name, settings, created_at_ms) VALUES (?, ?, ?) RETURNING source_id",
                (source.name, _json(source), self._clock.now_ms()),
                AlreadyExists("name", f"source {source.name!r} already exists", value=source.name),
            )
        return msgspec.structs.replace(source, source_id=source_id)

    def save_destination(self, destination: Destination) -> Destination:
        with self._database.transaction() as db:
            if destination.destination_id:
                self._changed(
                    db,
                    "UPDATE destination SET name = ?, settings = ? WHERE destination_id = ?",
                    (destination.name, _json(destination), destination.destination_id),
                    AlreadyExists("name", f"destination {destination.name!r} already exists", value=destination.name),
                )
                return destination
            destination_id = self._added(
                db,
                "INSERT INTO destination (name, settings, created_at_ms) VALUES (?, ?, ?) RETURNING destination_id",
                (destination.name, _json(destination), self._clock.now_ms()),
                AlreadyExists("name", f"destination {destination.name!r} already exists", value=destination.name),
            )
        return msgspec.structs.replace(destination, destination_id=destination_id)

    def remove_source(self, source_id: int) -> None:
        with self._database.transaction() as db:
            db.execute("DELETE FROM write_key WHERE source_id = ?", (source_id,))
            self._changed(db, "DELETE FROM source WHERE source_id = ?", (source_id,), SettingsError(f"source {IN_USE}"))

    def remove_destination(self, destination_id: int) -> None:
        with self._database.transaction() as db:
            sql = "DELETE FROM destination WHERE destination_id = ?"
            self._changed(db, sql, (destination_id,), SettingsError(f"destination {IN_USE}"))

    def add_write_key(self, source_id: int, key: Secret) -> WriteKey:
        source = self.sources().get(source_id)
        if source is None:
            raise SettingsError(f"no source {source_id}")
        text, now_ms = key.reveal(), self._clock.now_ms()
        sealed = None if source.kind is SourceKind.SERVER else self._vault.seal(key)
        with self._database.transaction() as db:
            self._changed(
                db,
                "INSERT INTO write_key (key_hash, source_id, hint, sealed, created_at_ms) VALUES (?, ?, ?, ?, ?)",
                (self._vault.fingerprint(text), source_id, text[-4:], sealed, now_ms),
                AlreadyExists("write_key", "this write key already exists"),
            )
        return WriteKey(
            source_id=source_id,
            key_id=self.key_id(key),
            hint=text[-4:],
            text=text,
            created_at_ms=now_ms,
            is_revoked=False,
        )

    def key_id(self, key: Secret) -> str:
        return _key_id(self._vault.fingerprint(key.reveal()))

    def revoke_write_key(self, source_id: int, key_id: str) -> bool:
        with self._database.transaction() as db:
            rows = db.execute(
                "SELECT key_hash FROM write_key WHERE source_id = ? AND revoked_at_ms IS NULL", (source_id,)
            ).fetchall()
            hashes = [key_hash for (key_hash,) in rows if _key_id(key_hash) == key_id]
            for key_hash in hashes:
                now_ms = self._clock.now_ms()
                db.execute("UPDATE write_key SET revoked_at_ms = ? WHERE key_hash = ?", (now_ms, key_hash))
            _grow_version(db)
        return bool(hashes)

    def write_keys(self, source_id: int) -> list[WriteKey]:
        rows = self._database.connection.execute(
            "SELECT key_hash, hint, sealed, created_at_ms, revoked_at_ms FROM write_key WHERE source_id = ?"
            " ORDER BY created_at_ms",
            (source_id,),
        )
        return [
            WriteKey(
                source_id=source_id,
                key_id=_key_id(key_hash),
                hint=hint,
                text=self._vault.open(sealed).reveal() if sealed else None,
                created_at_ms=created,
                is_revoked=revoked is not None,
            )
            for key_hash, hint, sealed, created, revoked in rows
        ]

    def source_of_key(self, write_key: str) -> Source | None:
        row = self._database.connection.execute(
            "SELECT source_id, settings FROM write_key JOIN source USING (source_id)"
            " WHERE key_hash = ? AND revoked_at_ms IS NULL",
            (self._vault.fingerprint(write_key),),
        ).fetchone()
        if row is None:
            return None
        source = _stored(row[1], Source, source_id=row[0])
        return source if source.is_enabled else None

    def set_token(self, destination_id: int, token: Secret | None) -> None:
        self._set_secrets(destination_id, token=None if token is None else token.reveal())

    def token(self, destination_id: int) -> Secret | None:
        return _secret(self._secrets(self._database.connection, destination_id).token)

    def set_journal_app(self, destination_id: int, app: Secret | None) -> None:
        self._set_secrets(destination_id, journal_app=None if app is None else app.reveal())

    def journal_app(self, destination_id: int) -> Secret | None:
        return _secret(self._secrets(self._database.connection, destination_id).journal_app)

    def _secrets(self, db: Session, destination_id: int) -> _Secrets:
        row = db.execute("SELECT sealed_token FROM destination WHERE destination_id = ?", (destination_id,)).fetchone()
        if row is None or row[0] is None:
            return _Secrets()
        text = self._vault.open(row[0]).reveal()
        if not text.startswith(WITH_JOURNAL):
            return _Secrets(token=text)
        return msgspec.json.decode(text[len(WITH_JOURNAL) :], type=_Secrets)

    def _set_secrets(self, destination_id: int, **secrets: str | None) -> None:
        with self._database.transaction() as db:
            try:
                before = self._secrets(db, destination_id)
            except SettingsError:
                # The key of the installation was lost. A new token must nevertheless replace the old secrets.
                before = _Secrets()
            text = msgspec.structs.replace(before, **secrets).text()
            self._changed(
                db,
                "UPDATE destination SET sealed_token = ? WHERE destination_id = ?",
                (None if text is None else self._vault.seal(Secret(text)), destination_id),
                SettingsError(f"destination {IN_USE}"),
            )

    def reseal(self) -> int:
        count = 0
        with self._database.transaction() as db:
            for table, key, column in SEALED:
                rows = db.execute(f"SELECT {key}, {column} FROM {table} WHERE {column} IS NOT NULL").fetchall()
                for row_key, sealed in rows:
                    db.execute(
                        f"UPDATE {table} SET {column} = ? WHERE {key} = ?",
                        (self._vault.reseal(sealed), row_key),
                    )
                count += len(rows)
        return count

    def write_audit(self, actor: str, action: str, detail: str) -> None:
        with self._database.transaction() as db:
            db.execute(
                "INSERT INTO audit (at_ms, actor, action, detail) VALUES (?, ?, ?, ?)",
                (self._clock.now_ms(), actor, action, detail),
            )

    def audit(self, limit: int, before_ms: int | None = None) -> list[AuditEntry]:
        rows = self._database.connection.execute(
            "SELECT at_ms, actor, action, detail FROM audit WHERE at_ms < ? ORDER BY audit_id DESC LIMIT ?",
            (before_ms if before_ms is not None else 1 << 62, limit),
        )
        return [AuditEntry(at_ms=at, actor=actor, action=action, detail=detail) for at, actor, action, detail in rows]

    def _added(self, db: Session, sql: str, parameters: tuple[object, ...], refusal: SettingsError) -> int:
        """Add one row and increase the version; returns the new row's id."""
        with self._explained(refusal):
            [row_id] = db.execute(sql, parameters).fetchone()
        _grow_version(db)
        return int(row_id)

    def _changed(self, db: Session, sql: str, parameters: tuple[object, ...], refusal: SettingsError) -> None:
        """Run one change and increase the version."""
        with self._explained(refusal):
            db.execute(sql, parameters)
        _grow_version(db)

    @contextmanager
    def _explained(self, refusal: SettingsError) -> Iterator[None]:
        """Map a duplicate, or a removed row that others need, to SettingsError."""
        try:
            yield
        except self._database.conflicts as exc:
            raise refusal from exc


def _stored(settings: bytes, kind: type[T], **ids: int) -> T:
    return msgspec.structs.replace(msgspec.json.decode(settings, type=kind), **ids)


def _secret(text: str | None) -> Secret | None:
    return None if text is None else Secret(text)


def _key_id(key_hash: bytes) -> str:
    return bytes(key_hash).hex()[:KEY_ID_CHARACTERS]


def _grow_version(db: Session) -> None:
    db.execute("UPDATE registry_version SET version = version + 1")

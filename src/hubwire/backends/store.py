"""Opening the store that the settings name: one value with every protocol of the database behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hubwire.backends.sql.access import SqlAccess
from hubwire.backends.sql.privacy import SqlPrivacy
from hubwire.backends.sql.queries import SqlQueries
from hubwire.backends.sql.registry import SqlRegistry
from hubwire.backends.sql.regulations import SqlAlerts
from hubwire.backends.sql.replays import SqlReplays
from hubwire.backends.sql.retention import SqlArchive
from hubwire.backends.sql.statistics import SqlStatistics
from hubwire.backends.sqlite.connection import SqliteFile
from hubwire.backends.sqlite.journal import SqliteJournal
from hubwire.backends.sqlite.record import SqliteRecord
from hubwire.clock import Clock
from hubwire.errors import SettingsError
from hubwire.journal.protocol import Journal
from hubwire.record.privacy import AlertMemory, PrivacyStore
from hubwire.record.protocol import Archive, Record
from hubwire.record.queries import Queries
from hubwire.record.replay import Replays
from hubwire.record.statistics import Statistics
from hubwire.registry.access import AccessStore
from hubwire.registry.protocol import Registry
from hubwire.registry.vault import Vault, load_vault
from hubwire.settings import Settings


@dataclass(frozen=True, slots=True)
class Store:
    """Journal, record, registry and queries of one installation. `close()` closes what they share."""

    journal: Journal
    record: Record
    registry: Registry
    queries: Queries
    archive: Archive
    privacy: PrivacyStore
    alerts: AlertMemory
    vault: Vault
    access: AccessStore
    statistics: Statistics
    replays: Replays
    close: Callable[[], None]


def open_store(settings: Settings, clock: Clock, *, appends: bool) -> Store:
    """The store that `database_url` names.

    Shape: `appends` claims the journal's appender, which SQLite gives to one process at a time.
    Errors: BackendUnavailable, SchemaMismatch, SettingsError for an unknown kind of database.
    """
    path = settings.database_path
    if path is None:
        raise SettingsError("database_url (HUBWIRE_DATABASE_URL) begins with sqlite:/// or postgresql://")
    vault = load_vault(settings.secret_key, Path(settings.data))
    file = SqliteFile(path)
    registry = SqlRegistry(file, vault, clock)
    journal = SqliteJournal(file, dedupe_hours=settings.dedupe_hours, appends=appends)
    queries = SqlQueries(file, journal, registry)
    return Store(
        journal=journal,
        record=SqliteRecord(file),
        registry=registry,
        queries=queries,
        access=SqlAccess(file, clock),
        statistics=SqlStatistics(file, registry),
        replays=SqlReplays(file, queries.targets),
        archive=SqlArchive(file),
        privacy=SqlPrivacy(file),
        alerts=SqlAlerts(file),
        vault=vault,
        close=file.close,
    )

"""Opens the store that the settings name: one value with every protocol of its database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hubwire.backends.sql.access import SqlAccess
from hubwire.backends.sql.corrections import SqlCorrections
from hubwire.backends.sql.database import Database
from hubwire.backends.sql.decisions.replays import SqlReplays
from hubwire.backends.sql.decisions.snoozes import SqlSnoozes
from hubwire.backends.sql.key_mark import check_key
from hubwire.backends.sql.privacy import SqlPrivacy
from hubwire.backends.sql.reading.queries import SqlQueries
from hubwire.backends.sql.reading.statistics import SqlStatistics
from hubwire.backends.sql.registry import SqlRegistry
from hubwire.backends.sql.regulations import SqlAlerts
from hubwire.backends.sql.retention import SqlArchive
from hubwire.backends.sqlite.bell import Bell, BellListener
from hubwire.backends.sqlite.connection import SqliteFile
from hubwire.backends.sqlite.journal import SqliteJournal
from hubwire.backends.sqlite.record import SqliteRecord
from hubwire.clock import Clock
from hubwire.errors import SettingsError
from hubwire.journal.protocol import Journal
from hubwire.lifecycle import Part, Together
from hubwire.record.foreign import Corrections
from hubwire.record.privacy import AlertStore, PrivacyStore
from hubwire.record.protocol import Archive, Fleet, Record
from hubwire.record.queries import Queries
from hubwire.record.replay import Replays
from hubwire.record.snoozes import Snoozes
from hubwire.record.statistics import Statistics
from hubwire.registry.access import AccessStore
from hubwire.registry.protocol import Registry
from hubwire.registry.vault import Vault, load_vault
from hubwire.settings import Settings

if TYPE_CHECKING:
    from hubwire.backends.nats.journal import NatsJournal

Listen = Callable[[Callable[[], None], Callable[[], None]], Part]
"""Makes a listener from two callbacks: one for an append, one for any other change."""


def _nothing() -> None:
    """Does nothing, because there are no other processes to notify."""


@dataclass(frozen=True, slots=True)
class Store:
    """Journal, record, registry and queries of one installation. `close()` closes what they share.

    Shape: `listen` makes a listener, which calls back from its own thread; with `hears_appends`, also after appends,
    including those of this process. `announce` notifies every listener of a change other than an append. `fleet` is
    None if there is only one deliverer.
    """

    journal: Journal
    record: Record
    registry: Registry
    queries: Queries
    archive: Archive
    privacy: PrivacyStore
    corrections: Corrections
    alerts: AlertStore
    vault: Vault
    access: AccessStore
    statistics: Statistics
    replays: Replays
    snoozes: Snoozes
    close: Callable[[], None]
    listen: Listen
    hears_appends: bool = True
    announce: Callable[[], None] = _nothing
    fleet: Fleet | None = None


def open_store(settings: Settings, clock: Clock, *, appends: bool) -> Store:
    """The store that `database_url` names.

    Shape: `appends` claims the journal's appender, which SQLite gives to one process at a time.
    Errors: BackendUnavailable, SchemaMismatch, SettingsError for an unknown kind of database and for files that cannot
    be used.
    """
    with usable_files():
        vault = load_vault(settings.secret_key, Path(settings.data))
        path = settings.database_path
        if path is not None:
            return _open_sqlite(path, settings, vault, clock, appends=appends)
    if settings.database_url is not None and settings.database_url.startswith("postgresql://"):
        return _open_postgres(settings.database_url, settings, vault, clock)
    raise SettingsError("database_url (HUBWIRE_DATABASE_URL) must begin with sqlite:/// or postgresql://")


def open_existing_store(settings: Settings, clock: Clock, *, appends: bool) -> Store:
    """The store of an existing installation, because a command in the wrong folder must not create one.

    Errors: as `open_store`, and SettingsError if there is no installation.
    """
    path = settings.database_path
    with usable_files():
        is_there = path is None or path.exists()
    if not is_there:
        raise SettingsError(
            f"there is no Hubwire database at {path}",
            hint="Run this where `hubwire serve` runs, or set HUBWIRE_DATA to its data folder.",
        )
    return open_store(settings, clock, appends=appends)


@contextmanager
def usable_files() -> Iterator[None]:
    """A context for opening files of an installation. Raises SettingsError with the file and the problem."""
    try:
        yield
    except OSError as exc:
        raise SettingsError(
            f"cannot use {exc.filename}: {exc.strerror}",
            hint="Set HUBWIRE_DATA to a folder that this user can write to.",
        ) from exc


def _open_sqlite(path: Path, settings: Settings, vault: Vault, clock: Clock, *, appends: bool) -> Store:
    if settings.journal_url is not None:
        raise SettingsError(
            "journal_url (HUBWIRE_JOURNAL_URL) needs a database that several processes share",
            hint="Set HUBWIRE_DATABASE_URL=postgresql://… too.",
        )
    file = SqliteFile(path)
    moved = file.connection.execute("SELECT target FROM moved").fetchone()
    if moved is not None:
        file.close()
        raise SettingsError(
            f"the installation in {path} was moved to {moved[0]}", hint="Set HUBWIRE_DATABASE_URL to its new address."
        )
    journal = SqliteJournal(file, dedupe_hours=settings.dedupe_hours, appends=appends)
    bell = Bell(file.path)

    def listen(appended: Callable[[], None], changed: Callable[[], None]) -> Part:
        return BellListener(bell, changed)

    store = _store(file, journal, SqliteRecord(file), vault, clock, file.close, listen)
    return replace(store, hears_appends=False, announce=bell.ring)


def _open_postgres(url: str, settings: Settings, vault: Vault, clock: Clock) -> Store:
    with _optional("database_url", "PostgreSQL", "postgres"):
        from hubwire.backends.postgres.connection import PostgresDatabase
    from hubwire.backends.postgres.dialect import PostgresTables
    from hubwire.backends.postgres.fleet import PostgresFleet
    from hubwire.backends.postgres.journal import PostgresJournal
    from hubwire.backends.postgres.listening import Listener, announce
    from hubwire.backends.postgres.marks import POSTGRES, check_filled, check_journal
    from hubwire.backends.postgres.record import PostgresRecord

    with ExitStack() as when_it_fails:
        database = PostgresDatabase(url)
        when_it_fails.callback(database.close)
        check_filled(database)
        tables, record = PostgresTables(database), PostgresRecord(database)
        if settings.journal_url is None:
            check_journal(database, POSTGRES)
            journal = PostgresJournal(database, dedupe_hours=settings.dedupe_hours)
            store = _store(tables, journal, record, vault, clock, database.close, partial(Listener, database))
        else:
            nats = _open_nats(settings.journal_url, settings, tables)
            when_it_fails.callback(nats.close)
            check_journal(database, nats.name)

            def listen(appended: Callable[[], None], changed: Callable[[], None]) -> Part:
                return Together(nats.listener(appended), Listener(database, changed, changed))

            store = _store_on_nats(nats, tables, record, vault, clock, listen)
        when_it_fails.pop_all()
    return replace(store, fleet=PostgresFleet(database), announce=partial(announce, database))


def _open_nats(url: str, settings: Settings, tables: Database) -> NatsJournal:
    with _optional("journal_url", "NATS", "nats"):
        from hubwire.backends.nats.client import NatsClient, NatsUrl
    from hubwire.backends.nats.journal import NatsJournal
    from hubwire.backends.nats.message_index import NatsMessageIndex

    def forget_sums(positions: Sequence[int]) -> None:
        blocks = {position >> NatsMessageIndex.bits for position in positions}
        with tables.transaction() as db:
            db.executemany("DELETE FROM intake WHERE stretch = ?", [(number,) for number in blocks])

    return NatsJournal(NatsClient(NatsUrl.parse(url)), dedupe_hours=settings.dedupe_hours, on_redact=forget_sums)


def _store_on_nats(
    journal: NatsJournal, tables: Database, record: Record, vault: Vault, clock: Clock, listen: Listen
) -> Store:
    def close() -> None:
        journal.close()
        record.close()

    store = _store(tables, journal, record, vault, clock, close, listen)
    statistics = SqlStatistics(tables, store.registry, lambda _: journal.message_index())
    return replace(store, statistics=statistics)


@contextmanager
def _optional(setting: str, what: str, extra: str) -> Iterator[None]:
    """A context for the import of an optional driver."""
    try:
        yield
    except ImportError as exc:
        raise SettingsError(
            f"{setting} names {what}, whose driver is not installed", hint=f"pip install 'hubwire[{extra}]'"
        ) from exc


def _store(
    database: Database,
    journal: Journal,
    record: Record,
    vault: Vault,
    clock: Clock,
    close: Callable[[], None],
    listen: Listen,
) -> Store:
    """The store, with the parts that are the same for every database."""
    try:
        check_key(database, vault)
    except BaseException:
        close()
        raise
    registry = SqlRegistry(database, vault, clock)
    queries = SqlQueries(database, journal, registry)
    return Store(
        journal=journal,
        record=record,
        registry=registry,
        queries=queries,
        access=SqlAccess(database, clock),
        statistics=SqlStatistics(database, registry),
        replays=SqlReplays(database, queries.targets),
        snoozes=SqlSnoozes(database),
        archive=SqlArchive(database),
        privacy=SqlPrivacy(database),
        corrections=SqlCorrections(database),
        alerts=SqlAlerts(database),
        vault=vault,
        close=close,
        listen=listen,
    )

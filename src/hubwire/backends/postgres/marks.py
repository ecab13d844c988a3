"""The marks in a database, checked before use: whether a move is filling it, and which journal belongs to it."""

from __future__ import annotations

from hubwire.backends.postgres.connection import PostgresDatabase
from hubwire.errors import SettingsError

POSTGRES = "postgres"
"""The journal in the database itself."""


def check_filled(database: PostgresDatabase) -> None:
    """Refuse a database that `hubwire migrate` is still filling, because a server would mix old and new data. Errors:
    SettingsError."""
    if database.execute("SELECT state FROM move WHERE state <> 'done'"):
        raise SettingsError(
            "`hubwire migrate` is writing to this database", hint="Finish the move first: hubwire migrate … --finish"
        )


def check_journal(database: PostgresDatabase, journal: str) -> None:
    """Remember which journal this record belongs to, or compare it. The journal may change until the first message
    arrives.

    Errors: SettingsError for another journal. Its positions have their own numbering: the lanes would take its messages
    for delivered ones, and the messages of the first journal would wait for ever.
    """
    known = database.execute("SELECT journal FROM journal_mark")
    if known != [(journal,)]:
        database.execute(
            "INSERT INTO journal_mark (journal) VALUES (%s) ON CONFLICT (is_only_row)"
            " DO UPDATE SET journal = excluded.journal"
            " WHERE NOT EXISTS (SELECT FROM lane WHERE live_cursor > 0 OR backfill_cursor > 0)"
            " AND NOT (SELECT is_called FROM journal_position)",
            (journal,),
        )
        known = database.execute("SELECT journal FROM journal_mark")
    if known != [(journal,)]:
        raise SettingsError(
            f"the messages of this installation are in another journal: {known[0][0]}, not {journal}",
            hint="Set HUBWIRE_JOURNAL_URL to its earlier value (unset: the database), restore the stream, or start with"
            " an empty database.",
        )

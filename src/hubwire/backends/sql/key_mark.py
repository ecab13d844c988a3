"""The mark of the secret key: every process of an installation must have the same one."""

from __future__ import annotations

from hubwire.backends.sql.database import Database
from hubwire.errors import SettingsError
from hubwire.registry.vault import Vault


def check_key(database: Database, vault: Vault) -> None:
    """Remember the key of this installation, or compare it.

    Errors: SettingsError for another key. A process with that key would refuse every upload, and SDKs drop refused
    messages.
    """
    digest = vault.digest("key-mark", "hubwire")
    row = database.connection.execute("SELECT digest FROM key_mark").fetchone()
    if row is None:
        with database.transaction() as db:
            db.execute(
                "INSERT INTO key_mark (is_only_row, digest) VALUES (TRUE, ?) ON CONFLICT (is_only_row) DO NOTHING",
                (digest,),
            )
        row = database.connection.execute("SELECT digest FROM key_mark").fetchone()
    if row[0] != digest:
        raise SettingsError(
            "this database belongs to an installation with another secret key",
            hint="Give every process the same HUBWIRE_SECRET_KEY (or the same secret.key in its data folder).",
        )

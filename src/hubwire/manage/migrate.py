"""The move of an installation from a SQLite file to PostgreSQL while it receives messages.

It has two steps. *Fill* copies the messages while the old server runs; it can be stopped and repeated at any time. Then
the old server stops, and *finish* copies the remaining messages and all other data, compares every row of both sides,
and hands over: Hubwire then serves the new database and refuses to start on the old file.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hubwire.clock import Clock
from hubwire.errors import SettingsError
from hubwire.registry.vault import KEY_FILE, load_vault
from hubwire.settings import Settings

if TYPE_CHECKING:
    from hubwire.backends.moving.move import Moved

HOUR_MS = 3_600_000

Report = Callable[[str, int, int], None]


def migrate(
    source_url: str, target_url: str, *, finish: bool, settings: Settings, clock: Clock, report: Report
) -> Moved:
    """Fill, or finish. It calls `report(what, done, total)` repeatedly.

    Shape: only two settings matter, the secret key and the de-duplication window, both of the new servers.
    Errors: SettingsError for another kind of database or another key; BackendError as `open_move` says.
    """
    if not source_url.startswith("sqlite:///") or not target_url.startswith("postgresql://"):
        raise SettingsError("migrate goes from sqlite:///PATH to postgresql://…")
    if settings.secret_key is None and not (Path(settings.data) / KEY_FILE).exists():
        raise SettingsError(
            f"there is no secret key: neither HUBWIRE_SECRET_KEY nor {Path(settings.data) / KEY_FILE}",
            hint="Both sides have the same one: run this where the old server runs, or set HUBWIRE_SECRET_KEY.",
        )
    try:
        from hubwire.backends.moving.move import open_move
    except ImportError as exc:
        raise SettingsError("PostgreSQL's driver is not installed", hint="pip install 'hubwire[postgres]'") from exc
    vault = load_vault(settings.secret_key, Path(settings.data))
    window_ms = round(settings.dedupe_hours * HOUR_MS)
    with open_move(Path(source_url.removeprefix("sqlite:///")), target_url, vault, window_ms, report) as move:
        return move.finish(clock.now_ms()) if finish else move.fill()

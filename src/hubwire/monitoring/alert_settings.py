"""The alert settings: those that somebody saved in the console or through the API, or else those of the server.

A server stores the alert settings of its environment and file when it starts, so that a command in another terminal
knows them. What somebody saves replaces them as a whole. All of it is encrypted, because it has a
webhook's URL and a mail server's password.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from hubwire.clock import Clock
from hubwire.errors import HubwireError
from hubwire.monitoring.alert_tellers import tellers_of
from hubwire.monitoring.alerts import AlertPolicy, AlertState, Notice, Teller
from hubwire.record.privacy import AlertOrigin, AlertSettingsMemory
from hubwire.registry.protocol import Registry
from hubwire.registry.vault import Vault
from hubwire.secret import Secret
from hubwire.settings import Settings, with_values

RECEIVERS = ("alert_webhook_url", "alert_webhook_secret", "alert_email_to", "alert_email_from", "smtp_url")
THRESHOLDS = (
    "alert_lag_seconds",
    "alert_dead_messages",
    "alert_retrying_messages",
    "alert_budget_percent",
    "alert_silent_hours",
    "alert_repeat_hours",
)
SECRETS = ("alert_webhook_url", "alert_webhook_secret", "smtp_url")
"""Settings that no page and no answer shows."""
FIELDS = (*RECEIVERS, *THRESHOLDS)


class Stored(Protocol):
    """The parts of a store that this needs."""

    @property
    def alerts(self) -> AlertSettingsMemory: ...

    @property
    def registry(self) -> Registry: ...

    @property
    def vault(self) -> Vault: ...


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a test at one receiver. `problem` is empty if the receiver accepted it."""

    kind: str
    problem: str = ""


def effective_settings(store: Stored, settings: Settings) -> Settings:
    """The settings of this process, with the alert settings of the console if somebody saved some. Blocks."""
    return _stored(store, settings, AlertOrigin.CONSOLE) or settings


def known_settings(store: Stored, settings: Settings) -> Settings:
    """The alert settings that are in force, for a command beside the server: the console's, else the server's, else
    those of the command. Blocks."""
    saved = _stored(store, settings, AlertOrigin.CONSOLE)
    return saved or _stored(store, settings, AlertOrigin.SERVER) or settings


def save_settings(store: Stored, settings: Settings, origin: AlertOrigin, now_ms: int) -> None:
    """Store the alert settings of these settings. Blocks."""
    values = {name: _plain(getattr(settings, name)) for name in FIELDS}
    store.alerts.save_settings(origin, store.vault.seal(Secret(msgspec.json.encode(values).decode())), now_ms)


def _stored(store: Stored, settings: Settings, origin: AlertOrigin) -> Settings | None:
    sealed = store.alerts.settings(origin)
    if sealed is None:
        return None
    return with_values(settings, msgspec.json.decode(store.vault.open(sealed).reveal()))


def _plain(value: Any) -> Any:
    return value.reveal() if isinstance(value, Secret) else value


class AlertEditor:
    """Shows, changes and tries the alert settings, for console, API and `hubwire apply`. Methods other than
    `test` block."""

    def __init__(self, store: Stored, settings: Settings, clock: Clock) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock

    def current(self) -> Settings:
        """The settings in force."""
        return effective_settings(self._store, self._settings)

    def is_stored(self) -> bool:
        """True if somebody saved alert settings in the console."""
        return self._store.alerts.settings(AlertOrigin.CONSOLE) is not None

    def save(self, actor: str, values: Mapping[str, Any]) -> None:
        """Replace some alert settings; the others stay. Errors: SettingsError, changing nothing."""
        kept = {name: _plain(getattr(self.current(), name)) for name in FIELDS}
        changed = with_values(self._settings, {**kept, **values})
        tellers_of(changed)
        save_settings(self._store, changed, AlertOrigin.CONSOLE, self._clock.now_ms())
        self._store.registry.write_audit(actor, "alerts.changed", "")

    def reset(self, actor: str) -> None:
        """Go back to the settings of the server."""
        self._store.alerts.remove_settings(AlertOrigin.CONSOLE)
        self._store.registry.write_audit(actor, "alerts.reset", "")

    async def test(self, settings: Settings) -> list[Told]:
        """Send a test to each receiver in these settings. Errors: SettingsError for a URL that cannot be used."""
        return [await _tried(teller, self._clock.now_ms()) for teller in tellers_of(settings)]


async def _tried(teller: Teller, now_ms: int) -> Told:
    notice = Notice(
        key="test",
        state=AlertState.FIRING,
        title="test",
        said="Somebody tests the alerts of Hubwire",
        remedy="Nothing to do.",
        since_ms=now_ms,
        at_ms=now_ms,
    )
    try:
        await teller.tell(notice)
    except HubwireError as exc:
        return Told(kind=teller.kind, problem=str(exc))
    return Told(kind=teller.kind)


def configuration(store: Stored, settings: Settings) -> Callable[[], tuple[AlertPolicy, list[Teller]]]:
    """Reads when to alert, and the receivers, as they are in force. The result blocks."""

    def read() -> tuple[AlertPolicy, list[Teller]]:
        current = effective_settings(store, settings)
        return AlertPolicy.of(current), tellers_of(current)

    return read

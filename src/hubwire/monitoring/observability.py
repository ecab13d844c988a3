"""Metrics and alerts of one process, built from its store and its counts."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry

from hubwire.backends.store import Store
from hubwire.clock import Clock
from hubwire.journal.group_commit import GroupCommit
from hubwire.monitoring.alert_overview import AlertOverview, alert_overview
from hubwire.monitoring.alert_settings import configuration, effective_settings
from hubwire.monitoring.alert_tellers import tellers_of
from hubwire.monitoring.alerts import AlertPolicy, Alerts
from hubwire.monitoring.metrics import Readings, Telemetry, metrics_registry
from hubwire.privacy.suppression import Suppressions
from hubwire.receive.app import ReceiveCounts
from hubwire.record.queries import LaneStatus
from hubwire.record.snoozes import GroupCount
from hubwire.settings import Settings


class Watched:
    """The store as the alerts read it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def lanes(self) -> list[LaneStatus]:
        return self._store.queries.lanes(self._clock.now_ms())

    def groups(self) -> list[GroupCount]:
        return self._store.snoozes.groups(self._clock.now_ms())

    def last_received(self) -> Mapping[str, int | None]:
        """The time of the last message of each enabled source; None if none is stored."""
        seen = {intake.source_id: intake.last_received_at_ms for intake in self._store.statistics.intake()}
        sources = self._store.registry.sources()
        return {source.name: seen.get(number) for number, source in sources.items() if source.is_enabled}


def make_alerts(store: Store, settings: Settings, clock: Clock) -> Alerts:
    """The alerts with the settings in force, which each round reads anew. Errors: SettingsError."""
    tellers_of(settings)
    read = configuration(store, settings)
    return Alerts(Watched(store, clock), store.alerts, AlertPolicy.of(settings), clock, (), read)


def read_alerts(store: Store, settings: Settings, clock: Clock, alerts: Alerts | None) -> AlertOverview:
    """The current alerts by the settings in force. Blocks."""
    return alert_overview(Watched(store, clock), store.alerts, effective_settings(store, settings), clock, alerts)


def make_metrics(
    store: Store,
    clock: Clock,
    intake: ReceiveCounts,
    journal: GroupCommit,
    suppressions: Suppressions,
    telemetry: Telemetry,
) -> CollectorRegistry:
    """The registry behind `/metrics`."""
    return metrics_registry(
        Readings(
            lanes=Watched(store, clock).lanes,
            source_names=lambda: {number: source.name for number, source in store.registry.sources().items()},
            intake=lambda: intake,
            commits=lambda: journal.counts,
            waiting_messages=lambda: journal.waiting_messages,
            suppressed=lambda: suppressions.count,
            database=lambda: (store.archive.bytes_used(), store.archive.bytes_free()),
            alerts=lambda: len(store.alerts.alerts()),
            telemetry=telemetry,
        )
    )

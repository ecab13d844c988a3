"""Wiring: settings -> store, worker, receiver, pages. The only module that knows them all.

A `Service` is opened, started, and stopped; `server.py` puts it on a socket. Its parts start in the order of `start()`
and stop in the opposite one (`lifecycle.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from prometheus_client import CollectorRegistry

from hubwire.backends.store import Store, open_store
from hubwire.clock import MonotonicClock, SystemClock
from hubwire.deliver.calls.retry import RetryPolicy
from hubwire.deliver.lanes.policy import LanePolicy, nobody
from hubwire.deliver.lanes.worker import Worker, WorkerParts
from hubwire.destination import Destination
from hubwire.device.assets import Assets, load_assets
from hubwire.device.snippet import snippet
from hubwire.doctor.whole import connection_report, machine_checks
from hubwire.errors import HubSpotError, SettingsError
from hubwire.installation.browser_sources import BrowserSources
from hubwire.installation.clients import ClientFactory
from hubwire.installation.first_start import begin_installation
from hubwire.installation.local import LocalServer
from hubwire.installation.retention import Retention
from hubwire.journal.group_commit import GroupCommit
from hubwire.lifecycle import Lifecycle
from hubwire.manage.history.dropped_files import DroppedFiles
from hubwire.manage.history.preview import HistoryPreview, KnownSchema
from hubwire.manage.list_sizes import ListSizes
from hubwire.manage.workbench import Workbench
from hubwire.monitoring.alert_settings import AlertEditor, save_settings
from hubwire.monitoring.metrics import Telemetry
from hubwire.monitoring.observability import make_alerts, make_metrics, read_alerts
from hubwire.plan.default_portal import default_portal
from hubwire.privacy.forget import Forgetter
from hubwire.privacy.regulations import RegulationRunner, Regulations
from hubwire.privacy.suppression import SuppressedRows, SuppressingJournal, Suppressions, keeps_out
from hubwire.process.change_journal import ChangeJournals
from hubwire.process.chores import Chore, Chores, retain, sum_up
from hubwire.process.hub_ids import HubIds
from hubwire.receive.app import ReceiveApp
from hubwire.receive.sources import CachedSources
from hubwire.receive.upload_limits import ReceiveLimits
from hubwire.record.privacy import AlertOrigin
from hubwire.record.replay import ReplayRunner
from hubwire.registry.named import named
from hubwire.registry.watch import VersionWatch
from hubwire.settings import Settings
from hubwire.web.access import new_access
from hubwire.web.ports import Services

if TYPE_CHECKING:
    from hubwire.installation.sandbox import Sandbox

log = structlog.get_logger("hubwire")

MAX_SHOWN_AT_START = 20


class Service:
    """All parts of one process."""

    def __init__(self, settings: Settings, clock: MonotonicClock | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        receives = settings.role != "deliver"
        self.store: Store = open_store(settings, self.clock, appends=receives)
        self.sandbox: Sandbox | None = None
        self.worker: Worker | None = None
        self.local: LocalServer | None = None
        """The address and token for commands on this machine; set once the server has its address."""
        registry = self.store.registry
        self.first_start = begin_installation(registry, settings, is_shared=self.store.fleet is not None)
        self._lifecycle = Lifecycle()
        self.journal = GroupCommit(
            self.store.journal,
            max_waiting_messages=settings.max_waiting_messages,
            on_commit=None if self.store.hears_appends else self.store.announce,
        )
        self._watch = VersionWatch(registry.version) if self.store.fleet is not None else None
        version = self._watch or registry.version
        sources = CachedSources(registry.source_of_key, version, self.clock)
        limits = ReceiveLimits(
            max_message_bytes=settings.max_message_bytes,
            max_upload_bytes=settings.max_upload_bytes,
            max_upload_messages=settings.max_upload_messages,
            read_timeout_seconds=settings.read_timeout_seconds,
        )
        self.suppressions = Suppressions(self.store.privacy, registry, self.store.vault, self.clock, version)
        self.front = SuppressingJournal(self.journal, self.suppressions)
        self.receive = ReceiveApp(sources, self.front, self.clock, limits)
        self.access = new_access(self.store.access, self.clock, settings)
        self.browser_sources = BrowserSources(registry, self.clock)
        self.assets: Assets | None = load_assets()
        self.clients = ClientFactory(registry, self.clock, settings)
        self.replays = ReplayRunner(self.store.replays, self.clock, self._changed)
        self.forgetter = Forgetter(self.store, lambda destination: self.clients.make(destination), self.clock)
        self.regulations = RegulationRunner(self.forgetter)
        self.telemetry = Telemetry()
        self.dropped_files = DroppedFiles(settings, registry, self._history_preview, self.clock) if receives else None
        self.is_stopping: Callable[[], bool] = bool
        """Returns True if the web server is about to end; the web server sets it."""
        self.announce: Callable[[str], None] = lambda _: None
        """Prints lines for the person who started the process; the web server sets it."""
        self.alerts = make_alerts(self.store, settings, self.clock) if settings.role != "receive" else None

    async def start(self) -> None:
        """Start the sandbox if a destination needs it, the worker, and the background parts."""
        start = self._lifecycle.start
        if any(destination.is_sandbox for destination in self.store.registry.destinations().values()):
            from hubwire.installation.sandbox import Sandbox

            self.sandbox = await start(Sandbox(self.settings))
        if self.settings.role != "deliver":
            await start(self.journal)
        if self._watch is not None:
            await start(self._watch)
        sandbox_url = self.sandbox.base_url if self.sandbox else None
        self.clients = ClientFactory(self.store.registry, self.clock, self.settings, sandbox_url, self.telemetry)
        if self.dropped_files is not None:
            await start(self.dropped_files)
        if self.settings.role != "receive":
            await asyncio.to_thread(save_settings, self.store, self.settings, AlertOrigin.SERVER, self.clock.now_ms())
            self.worker = await start(Worker(self.worker_parts()))
            if not self.store.hears_appends:
                self.journal.on_commit = self.worker.wake
            await start(self.store.listen(self.worker.wake, self.worker.notice))
            await start(Chores(self.chores()))

    def begin_to_stop(self) -> None:
        """Start no new work and finish the running work. Called from a signal handler."""
        if self.worker is not None:
            self.worker.begin_to_stop()

    def hurry(self) -> None:
        """Abandon the running work, as a crash would. Called from a signal handler."""
        if self.worker is not None:
            self.worker.hurry()

    def busy(self) -> list[str]:
        """The destinations with a running cycle."""
        return self.worker.busy() if self.worker is not None else []

    async def stop(self) -> None:
        """Finish the running work. Messages in the journal are delivered after the next start."""
        try:
            await self._lifecycle.stop()
        finally:
            self.store.close()

    def _changed(self) -> None:
        """Notify lanes after a change in this process or another one. Blocks."""
        if self.worker is not None:
            self.worker.notice()
        if self.worker is None or self.store.fleet is not None:
            self.store.announce()

    def chores(self) -> list[tuple[str, Chore]]:
        """The background chores on the web server's loop; none in a process that only receives."""
        if self.settings.role == "receive":
            return []
        retention = Retention(self.store, self.settings, self.clock)
        return [
            ("replays", self.replays.run),
            ("retention", partial(retain, retention)),
            ("sums", partial(sum_up, self.store.statistics)),
            ("regulations", self.regulations.run),
            ("hub ids", self._hub_ids().run),
            ("change journal", self._change_journals().run),
            *([("alerts", self.alerts.run)] if self.alerts is not None else []),
        ]

    def _hub_ids(self) -> HubIds:
        return HubIds(
            self.store.registry,
            self.store.record,
            self.clock,
            self._workbench().with_token,
            settings_token=self.settings.hubspot_access_token,
            changed=self._changed,
            announce=lambda lines: self.announce(lines),
        )

    def _change_journals(self) -> ChangeJournals:
        return ChangeJournals(self.store, self.clients.make_for_journal, self.clock, Path(self.settings.data))

    def metrics(self) -> CollectorRegistry:
        """The registry behind `/metrics`."""
        return make_metrics(
            self.store, self.clock, self.receive.counts, self.journal, self.suppressions, self.telemetry
        )

    def _workbench(self) -> Workbench:
        return Workbench(self.store.registry, self.store.record, self.front, self.clients, self.clock, self._changed)

    def _history_preview(self, source_name: str) -> HistoryPreview:
        """Reads dropped files for a source; in their thread. Errors: SettingsError."""
        source = named(self.store.registry.sources().values(), source_name, "source")

        def schema_of(destination: Destination) -> KnownSchema:
            try:
                contents = asyncio.run(self._workbench().contents(destination.destination_id))
                return KnownSchema(contents.schema, is_default=False)
            except (HubSpotError, SettingsError):
                return KnownSchema(default_portal(destination.hub_id or "0"), is_default=True)

        return HistoryPreview(self.store, self.settings, source, schema_of)

    def services(self, public_url: str) -> Services:
        """The services behind console and admin API."""
        store = self.store
        bench = self._workbench()
        assets = self.assets
        return Services(
            queries=store.queries,
            statistics=store.statistics,
            replays=store.replays,
            snoozes=store.snoozes,
            registry=store.registry,
            access=store.access,
            record=store.record,
            journal=store.journal,
            clock=self.clock,
            settings=self.settings,
            planner=bench.plan,
            rule_tester=bench.test_rules,
            tester=partial(connection_report, store.registry, self.clients, self.clock),
            with_token=bench.with_token,
            sender=bench.send,
            contents=bench.contents,
            list_size=ListSizes(store.registry, store.record, self.clients, self.clock).read,
            make_property=bench.make_property,
            make_missing=bench.make_missing,
            snippet=lambda key: snippet(assets, public_url, key) if assets else None,
            alerts=partial(read_alerts, store, self.settings, self.clock, self.alerts),
            alert_editor=AlertEditor(store, self.settings, self.clock),
            keeps_out=partial(keeps_out, store),
            public_url=public_url,
            is_sandbox=self.sandbox is not None,
            emulator_url=self.sandbox.base_url if self.sandbox else None,
            has_demo=self.sandbox is not None and assets is not None,
            wake_replays=self.replays.wake,
            on_registry_change=self._changed,
            is_stopping=lambda: self.is_stopping(),
            health=partial(machine_checks, store, self.settings, self.clock),
            regulations=Regulations(self.forgetter, store.privacy, self.regulations.wake),
            dropped_files=self.dropped_files,
        )

    def _lanes_journal(self) -> SuppressedRows:
        store = self.store
        never_stale = Suppressions(store.privacy, store.registry, store.vault, self.clock, check_seconds=0)
        return SuppressedRows(store.journal, never_stale)

    def worker_parts(self) -> WorkerParts:
        settings = self.settings
        return WorkerParts(
            journal=self._lanes_journal(),
            record=self.store.record,
            registry=self.store.registry,
            make_client=self.clients.make,
            clock=self.clock,
            fleet=self.store.fleet,
            waited=self.telemetry.waited,
            announce=self.store.announce if self.store.fleet is not None else nobody,
            policy=LanePolicy(
                cycle_messages=settings.cycle_messages,
                linger_seconds=settings.linger_seconds,
                company_linger_seconds=settings.company_linger_seconds,
                backfill_linger_seconds=settings.backfill_linger_seconds,
                lease_seconds=settings.lease_seconds,
                retry=RetryPolicy(total_seconds=settings.retry_hours * 3600),
            ),
        )

    def has_other_token(self) -> bool:
        """True if the settings have a token that no destination uses, because only the first start reads it. One
        destination whose token HubSpot has not accepted yet does not count: `HubIds` tries both tokens."""
        token, registry = self.settings.hubspot_access_token, self.store.registry
        destinations = registry.destinations()
        if token is None or [destination.hub_id for destination in destinations.values()] == [None]:
            return False
        return all(registry.token(number) != token for number in destinations)

    def stopped(self) -> list[tuple[str, str]]:
        """(destination, reason) of each stopped destination that has a Hub ID (`HubIds` announces the others); none if
        there are many destinations."""
        destinations = self.store.registry.destinations()
        if len(destinations) > MAX_SHOWN_AT_START:
            return []
        with_id = {number: destination.name for number, destination in destinations.items() if destination.hub_id}
        reasons = {name: self.store.record.lane(number).stopped_reason for number, name in with_id.items()}
        return [(name, reason) for name, reason in reasons.items() if reason]

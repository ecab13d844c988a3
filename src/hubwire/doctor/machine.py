"""The checks of this machine and installation: disk, keys, clock, settings, sources and the state of each lane."""

from __future__ import annotations

import ipaddress
import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

from hubwire.backends.store import Store
from hubwire.clock import Clock
from hubwire.destination import Source, SourceKind
from hubwire.device.assets import load_assets
from hubwire.doctor import Check, Section, fail, ok, warn
from hubwire.errors import HubwireError
from hubwire.explanations import explain
from hubwire.installation.local import find_local_server
from hubwire.reasons import Reason
from hubwire.record.queries import LaneStatus
from hubwire.registry.vault import KEY_FILE
from hubwire.settings import Settings

GIB = 1 << 30
FREE_WARN_BYTES, FREE_FAIL_BYTES = 2 * GIB, GIB // 4
LAG_WARN_SECONDS = 900.0
AHEAD_MS = 60_000
HEALED = frozenset({Reason.HUBSPOT_FAILED, Reason.HUBSPOT_UNREACHABLE, Reason.BUDGET_SPENT, Reason.MIGRATING})
"""Reasons for a stop that end without a person."""


def examine_machine(store: Store, settings: Settings, clock: Clock) -> list[Section]:
    """All checks that need no HubSpot call. Errors: none."""
    return [
        Section(title="Machine", checks=[*_server(settings), *_disk(store, settings), *_clock(store, clock)]),
        Section(title="Safety", checks=[*_keys(store, settings), *_network(settings)]),
        Section(title="Sources", checks=list(_sources(store))),
    ]


# -- machine


def _server(settings: Settings) -> Iterator[Check]:
    server = find_local_server(settings)
    if server is not None:
        yield ok("Server", f"runs at {server.url}")
    elif settings.role == "all" and settings.database_path is not None:
        yield warn("Server", "no server runs on this data folder", "Start one: hubwire serve")
    if sqlite3.sqlite_version_info < (3, 35):
        yield fail("SQLite", f"{sqlite3.sqlite_version} is too old", "Use a Python with SQLite 3.35 or newer.")


def _disk(store: Store, settings: Settings) -> Iterator[Check]:
    folder = Path(settings.data)
    if not os.access(folder, os.W_OK):
        yield fail("Data folder", f"{folder} cannot be written to", "Allow this user to write there.")
        return
    free = shutil.disk_usage(folder).free
    detail = f"{size(free)} free"
    remedy = (
        "Free some space, or set retention_bytes. With a full disk, Hubwire answers 503 and senders keep their uploads."
    )
    yield (
        fail("Disk", detail, remedy)
        if free < FREE_FAIL_BYTES
        else warn("Disk", detail, remedy)
        if free < FREE_WARN_BYTES
        else ok("Disk", detail)
    )
    held = store.statistics.storage()
    used = f"{size(held.bytes_used)}, {held.messages:,} messages, schema {held.schema_version}"
    limit = settings.retention_bytes
    if limit is not None and store.archive.bytes_used() > limit:
        remedy = "Hubwire never removes undelivered messages: check the destinations below, or raise retention_bytes."
        yield warn("Database", f"{used}; more than retention_bytes ({size(limit)})", remedy)
    else:
        yield ok("Database", used)


def _clock(store: Store, clock: Clock) -> Iterator[Check]:
    """A message received in the future means that the clock went back, which affects order and periods."""
    newest = store.journal.newest(None, 1)
    if newest and newest[0].received_at_ms > clock.now_ms() + AHEAD_MS:
        seconds = (newest[0].received_at_ms - clock.now_ms()) // 1000
        yield warn(
            "Clock", f"the newest message was received {seconds} s in the future", "Correct the machine's clock (NTP)."
        )


def size(count: int) -> str:
    """Bytes for people."""
    for unit, power in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if count >= 1 << power:
            return f"{count / (1 << power):.1f} {unit}"
    return f"{count} bytes"


# -- safety


def _keys(store: Store, settings: Settings) -> Iterator[Check]:
    if settings.secret_key is not None:
        yield ok("Secret key", "from HUBWIRE_SECRET_KEY")
    else:
        path = Path(settings.data) / KEY_FILE
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            yield fail("Secret key", f"other users can read {path} (mode {mode:04o})", f"chmod 600 {path}")
        else:
            yield ok("Secret key", f"{path}, readable by this user only")
    database = settings.database_path
    if database is not None:
        folder = database.parent
        mode, folder_mode = (stat.S_IMODE(path.stat().st_mode) for path in (database, folder))
        if mode & 0o077 and folder_mode & 0o077:
            remedy = f"chmod 700 {folder} && chmod 600 {folder}/*"
            yield warn("Data", f"other users can read personal data in {database} (mode {mode:04o})", remedy)
        else:
            yield ok("Data", f"{database}, readable by this user only")
    for number, destination in store.registry.destinations().items():
        try:
            store.registry.token(number)
        except HubwireError as exc:
            yield fail("Stored token", f"of {destination.name}: {exc}", exc.hint)


def _network(settings: Settings) -> Iterator[Check]:
    if _is_loopback(settings.host):
        yield ok("Network", f"listens on {settings.host} only")
    elif settings.tls_certificate or settings.trusted_proxies:
        yield ok("Network", f"listens on {settings.host}, with TLS here or at a proxy")
    else:
        remedy = "Set tls_certificate and tls_key, or use a proxy with TLS and name it in trusted_proxies."
        yield warn(
            "Network",
            f"listens on {settings.host} without TLS: others on the network can read keys and messages",
            remedy,
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# -- sources


def _sources(store: Store) -> Iterator[Check]:
    sources = store.registry.sources()
    if not sources:
        yield warn("Sources", "none yet, so nobody can send", "hubwire source add NAME --kind server")
    fed = list(store.registry.destinations().values())
    for source in sources.values():
        yield _source(store, source, any(destination.takes(source.source_id) for destination in fed))
        if source.device_mode:
            yield from _device_mode(store, source)


def _source(store: Store, source: Source, feeds: bool) -> Check:
    name = f"Source {source.name}"
    keys = [key for key in store.registry.write_keys(source.source_id) if not key.is_revoked]
    if not source.is_enabled:
        return warn(name, "is off: Hubwire refuses its uploads", f"hubwire source change {source.name} --enabled")
    if not keys:
        return warn(name, "has no write key: it cannot send", f"hubwire source key {source.name} --new")
    if not feeds:
        return warn(name, "feeds no destination", "hubwire destination change NAME --source all")
    if source.kind is SourceKind.WEB and not source.allowed_origins:
        remedy = f"hubwire source change {source.name} --origin https://www.example.com"
        found = warn(name, "accepts its public key from pages of every origin", remedy)
        return msgspec.structs.replace(found, page=f"/sources/{source.source_id}")
    return ok(name, f"{source.kind}, {len(keys)} write key{'s' if len(keys) > 1 else ''}")


def _device_mode(store: Store, source: Source) -> Iterator[Check]:
    name = f"Device mode of {source.name}"
    hubs = [
        destination
        for destination in store.registry.destinations().values()
        if destination.takes(source.source_id) and destination.hub_id
    ]
    if load_assets() is None:
        yield warn(name, "the browser files are not built", "make set-up (Node.js is needed once)")
    elif not hubs:
        yield warn(name, "feeds no destination with a Hub ID", "hubwire destination change NAME --hub-id …")
    else:
        yield ok(name, f"Hub ID {hubs[0].hub_id}, region {hubs[0].region}")


# -- lanes


def lane_checks(lane: LaneStatus) -> Iterator[Check]:
    """The state of a destination's delivery."""
    if lane.stopped_reason:
        reason = Reason(lane.stopped_reason)
        explanation = explain(reason)
        detail = f"is stopped: {explanation.cause} {lane.stopped_detail}".strip()
        yield (warn if reason in HEALED else fail)("Delivery", detail, explanation.remedy)
    elif lane.state == "paused":
        yield warn("Delivery", "is paused; Hubwire keeps new messages", f"hubwire destination resume {lane.name}")
    elif lane.lag_seconds > LAG_WARN_SECONDS:
        detail = f"{lane.backlog_count:,} messages are pending, the oldest for {lane.lag_seconds:,.0f} s"
        yield warn("Delivery", detail, "hubwire status shows the rate limit and the budget.")
    else:
        yield ok("Delivery", f"{lane.state}; {lane.delivered:,} delivered, {lane.backlog_count:,} pending")
    if lane.dead:
        remedy = "hubwire messages --state dead lists them; fix the cause, then run hubwire replay --state dead."
        yield warn(
            "Dead messages", f"HubSpot will not accept {lane.dead:,} message{'' if lane.dead == 1 else 's'}", remedy
        )

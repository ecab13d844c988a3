"""A portal: everything the emulator remembers, in one value that can be reset.

Holds no HTTP and decides nothing; handlers read and change it, the control plane shows it.
"""

from __future__ import annotations

import random
import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

import msgspec

from hubwire.emulator.moments import iso
from hubwire.emulator.standard.kinds import LIBRARY, STANDARD, Kind
from hubwire.emulator.store.access import Grant
from hubwire.emulator.store.associations import Associations
from hubwire.emulator.store.change_log import ChangeLog
from hubwire.emulator.store.clock import Clock
from hubwire.emulator.store.config import CustomObject, EmulatorConfig, Reading
from hubwire.emulator.store.faults import Faults
from hubwire.emulator.store.forms import Form
from hubwire.emulator.store.limiter import Limiter
from hubwire.emulator.store.lists import RecordList
from hubwire.emulator.store.objects.history import API, ASSOCIATION, Origin
from hubwire.emulator.store.objects.records import ObjectStore
from hubwire.emulator.store.objects.rules import AdminRules
from hubwire.emulator.store.objects.schema import (
    Group,
    ModificationMetadata,
    Property,
    options_of,
)
from hubwire.emulator.store.objects.writes import WriteContext
from hubwire.emulator.store.occurrences import EventLog
from hubwire.emulator.store.owners import default_owners
from hubwire.emulator.store.pipelines import Pipelines, default_pipelines
from hubwire.emulator.wire import Refusal

REQUEST_LOG_BYTES = 16_000_000


class SeenRequest(NamedTuple):
    """One API call as it came, and the status it got."""

    at_ms: int
    method: str
    path: str
    query: bytes
    headers: Mapping[bytes, bytes]
    body: bytes
    status: int

    def text(self) -> str:
        """The body as text, empty where it is secret."""
        return "" if self.path.startswith("/oauth/") else self.body.decode("utf-8", "replace")

    def shown(self) -> dict[str, Any]:
        """The call with its secrets masked and its body decoded."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self.headers.items()}
        if "authorization" in headers:
            headers["authorization"] = "Bearer ***"
        is_secret = self.path.startswith("/oauth/")
        return {
            "at": iso(self.at_ms),
            "method": self.method,
            "path": self.path if self.path.endswith(("/token", "/authorize")) or not is_secret else "/oauth/***",
            "query": "***" if is_secret and self.query else self.query.decode("latin-1"),
            "headers": headers,
            "body": "***" if is_secret else _decoded(self.body),
            "status": self.status,
        }


def _decoded(body: bytes) -> Any:
    if not body:
        return None
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return body.decode("utf-8", "replace")


class SeenRequests:
    """The newest API calls, bounded by count and by bytes."""

    def __init__(self, keep: int) -> None:
        self._entries: deque[SeenRequest] = deque()
        self._keep = keep
        self._bytes = 0

    def add(self, entry: SeenRequest) -> None:
        """Note one call; the oldest make room."""
        self._entries.append(entry)
        self._bytes += len(entry.body)
        while len(self._entries) > self._keep or self._bytes > REQUEST_LOG_BYTES:
            self._bytes -= len(self._entries.popleft().body)

    def newest(self) -> list[SeenRequest]:
        """The calls, newest first."""
        return list(reversed(self._entries))

    def shown(self) -> list[dict[str, Any]]:
        """Newest last."""
        return [entry.shown() for entry in self._entries]


class Stats:
    """What was asked and what was refused.

    Shape: `calls` counts by method and path with record ids templated; `refused` by status of 400 and above.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()

    def count(self, label: str, status: int) -> None:
        """Count one call."""
        self.calls[label] += 1
        self.statuses[str(status)] += 1
        if status >= 400:
            self.refused[str(status)] += 1

    def shown(self) -> dict[str, Any]:
        """The control plane's answer."""
        return {
            "total": self.calls.total(),
            "calls": dict(self.calls),
            "refused": dict(self.refused),
            "statuses": dict(self.statuses),
        }


class PortalStorage(Protocol):
    """Where a portal is kept beyond the process."""

    def flush(self, *, account_changed: bool) -> None:
        """Write what has changed."""

    def rewrite(self) -> None:
        """Write everything."""

    def close(self) -> None:
        """Write no more."""


class Portal:
    """One emulated HubSpot account. `lock` guards every read and change from another thread."""

    def __init__(self, config: EmulatorConfig) -> None:
        self.initial_config = config
        self.storage: PortalStorage | None = None
        self.lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        """Back to a fresh account with the configuration it started with."""
        self.config = config = self.initial_config
        self.clock = Clock(config.start_at_ms)
        self.random = random.Random(config.seed)  # noqa: S311 - order of results, not a secret
        self.stores: dict[str, ObjectStore] = {}
        self.aliases: dict[str, str] = {}
        self.pipelines: Pipelines = default_pipelines()
        self.owners = default_owners()
        self.lists: dict[str, RecordList] = {}
        self.forms: dict[str, Form] = {}
        self.visitors: dict[str, str] = {}
        """The e-mail of each visitor that the tracking code has identified, by visitor token."""
        self.subscriptions: dict[str, dict[str, str]] = {}
        self.subscription_times: dict[str, dict[str, int]] = {}
        self.submissions: deque[dict[str, Any]] = deque(maxlen=config.keep_requests)
        self.next_number = 1
        self.validation: dict[str, AdminRules] = {}
        self.associations = Associations()
        self.events = EventLog(config.portal_id, config.keep_events)
        self.changes = ChangeLog(config.portal_id)
        self.limiter = Limiter()
        self.faults = Faults()
        self.stats = Stats()
        self.requests = SeenRequests(config.keep_requests)
        self.grants: dict[str, Grant] = {}
        self.refresh_tokens: dict[str, frozenset[str] | None] = {}
        self.authorization_codes: dict[str, frozenset[str] | None] = {}
        self.custom_objects: dict[str, CustomObject] = {}
        self._correlations = 0
        for number, kind in enumerate(STANDARD, start=1):
            self._add_store(kind, first_id={"contacts": 101, "companies": 20_001}.get(kind.name, number * 100_000_001))
        for custom in config.own_objects:
            self.add_custom(custom)
        if self.storage is not None:
            self.storage.rewrite()

    @property
    def lacks_objects(self) -> bool:
        """Whether the tier, or a switch, closes an object type."""
        return not self.config.tier_limits.has_custom_objects or len(self.config.library) < len(LIBRARY)

    def configure(self, **changes: Any) -> None:
        """Change settings while running, until the next reset."""
        self.config = replace(self.config, **changes)
        if "keep_events" in changes:
            self.events.limit_kept(self.config.keep_events)
        if "keep_history" in changes:
            for store in self.stores.values():
                store.keep_history = self.config.keep_history

    def store(self, object_type: str) -> ObjectStore:
        """The records of an object type, by name, type id or singular.

        Errors: a 400 for a type that the portal does not have (text observed live by third parties).
        """
        store = self.stores.get(object_type)
        if store is None:
            store = self.stores.get(self.aliases.get(object_type.lower(), object_type.lower()))
            if store is None:
                raise Refusal(400, f"Unable to infer object type from: {object_type}")
        return store

    def write_context(self, store: ObjectStore, version: str, origin: Origin = API) -> WriteContext:
        """What one writing call needs to know; 2026-09 paths accept more date forms and enforce the account's rules."""
        is_newest = version >= "2026-09" and version[0] == "2"
        config = self.config
        return WriteContext(
            store=store,
            now_ms=self.clock.now_ms(),
            search_lag_ms=self.search_lag_ms,
            is_lenient=is_newest,
            validation=self.validation.get(store.name) if is_newest else None,
            default_lifecycle_stage=config.default_lifecycle_stage,
            requires_identifying_property=config.requires_identifying_property,
            lists_unique_conflicts=config.follows(Reading.UNIQUE_CONFLICT_LISTED),
            has_older_texts=config.follows(Reading.OLDER_FAULT_TEXTS),
            portal_id=config.portal_id,
            pipelines=self.pipelines.get(store.name, {}),
            origin=origin,
        )

    @property
    def search_lag_ms(self) -> int:
        """Milliseconds until a write can be searched for."""
        return round(self.config.search_lag_seconds * 1000)

    def settle(self, *, account_changed: bool = True) -> None:
        """Finish a change: contacts get their primary company's id, the portal's file is updated, values are packed."""
        if self.associations.touched:
            self._mirror_primary_companies()
        if self.storage is not None:
            self.storage.flush(account_changed=account_changed)
        for store in self.stores.values():
            if store.written:
                store.settle(self.clock.now_ms())

    def _mirror_primary_companies(self) -> None:
        contacts, now_ms = self.stores["contacts"], self.clock.now_ms()
        for contact_id in self.associations.touched:
            record = contacts.by_id(contact_id, follows_merge=False)
            company_id = self.associations.primary_company(contact_id) or ""
            if record is not None and record.properties.get("associatedcompanyid", "") != company_id:
                mirrored = {"associatedcompanyid": company_id}
                contacts.write(record, mirrored, now_ms, self.search_lag_ms, ASSOCIATION)
        self.associations.touched.clear()

    def new_number(self) -> int:
        """A new id for a list, a pipeline, a stage or an object type."""
        self.next_number += 1
        return self.next_number + 1_000

    def correlation_id(self) -> str:
        """A fresh id for one answer."""
        self._correlations += 1
        return f"00000000-0000-4000-8000-{self._correlations:012x}"

    def now_iso(self) -> str:
        """The present moment as HubSpot writes it."""
        return iso(self.clock.now_ms())

    def add_custom(self, custom: CustomObject) -> ObjectStore:
        """A new object type of the account's own; one of the same name takes the place of a standard type."""
        word = custom.singular.lower() or custom.name.removesuffix("s")
        kind = Kind(custom.name, custom.type_id, custom.name, custom.required, label=custom.singular or custom.name)
        own = len(self.custom_objects) + 1
        self.custom_objects[custom.name] = custom
        store = self._add_store(kind, first_id=own * 1_000_001)
        store.changed = None if self.associations.changed is None else set()
        self.aliases[f"p{self.config.portal_id}_{custom.name}"] = custom.name
        self.aliases.setdefault(word, custom.name)
        group = next(iter(store.schema.groups))
        for definition in custom.properties:
            options = [(str(option["value"]), str(option["label"])) for option in definition.get("options", ())]
            put_property(
                store,
                Property(
                    name=definition["name"],
                    label=definition.get("label", definition["name"]),
                    type=definition.get("type", "string"),
                    field_type=definition.get("fieldType", "text"),
                    group_name=definition.get("groupName", group),
                    has_unique_value=bool(definition.get("hasUniqueValue")),
                    options=options_of(options),
                    modification_metadata=ModificationMetadata(),
                ),
            )
        return store

    def remove_custom(self, name: str) -> None:
        """Drop an object type of the account's own."""
        del self.custom_objects[name]
        del self.stores[name]
        self.aliases = {alias: target for alias, target in self.aliases.items() if target != name}

    def _add_store(self, kind: Kind, *, first_id: int) -> ObjectStore:
        store = ObjectStore(kind, first_id, self.config.portal_id)
        store.keep_history = self.config.keep_history
        self.stores[kind.name] = store
        for alias in kind.aliases():
            self.aliases[alias] = kind.name
        for unique_name in store.schema.unique_names:
            store.index_unique(unique_name)
        return store


def put_property(store: ObjectStore, definition: Property, visible_at_ms: int = 0) -> None:
    """Add a definition and index it if its values are unique."""
    store.schema.put(definition, visible_at_ms)
    if definition.has_unique_value:
        store.index_unique(definition.name)
    if definition.group_name not in store.schema.groups:
        store.schema.groups[definition.group_name] = Group(name=definition.group_name, label=definition.group_name)

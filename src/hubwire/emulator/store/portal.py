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
from hubwire.emulator.store.access import Grant
from hubwire.emulator.store.associations import Associations
from hubwire.emulator.store.clock import Clock
from hubwire.emulator.store.config import EmulatorConfig
from hubwire.emulator.store.faults import Faults
from hubwire.emulator.store.limiter import Limiter
from hubwire.emulator.store.occurrences import EventLog
from hubwire.emulator.store.records import ObjectStore
from hubwire.emulator.store.rules import AdminRules
from hubwire.emulator.store.schema import (
    Group,
    ModificationMetadata,
    Property,
    options_of,
)
from hubwire.emulator.store.writes import WriteContext
from hubwire.emulator.wire import invalid

_ALIASES = {
    "contact": "contacts",
    "0-1": "contacts",
    "company": "companies",
    "0-2": "companies",
}
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


class Keeping(Protocol):
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
        self.keeper: Keeping | None = None
        self.lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        """Back to a fresh account with the configuration it started with."""
        self.config = config = self.initial_config
        self.clock = Clock(config.start_at_ms)
        self.random = random.Random(config.seed)  # noqa: S311 - order of results, not a secret
        self.stores: dict[str, ObjectStore] = {}
        self.aliases = dict(_ALIASES)
        self.validation: dict[str, AdminRules] = {}
        self.associations = Associations()
        self.events = EventLog(config.portal_id, config.keep_events)
        self.limiter = Limiter()
        self.faults = Faults()
        self.stats = Stats()
        self.requests = SeenRequests(config.keep_requests)
        self.grants: dict[str, Grant] = {}
        self.refresh_tokens: dict[str, frozenset[str] | None] = {}
        self.authorization_codes: dict[str, frozenset[str] | None] = {}
        self._correlations = 0
        self._add_store("contacts", "0-1", first_id=101)
        self._add_store("companies", "0-2", first_id=20_001)
        for number, custom in enumerate(config.custom_objects, start=1):
            self._add_custom(number)
            self.aliases[custom.type_id] = custom.name
            self.aliases[f"p{config.portal_id}_{custom.name}"] = custom.name
        if self.keeper is not None:
            self.keeper.rewrite()

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
                raise invalid(f"Unable to infer object type from: {object_type}")
        return store

    def write_context(self, store: ObjectStore, version: str) -> WriteContext:
        """What one writing call needs to know; 2026-09 paths are lenient with dates and heed the account's rules."""
        is_newest = version >= "2026-09" and version[0] == "2"
        config = self.config
        return WriteContext(
            store=store,
            now_ms=self.clock.now_ms(),
            is_lenient=is_newest,
            validation=self.validation.get(store.name) if is_newest else None,
            default_lifecycle_stage=config.default_lifecycle_stage,
            requires_identifying_property=config.requires_identifying_property,
        )

    @property
    def search_lag_ms(self) -> int:
        """Milliseconds until a write can be searched for."""
        return round(self.config.search_lag_seconds * 1000)

    def save(self, *, account_changed: bool = True) -> None:
        """Bring the file, if there is one, in step."""
        if self.keeper is not None:
            self.keeper.flush(account_changed=account_changed)

    def correlation_id(self) -> str:
        """A fresh id for one answer."""
        self._correlations += 1
        return f"00000000-0000-4000-8000-{self._correlations:012x}"

    def now_iso(self) -> str:
        """The present moment as HubSpot writes it."""
        return iso(self.clock.now_ms())

    def _add_store(self, name: str, type_id: str, *, first_id: int, required: tuple[str, ...] = ()) -> ObjectStore:
        store = ObjectStore(name, type_id, first_id, self.config.portal_id, required)
        store.keep_history = self.config.keep_history
        self.stores[name] = store
        for unique_name in store.schema.unique_names:
            store.index_unique(unique_name)
        return store

    def _add_custom(self, number: int) -> None:
        custom = self.config.custom_objects[number - 1]
        store = self._add_store(custom.name, custom.type_id, first_id=number * 1_000_001, required=custom.required)
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


def put_property(store: ObjectStore, definition: Property, visible_at_ms: int = 0) -> None:
    """Make a definition live and keep the store's unique indexes in step."""
    store.schema.put(definition, visible_at_ms)
    if definition.has_unique_value:
        store.index_unique(definition.name)
    if definition.group_name not in store.schema.groups:
        store.schema.groups[definition.group_name] = Group(name=definition.group_name, label=definition.group_name)

"""A portal on disk: one file of JSON lines, appended to after every change, rewritten whole when opened or grown.

A written line survives the end of the process, but not of the machine: nothing is fsynced. Reading ignores a last line
that was cut short. The file holds people and tokens, so only its owner can read it. It does not hold the clock, limits,
faults and statistics; those start afresh.
"""

from __future__ import annotations

import fcntl
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from hubwire.emulator.standard.association_ids import AssociationType, built_in
from hubwire.emulator.standard.catalogue import default_groups
from hubwire.emulator.store.access import Grant
from hubwire.emulator.store.config import CustomObject
from hubwire.emulator.store.forms import Form
from hubwire.emulator.store.lists import RecordList
from hubwire.emulator.store.objects.history import API, Origin, Version, compact, versions_by_name
from hubwire.emulator.store.objects.records import ObjectStore, Record
from hubwire.emulator.store.objects.rules import AdminRules
from hubwire.emulator.store.objects.schema import Group, Property
from hubwire.emulator.store.occurrences import Definition, Occurrence
from hubwire.emulator.store.owners import Owner, default_owners
from hubwire.emulator.store.pipelines import Pipelines, default_pipelines
from hubwire.emulator.store.portal import Portal, put_property
from hubwire.emulator.wire import Refusal, encode

SEEN_KEYS_PER_LINE = 10_000
COMPACT_AFTER_BYTES = 64_000_000


class PersistenceError(RuntimeError):
    """The file cannot be used: another emulator holds it, it is not one of ours, or it cannot be read or written."""


class ObjectState(msgspec.Struct):
    """The state of an object type, without its records."""

    properties: list[Property]
    archived: list[Property]
    groups: list[Group]
    redirects: dict[str, str]
    merge_counts: dict[str, int]
    blocked_emails: list[str]
    next_id: int


class CustomState(msgspec.Struct):
    """An object type of the account's own; its properties are in its `ObjectState`."""

    name: str
    type_id: str
    singular: str
    plural: str
    required: tuple[str, ...]
    primary_display: str = ""
    secondary_display: tuple[str, ...] = ()
    searchable: tuple[str, ...] = ()
    description: str = ""


class AccountState(msgspec.Struct):
    """All small state, written as a whole when any part changes."""

    objects: dict[str, ObjectState]
    labels: list[tuple[str, str, list[AssociationType]]]
    next_type_id: int
    definitions: list[Definition]
    retired: list[str]
    next_definition: int
    grants: list[Grant]
    refresh_tokens: dict[str, list[str] | None]
    authorization_codes: dict[str, list[str] | None]
    validation: dict[str, AdminRules]
    custom_objects: list[CustomState] = []
    pipelines: Pipelines | None = None
    owners: dict[str, Owner] | None = None
    lists: dict[str, RecordList] = {}
    forms: dict[str, Form] = {}
    visitors: dict[str, str] = {}
    subscriptions: dict[str, dict[str, str]] = {}
    subscription_times: dict[str, dict[str, int]] = {}
    next_number: int = 1


class RecordState(msgspec.Struct):
    """One record."""

    id: str
    properties: dict[str, str]
    created_at_ms: int
    updated_at_ms: int
    archived_at_ms: int
    history: dict[str, list[Version]] | None
    origin: Origin = API


class EventCounts(msgspec.Struct):
    """Counts of events that are no longer kept, by event name."""

    accepted: dict[str, int]
    lost: dict[str, int]
    duplicates: dict[str, int]


class Line(msgspec.Struct, omit_defaults=True):
    """One line of the file; exactly one field is set."""

    account: AccountState | None = None
    record: tuple[str, RecordState] | None = None
    gone: tuple[str, str] | None = None
    link: tuple[str, str, str, str, tuple[int, ...]] | None = None
    event: tuple[int | None, Occurrence] | None = None
    seen: tuple[int, list[int]] | None = None
    counts: EventCounts | None = None


_decode_line = msgspec.json.Decoder(Line).decode


class PortalFile:
    """Writes the changes of a portal to its file.

    Errors: `PersistenceError` when the file is held by another emulator, holds something else, or cannot be read or
    written; it is left as it was.
    """

    def __init__(self, portal: Portal, path: Path) -> None:
        self._portal = portal
        self._path = path
        self._file: BinaryIO | None = None
        self._whole_bytes = 0
        self._appended_bytes = 0
        try:
            self._lock = self._take_lock()
        except OSError as exc:
            raise PersistenceError(f"{path}: {exc.strerror}") from exc
        try:
            self.load()
            self.rewrite()
        except BaseException as exc:
            self.close()
            if isinstance(exc, OSError):
                raise PersistenceError(f"{path}: {exc.strerror}") from exc
            raise

    def load(self) -> None:
        """Bring the portal to where the file left it."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                if not raw.endswith(b"\n") and number > 1:
                    return
                try:
                    line = _decode_line(raw)
                    if number == 1 and line.account is None:
                        raise ValueError("the account is missing")
                    _apply(self._portal, line)
                except (msgspec.DecodeError, RecursionError, ValueError, Refusal) as exc:
                    raise PersistenceError(f"{self._path}: line {number} is not an emulator's: {exc}") from exc

    def rewrite(self) -> None:
        """Write the whole portal to a new file and put it in the old one's place."""
        fresh = self._path.with_name(self._path.name + ".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            for line in _snapshot(self._portal):
                file.write(encode(line) + b"\n")
            self._whole_bytes, self._appended_bytes = file.tell(), 0
        fresh.replace(self._path)
        if self._file is not None:
            self._file.close()
        self._file = self._path.open("ab")
        self._watch()

    def flush(self, *, account_changed: bool) -> None:
        """Append what has changed since the last time."""
        lines = list(_changes(self._portal))
        if account_changed:
            lines.insert(0, Line(account=_account(self._portal)))
        if not lines or self._file is None:
            return
        self._appended_bytes += self._file.write(b"".join(encode(line) + b"\n" for line in lines))
        self._file.flush()
        if self._appended_bytes > max(COMPACT_AFTER_BYTES, 2 * self._whole_bytes):
            self.rewrite()

    def close(self) -> None:
        """Release the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
        os.close(self._lock)

    def _take_lock(self) -> int:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._path.with_name(self._path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            os.close(handle)
            raise PersistenceError(f"{self._path} is in use by another emulator") from exc
        return handle

    def _watch(self) -> None:
        portal = self._portal
        for store in portal.stores.values():
            store.changed = set()
        portal.associations.changed = set()
        portal.events.fresh = []


def _changes(portal: Portal) -> Iterator[Line]:
    for store in portal.stores.values():
        for record_id in store.changed or ():
            record = store.records.get(record_id)
            if record is None:
                yield Line(gone=(store.name, record_id))
            else:
                yield Line(record=(store.name, _record_state(record)))
        if store.changed:
            store.changed.clear()
    for from_type, from_id, to_type, to_id in portal.associations.changed or ():
        held = portal.associations.targets(from_type, from_id, to_type).get(to_id, ())
        yield Line(link=(from_type, from_id, to_type, to_id, held))
    if portal.associations.changed:
        portal.associations.changed.clear()
    now_ms = portal.clock.now_ms()
    for line in portal.events.fresh or ():
        yield Line(event=(now_ms, msgspec.json.decode(line, type=Occurrence)))
    if portal.events.fresh:
        portal.events.fresh.clear()


def _snapshot(portal: Portal) -> Iterator[Line]:
    yield Line(account=_account(portal))
    for store in portal.stores.values():
        for record in store.records.values():
            yield Line(record=(store.name, _record_state(record)))
    for (from_type, to_type), by_id in portal.associations.links.items():
        for from_id, targets in by_id.items():
            for to_id, held in targets.items():
                yield Line(link=(from_type, from_id, to_type, to_id, held))
    accepted, lost = Counter(portal.events.counts), Counter(portal.events.lost_counts)
    for kept, counted in ((portal.events.kept, accepted), (portal.events.lost, lost)):
        for line in kept:
            occurrence = msgspec.json.decode(line, type=Occurrence)
            counted[occurrence.event_name] -= 1
            yield Line(event=(None, occurrence))
    yield Line(counts=EventCounts(accepted, lost, portal.events.duplicate_counts))
    for day, keys in portal.events.seen_by_day().items():
        for start in range(0, len(keys), SEEN_KEYS_PER_LINE):
            yield Line(seen=(day, keys[start : start + SEEN_KEYS_PER_LINE]))


def _account(portal: Portal) -> AccountState:
    return AccountState(
        objects={name: _object_state(store) for name, store in portal.stores.items() if _has_state(store)},
        labels=[
            (from_type, to_type, known)
            for (from_type, to_type), known in portal.associations.types.items()
            if any(label.category == "USER_DEFINED" for label in known)
        ],
        next_type_id=portal.associations.next_type_id,
        definitions=list(portal.events.definitions.values()),
        retired=sorted(portal.events.retired),
        next_definition=portal.events.next_definition,
        grants=list(portal.grants.values()),
        refresh_tokens={token: _listed(scopes) for token, scopes in portal.refresh_tokens.items()},
        authorization_codes={code: _listed(scopes) for code, scopes in portal.authorization_codes.items()},
        validation=portal.validation,
        custom_objects=[
            CustomState(**{name: getattr(custom, name) for name in CustomState.__struct_fields__})
            for custom in portal.custom_objects.values()
        ],
        pipelines=None if portal.pipelines == default_pipelines() else portal.pipelines,
        owners=None if portal.owners == default_owners() else portal.owners,
        lists=portal.lists,
        forms=portal.forms,
        visitors=portal.visitors,
        subscriptions=portal.subscriptions,
        subscription_times=portal.subscription_times,
        next_number=portal.next_number,
    )


def _has_state(store: ObjectStore) -> bool:
    """True where an object type has more than a fresh portal's."""
    return bool(
        store.records
        or store.redirects
        or store.blocked_emails
        or store.schema.archived
        or store.schema.custom_count()
        or store.next_id != store.first_id
        or {group.name: group.label for group in store.schema.groups.values()} != default_groups(store.name)
    )


def _object_state(store: ObjectStore) -> ObjectState:
    schema = store.schema
    return ObjectState(
        properties=[definition for definition in schema.live.values() if not definition.hubspot_defined],
        archived=list(schema.archived.values()),
        groups=list(schema.groups.values()),
        redirects=store.redirects,
        merge_counts=store.merge_counts,
        blocked_emails=sorted(store.blocked_emails),
        next_id=store.next_id,
    )


def _record_state(record: Record) -> RecordState:
    return RecordState(
        record.id,
        record.properties,
        record.created_at_ms,
        record.updated_at_ms,
        record.archived_at_ms,
        versions_by_name(record.history),
        record.origin,
    )


def _apply(portal: Portal, line: Line) -> None:
    if line.account is not None:
        _apply_account(portal, line.account)
    elif line.record is not None:
        _apply_record(portal.store(line.record[0]), line.record[1])
    elif line.gone is not None:
        store = portal.store(line.gone[0])
        if (record := store.records.get(line.gone[1])) is not None:
            store.forget(record)
    elif line.link is not None:
        portal.associations.restore(*line.link)
    elif line.event is not None:
        portal.events.restore(line.event[1], line.event[0])
    elif line.counts is not None:
        portal.events.counts.update(line.counts.accepted)
        portal.events.lost_counts.update(line.counts.lost)
        portal.events.duplicate_counts.update(line.counts.duplicates)
    elif line.seen is not None:
        portal.events.restore_seen(*line.seen)


def _apply_custom_objects(portal: Portal, account: AccountState) -> None:
    """Bring the account's own types to what a later line says; those of the configuration stay as configured."""
    configured = {custom.name for custom in portal.config.own_objects}
    kept = {custom.name for custom in account.custom_objects}
    for name in portal.custom_objects.keys() - kept - configured:
        portal.remove_custom(name)
    for state in account.custom_objects:
        custom = CustomObject(**msgspec.structs.asdict(state))
        if custom.name not in portal.custom_objects:
            portal.add_custom(custom)
        elif custom.name not in configured:
            portal.custom_objects[custom.name] = custom
            portal.stores[custom.name].required = custom.required


def _apply_account(portal: Portal, account: AccountState) -> None:
    _apply_custom_objects(portal, account)
    portal.pipelines = account.pipelines if account.pipelines is not None else default_pipelines()
    portal.owners = account.owners if account.owners is not None else default_owners()
    portal.lists = account.lists
    portal.forms = account.forms
    portal.visitors = account.visitors
    portal.subscriptions = account.subscriptions
    portal.subscription_times = account.subscription_times
    portal.next_number = account.next_number
    for name, state in account.objects.items():
        if name in portal.stores:
            _apply_object(portal.stores[name], state)
    associations, events = portal.associations, portal.events
    own_labels = {(from_type, to_type): known for from_type, to_type, known in account.labels}
    associations.types = {**built_in(), **own_labels}
    associations.next_type_id = account.next_type_id
    events.definitions = {definition.fully_qualified_name: definition for definition in account.definitions}
    events.retired = set(account.retired)
    events.next_definition = account.next_definition
    portal.grants = {grant.token: grant for grant in account.grants}
    portal.refresh_tokens = {token: _scoped(scopes) for token, scopes in account.refresh_tokens.items()}
    portal.authorization_codes = {code: _scoped(scopes) for code, scopes in account.authorization_codes.items()}
    portal.validation = account.validation


def _apply_object(store: ObjectStore, state: ObjectState) -> None:
    schema = store.schema
    schema.groups = {group.name: group for group in state.groups}
    kept = {definition.name for definition in state.properties}
    for name in [name for name, known in schema.live.items() if not known.hubspot_defined and name not in kept]:
        schema.drop(name)
    for definition in state.properties:
        put_property(store, definition)
    schema.archived = {definition.name: definition for definition in state.archived}
    store.redirects = state.redirects
    store.merge_counts = state.merge_counts
    store.blocked_emails = set(state.blocked_emails)
    store.next_id = max(store.next_id, state.next_id)


def _apply_record(store: ObjectStore, state: RecordState) -> None:
    record = Record(state.id, state.created_at_ms, state.origin)
    record.properties = state.properties
    record.updated_at_ms = state.updated_at_ms
    record.archived_at_ms = state.archived_at_ms
    record.history = compact(state.history)
    store.adopt(record)


def _listed(scopes: frozenset[str] | None) -> list[str] | None:
    return None if scopes is None else sorted(scopes)


def _scoped(scopes: list[str] | None) -> frozenset[str] | None:
    return None if scopes is None else frozenset(scopes)

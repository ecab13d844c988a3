"""Reads HubSpot's change journal for the destinations that have credentials for it, and corrects Hubwire's memory.

Off without credentials. A journal that fails is read again a minute later and delays no delivery. Several processes may
read the same journal, because a correction that is made twice does no harm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import structlog

from hubwire.backends.store import Store
from hubwire.clock import Clock
from hubwire.destination import Destination
from hubwire.errors import HubSpotError, Refused, SettingsError, Unreadable
from hubwire.hubspot.change_journal import (
    KEPT_MS,
    UPDATE,
    ChangeJournal,
    ForeignChange,
    JournalFile,
    decode_file,
)
from hubwire.hubspot.client import HubSpotClient
from hubwire.object_types import standard_type
from hubwire.plan.presets import object_types_of
from hubwire.record.foreign import ForeignChanges

log = structlog.get_logger("hubwire")

FILE = "change-journal.json"
CUSTOM = "2-"
"""The beginning of the ids of custom objects."""
READ_SECONDS = 60.0
FILES_PER_TURN = 100
MARK_MS = 3_600_000
"""How often the bookmark of a journal without news is written."""
CYCLE_SECONDS = 60
"""How long a cycle that was open is waited for, at most."""

Wait = Callable[[float], Awaitable[None]]
MakeClient = Callable[[Destination], HubSpotClient | None]


class Bookmark(msgspec.Struct, frozen=True):
    """The last applied file of a portal, and when the journal was last read to its end."""

    hub_id: str
    offset: str | None
    read_at_ms: int


class Bookmarks:
    """The bookmarks by destination, in one small file of the data folder. A lost file only means more reading."""

    def __init__(self, data: Path) -> None:
        self._path = data / FILE
        try:
            self._bookmarks = msgspec.json.decode(self._path.read_bytes(), type=dict[int, Bookmark])
        except (OSError, msgspec.MsgspecError):
            self._bookmarks = {}

    def get(self, destination: Destination) -> Bookmark | None:
        """The bookmark of a destination; None if it has none, or one of another portal."""
        bookmark = self._bookmarks.get(destination.destination_id)
        return bookmark if bookmark is not None and bookmark.hub_id == destination.hub_id else None

    def set(self, destination_id: int, bookmark: Bookmark | None) -> None:
        """Store a bookmark, or with None remove it."""
        before = self._bookmarks.pop(destination_id, None)
        if bookmark is not None:
            self._bookmarks[destination_id] = bookmark
        elif before is None:
            return
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(self._bookmarks))
        fresh.replace(self._path)


@dataclass(slots=True)
class _Reader:
    """What one destination's journal is read with. The client keeps its token for as long as it is valid."""

    destination: Destination
    journal: ChangeJournal
    client: HubSpotClient
    subscribed: frozenset[str] | None = None
    """The object types, beside contact and company, that were subscribed to; None before the first time."""


class ChangeJournals:
    """All change journals of one process."""

    def __init__(
        self, store: Store, make_client: MakeClient, clock: Clock, data: Path, wait: Wait = asyncio.sleep
    ) -> None:
        self._store = store
        self._make_client = make_client
        self._clock = clock
        self._wait = wait
        self._bookmarks = Bookmarks(data)
        self._readers: dict[int, _Reader] = {}
        self._version: int | None = None
        self._problems: dict[int, str] = {}

    async def run(self) -> None:
        """Read all journals every minute. Runs for ever."""
        try:
            while True:
                await self.run_once()
                await self._wait(READ_SECONDS)
        finally:
            await self._close(list(self._readers))

    async def run_once(self) -> None:
        """Read the new files of all journals. Logs each new problem once."""
        await self._follow_registry()
        for reader in list(self._readers.values()):
            await self._read(reader)

    async def _follow_registry(self) -> None:
        """Make readers anew after any change of destinations or credentials."""
        registry = self._store.registry
        version = await asyncio.to_thread(registry.version)
        if version == self._version:
            return
        await self._close(list(self._readers))
        for destination in (await asyncio.to_thread(registry.destinations)).values():
            destination_id, name = destination.destination_id, destination.name
            try:
                client = await asyncio.to_thread(self._make_client, destination)
            except SettingsError as exc:
                self._report(destination_id, name, str(exc))
                continue
            if client is None or destination.hub_id is None:
                self._problems.pop(destination_id, None)
                self._bookmarks.set(destination_id, None)
                continue
            self._readers[destination_id] = _Reader(destination, ChangeJournal(client, destination.hub_id), client)
        self._version = version

    async def _close(self, destination_ids: Sequence[int]) -> None:
        for destination_id in destination_ids:
            await self._readers.pop(destination_id).client.close()

    async def _read(self, reader: _Reader) -> None:
        destination = reader.destination
        try:
            await self._subscribe(reader)
            await self._read_files(reader)
        except (HubSpotError, OSError) as exc:
            self._report(destination.destination_id, destination.name, str(exc))
        else:
            self._problems.pop(destination.destination_id, None)

    async def _subscribe(self, reader: _Reader) -> None:
        """Subscribe to what the destination's rules write, once, and again when the memory knows more of it."""
        destination = reader.destination
        type_ids = await asyncio.to_thread(self._type_ids, destination)
        if type_ids == reader.subscribed:
            return
        refused = await reader.journal.subscribe(type_ids)
        for type_id, problem in refused.items():
            name = destination.name
            log.warning("change_journal.object_left_out", destination=name, object_type=type_id, problem=problem)
        reader.subscribed = type_ids

    def _type_ids(self, destination: Destination) -> frozenset[str]:
        """The ids of the object types that the rules name. A custom object that they name by its name is known by its
        id as soon as the memory has a record of it."""
        names = object_types_of(destination)
        standard = {known.type_id for name in names if (known := standard_type(name)) is not None}
        by_id = {name for name in names if name.startswith(CUSTOM)}
        has_names = any(standard_type(name) is None for name in names - by_id)
        remembered = self._store.record.objects.custom_types(destination.destination_id) if has_names else ()
        return frozenset([*standard, *by_id, *remembered])

    async def _read_files(self, reader: _Reader) -> None:
        """Apply the files after the bookmark. A file that cannot be read is left out, and logged."""
        destination = reader.destination
        offset = self._start(destination)
        for _ in range(FILES_PER_TURN):
            file = await self._next_file(reader, offset)
            if file is None:
                self._mark(destination, offset)
                return
            try:
                await self._apply(destination, file)
            except Unreadable as exc:
                name = destination.name
                log.warning("change_journal.file_left_out", destination=name, offset=file.offset, problem=str(exc))
            offset = file.offset
            self._mark(destination, offset)

    def _start(self, destination: Destination) -> str | None:
        """The offset after which to read on; None for the oldest file."""
        bookmark = self._bookmarks.get(destination)
        if bookmark is None:
            return None
        if self._clock.now_ms() - bookmark.read_at_ms > KEPT_MS:
            self._report_gap(destination)
            return None
        return bookmark.offset

    async def _next_file(self, reader: _Reader, offset: str | None) -> JournalFile | None:
        try:
            return await reader.journal.next_file(offset)
        except Refused as exc:
            if exc.status not in (400, 404) or offset is None:
                raise
        self._report_gap(reader.destination)
        return await reader.journal.next_file(None)

    async def _apply(self, destination: Destination, file: JournalFile) -> None:
        """Correct the memory; twice if a cycle was open, because it may write what it knew before.

        Errors: Unreadable.
        """
        hub_id, destination_id = destination.hub_id or "", destination.destination_id
        changes = by_kind(await asyncio.to_thread(decode_file, file.body, hub_id))
        if not changes:
            return
        open_cycles = await self._open_cycles()
        await asyncio.to_thread(self._store.corrections.apply, destination_id, changes)
        if not open_cycles:
            return
        for _ in range(CYCLE_SECONDS):
            if open_cycles.isdisjoint(await self._open_cycles()):
                break
            await self._wait(1.0)
        await asyncio.to_thread(self._store.corrections.apply, destination_id, changes)

    async def _open_cycles(self) -> set[int]:
        return await asyncio.to_thread(self._store.privacy.open_cycles, self._clock.now_ms())

    def _mark(self, destination: Destination, offset: str | None) -> None:
        now_ms = self._clock.now_ms()
        before = self._bookmarks.get(destination)
        if before is not None and before.offset == offset and now_ms - before.read_at_ms < MARK_MS:
            return
        bookmark = Bookmark(destination.hub_id or "", offset, now_ms)
        self._bookmarks.set(destination.destination_id, bookmark)

    @staticmethod
    def _report_gap(destination: Destination) -> None:
        log.warning(
            "change_journal.gap",
            destination=destination.name,
            note="reads on with the oldest file; HubSpot no longer has the changes before it",
        )

    def _report(self, destination_id: int, name: str, problem: str) -> None:
        if self._problems.get(destination_id) != problem:
            self._problems[destination_id] = problem
            log.warning("change_journal.failed", destination=name, problem=problem)


def by_kind(changes: Sequence[ForeignChange]) -> list[ForeignChanges]:
    """The changes of a file as the memory takes them. Of several values of a property, the last one counts."""
    moved: dict[str, set[str]] = {}
    values: dict[str, dict[str, Mapping[str, str | None]]] = {}
    for change in changes:
        kind = change.kind
        if change.action == UPDATE:
            record_id = str(change.object_id)
            of_kind = values.setdefault(kind, {})
            of_kind[record_id] = {**of_kind.get(record_id, {}), **change.values}
        else:
            moved.setdefault(kind, set()).update(change.record_ids)
    return [
        ForeignChanges(kind, frozenset(moved.get(kind, ())), values.get(kind, {})) for kind in sorted({*moved, *values})
    ]

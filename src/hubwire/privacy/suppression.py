"""Suppression of deleted people: their later messages are counted and not stored, or, if stored before, never sent.

Ids are compared as keyed digests; without any suppression, nothing is compared. A message belongs to a person by its
userId, its e-mail, or, if it has no userId, its anonymousId, so another user of the same device is not suppressed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from hubwire.clock import Clock, VersionCheck
from hubwire.destination import Source
from hubwire.journal.protocol import Extent, Journal
from hubwire.message import Entry, JournalRow
from hubwire.plan.emails import as_email
from hubwire.privacy.person_ids import Digests, Ids, ids_of
from hubwire.reasons import Reason
from hubwire.record.privacy import PrivacyStore
from hubwire.registry.protocol import Registry
from hubwire.registry.vault import Vault

CHECK_SECONDS = 1.0
REMEMBERED_PEOPLE = 50_000
"""The number of people whose answer is remembered until the list changes, because digests are the expensive part."""
Positions = Sequence[int | None]


class Appending(Protocol):
    """The receiver of entries: the group commit."""

    async def append(self, entries: Sequence[Entry]) -> list[int | None]: ...

    def submit(self, entries: Sequence[Entry], settled: Callable[[Positions | Exception], None]) -> None: ...


class HasIds(Protocol):
    """A message with the ids of its person: an `Entry` or a `Row`."""

    @property
    def source_id(self) -> int: ...

    @property
    def body(self) -> bytes: ...

    @property
    def envelope(self) -> bytes | None: ...


class SuppressionStore(Protocol):
    """The source of suppressions: a `Store`."""

    @property
    def privacy(self) -> PrivacyStore: ...

    @property
    def registry(self) -> Registry: ...

    @property
    def vault(self) -> Vault: ...


def keeps_out(store: SuppressionStore, identity: str) -> bool:
    """True if messages of this e-mail, userId or anonymousId are suppressed in at least one source. Blocks."""
    digests = Digests(store.vault)
    spaces = {source.identity_space for source in store.registry.sources().values()}
    names = {digests.user(identity), *(digests.key(space, f"{kind}:{identity}") for space in spaces for kind in "ua")}
    email = as_email(identity)
    if email:
        names.add(digests.email(email))
    return not names.isdisjoint(store.privacy.suppressed())


class Suppressions:
    """Detects messages of suppressed people. Notices a change of the list within `check_seconds`."""

    def __init__(
        self,
        privacy: PrivacyStore,
        registry: Registry,
        vault: Vault,
        clock: Clock,
        version: Callable[[], int] | None = None,
        check_seconds: float = CHECK_SECONDS,
    ) -> None:
        """Shape: `version` is the registry's version or a substitute. With `check_seconds` 0, every call reads it."""
        self.count = 0
        """Messages suppressed since the start, for /metrics."""
        self._version = VersionCheck(version or registry.version, clock, check_seconds)
        self._privacy = privacy
        self._registry = registry
        self._digests = Digests(vault)
        self._known: frozenset[bytes] = frozenset()
        self._answers: dict[tuple[int, Ids], bool] = {}
        self._sources: Mapping[int, Source] = {}

    def admitted(self, entries: Sequence[HasIds]) -> list[bool]:
        """For each message, True if its person is not suppressed. Suppressed messages are counted."""
        self._follow()
        if not self._known:
            return [True] * len(entries)
        may = [not self._is_suppressed(entry) for entry in entries]
        self.count += may.count(False)
        return may

    def _is_suppressed(self, entry: HasIds) -> bool:
        person = (entry.source_id, ids_of(entry.body, entry.envelope))
        answer = self._answers.get(person)
        if answer is None:
            if len(self._answers) >= REMEMBERED_PEOPLE:
                self._answers.clear()
            answer = self._answers[person] = self._look_up(*person)
        return answer

    def _look_up(self, source_id: int, ids: Ids) -> bool:
        source = self._sources.get(source_id)
        space = source.identity_space if source is not None else ""
        return any(digest in self._known for digest in self._digests_of(ids, space))

    def _digests_of(self, ids: Ids, space: str) -> Iterable[bytes]:
        yield from (self._digests.email(email) for email in ids.emails)
        if ids.user_id is not None:
            yield self._digests.user(ids.user_id)
            yield self._digests.key(space, f"u:{ids.user_id}")
        elif ids.anonymous_id is not None:
            yield self._digests.key(space, f"a:{ids.anonymous_id}")

    def _follow(self) -> None:
        version = self._version.changed()
        if version is not None:
            self._known = self._privacy.suppressed()
            self._sources = self._registry.sources()
            self._version.known = version
            self._answers.clear()


def append_admitted(
    append: Callable[[list[Entry]], list[int | None]], suppressions: Suppressions, entries: Sequence[Entry]
) -> list[int | None]:
    """Append the entries that may be stored; the others have no position, like duplicates."""
    may = suppressions.admitted(entries)
    return _with_gaps(append(chosen(entries, may)), may)


class SuppressingJournal:
    """Appends to a journal, except messages of suppressed people; such an entry has no position, like a duplicate."""

    def __init__(self, journal: Appending, suppressions: Suppressions) -> None:
        self.suppressions = suppressions
        self._journal = journal

    async def append(self, entries: Sequence[Entry]) -> list[int | None]:
        """The positions, as the journal's own `append` gives them; None also for suppressed messages."""
        may = self.suppressions.admitted(entries)
        if all(may):
            return await self._journal.append(entries)
        return _with_gaps(await self._journal.append(chosen(entries, may)), may)

    def submit(self, entries: Sequence[Entry], settled: Callable[[Positions | Exception], None]) -> None:
        """`append` for a caller that does not wait, as in the group commit."""
        may = self.suppressions.admitted(entries)
        if all(may):
            self._journal.submit(entries, settled)
            return

        def settled_chosen(outcome: Positions | Exception) -> None:
            settled(outcome if isinstance(outcome, Exception) else _with_gaps(outcome, may))

        self._journal.submit(chosen(entries, may), settled_chosen)


def _with_gaps(positions: Positions, may: Collection[bool]) -> list[int | None]:
    """The positions of the entries that were stored, None for the others."""
    stored = iter(positions)
    return [next(stored) if is_allowed else None for is_allowed in may]


def chosen(entries: Sequence[Entry], may: Collection[bool]) -> list[Entry]:
    """The entries that may be stored."""
    return [entry for entry, is_allowed in zip(entries, may, strict=True) if is_allowed]


class SuppressedRows:
    """The lanes' view of the journal: rows of deleted people are `rejected` as `suppressed`, and lanes discard them.

    Receivers refuse such messages as soon as they learn of the deletion, within two seconds; messages from in between
    are in the journal. A lane therefore checks the list at every read. `Forgetter.sweep` removes the messages that
    lanes met.
    """

    def __init__(self, journal: Journal, suppressions: Suppressions) -> None:
        self._journal = journal
        self._suppressions = suppressions

    def read(
        self, after: int, limit: int, *, source_ids: Sequence[int] | None, is_backfill: bool | None
    ) -> list[JournalRow]:
        return self._marked(self._journal.read(after, limit, source_ids=source_ids, is_backfill=is_backfill))

    def read_at(self, positions: Sequence[int]) -> dict[int, JournalRow]:
        return {row.position: row for row in self._marked(self._journal.read_at(positions).values())}

    def _marked(self, journal_rows: Iterable[JournalRow]) -> list[JournalRow]:
        rows = list(journal_rows)
        may = self._suppressions.admitted(rows)
        if all(may):
            return rows
        mark = Reason.SUPPRESSED.value
        return [
            row if is_allowed else msgspec.structs.replace(row, rejected=mark)
            for row, is_allowed in zip(rows, may, strict=True)
        ]

    # -- as it is

    @property
    def group_positions(self) -> int:
        return self._journal.group_positions

    def append(self, entries: Sequence[Entry]) -> list[int | None]:
        return self._journal.append(entries)

    def find(self, message_id: str) -> list[JournalRow]:
        return self._journal.find(message_id)

    def newest(self, before: int | None, limit: int) -> list[JournalRow]:
        return self._journal.newest(before, limit)

    def extent(self) -> Extent:
        return self._journal.extent()

    def count_after(self, after: int, *, source_ids: Sequence[int] | None, is_backfill: bool) -> tuple[int, int | None]:
        return self._journal.count_after(after, source_ids=source_ids, is_backfill=is_backfill)

    def remove_through(self, position: int, limit: int) -> int:
        return self._journal.remove_through(position, limit)

    def redact(self, positions: Sequence[int]) -> int:
        return self._journal.redact(positions)

    def close(self) -> None:
        self._journal.close()

"""From journal rows to a cycle's work: decode, learn who is who, plan, coalesce.

Two passes over each slice: first everything that the messages teach of identities, then their plans, so that an
identify also helps the messages before it. What is still held when the cycle's last slice has been read gets a second
chance. Each message is read and planned on its own: one over which Hubwire fails is dead alone. Reads the identity
memory through `load_links`; writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from hubwire.deliver.cycle.bugs import Bugs
from hubwire.deliver.cycle.coalesce import Work
from hubwire.deliver.cycle.outcomes import Outcomes
from hubwire.deliver.verdicts import without_answer
from hubwire.destination import Destination, Source
from hubwire.message import JournalRow, Message, read_message
from hubwire.operation import Discard, Hold, Link
from hubwire.plan.identity import MAX_DEPTH, Identity, pointer_targets
from hubwire.plan.planner import keys_of, links_of, plan
from hubwire.reasons import Reason
from hubwire.schema import PortalSchema

LoadLinks = Callable[[Iterable[tuple[str, str]]], Mapping[tuple[str, str], Link]]
SLICE_MESSAGES = 1000
SLICE_BYTES = 2 * 1024 * 1024


class _Read(NamedTuple):
    """A decoded message, the ids to look up for it, and what it teaches of who is who."""

    row: JournalRow
    message: Message
    keys: frozenset[tuple[str, str]]
    links: Sequence[Link]


class Gatherer:
    """Collects the work of one cycle."""

    def __init__(
        self,
        destination: Destination,
        sources: Mapping[int, Source],
        schema: PortalSchema,
        load_links: LoadLinks,
        outcomes: Outcomes,
        bugs: Bugs | None = None,
    ) -> None:
        self.work = Work()
        self.identity = Identity()
        self.outcomes = outcomes
        self.missing_properties: set[tuple[str, str, str]] = set()
        self._destination = destination
        self._sources = sources
        self._schema = schema
        self._load_links = load_links
        self._bugs = bugs or Bugs()
        self._held: list[JournalRow] = []
        self._looked_up: set[tuple[str, str]] = set()

    def take(self, rows: Sequence[JournalRow]) -> None:
        """Plan rows, in slices that bound the memory of decoded messages."""
        for part in slices(rows):
            self._take_slice(part)

    def finish(self) -> None:
        """Plan again what was held: a later message of the cycle may have named its person."""
        held, self._held = self._held, []
        for row in held:
            self.outcomes.fates.pop(row.position, None)
            self.outcomes.left_out.pop(row.position, None)
            self._plan(row, read_message(row, self._destination.future_grace_ms))

    def _take_slice(self, rows: Sequence[JournalRow]) -> None:
        read: list[_Read] = []
        for row in rows:
            self.outcomes.planned_count += 1
            if row.rejected is not None:
                # A due row whose person was forgotten in the meantime: only its tombstone is left.
                self.outcomes.discard_or_hold(row.position, Discard(Reason.SUPPRESSED))
            elif row.source_id not in self._sources:
                self.outcomes.discard_or_hold(row.position, Discard(Reason.SOURCE_NOT_CONNECTED))
            else:
                found = self._read(row)
                if found is not None:
                    read.append(found)
        self._learn(read)
        for row, message, _, _ in read:
            self._plan(row, message)

    def _read(self, row: JournalRow) -> _Read | None:
        """The message of a row; None when Hubwire itself fails over it."""
        try:
            message = read_message(row, self._destination.future_grace_ms)
            source = self._sources[message.source_id]
            links = list(links_of(message, source, self._destination))
            return _Read(row, message, frozenset(keys_of(message, source)), links)
        except Exception as exc:
            self._fail(row, exc)
            return None

    def _learn(self, read: Sequence[_Read]) -> None:
        wanted = {key for one in read for key in one.keys}
        for _ in range(MAX_DEPTH):
            wanted -= self._looked_up
            if not wanted:
                break
            self._looked_up |= wanted
            known = self._load_links(wanted)
            self.identity.know(known)
            wanted = set(pointer_targets(known.values()))
        for one in read:
            for link in one.links:
                self.identity.learn(link)

    def _plan(self, row: JournalRow, message: Message) -> None:
        try:
            made = plan(message, self._sources[message.source_id], self._destination, self._schema, self.identity)
        except Exception as exc:
            self._fail(row, exc)
            return
        if made.left_out:
            self.outcomes.leave_out(row.position, made.left_out)
        if made.fate is not None:
            self.outcomes.discard_or_hold(row.position, made.fate)
            if isinstance(made.fate, Hold):
                self._held.append(row)
        if made.missing_properties:
            self.missing_properties.update(made.missing_properties)
        self.work.add(made.operations)

    def _fail(self, row: JournalRow, exc: Exception) -> None:
        """Our own bug over one message must not hold up all that come after it."""
        self._bugs.log("message.failed", exc, message_id=row.message_id)
        self.outcomes.judge([row.position], without_answer.internal_error(exc))


def slices(rows: Iterable[JournalRow]) -> Iterator[list[JournalRow]]:
    """The rows in order, in groups that are small enough to decode at once."""
    group: list[JournalRow] = []
    size = 0
    for row in rows:
        if len(group) >= SLICE_MESSAGES or (group and size + len(row.body) > SLICE_BYTES):
            yield group
            group, size = [], 0
        group.append(row)
        size += len(row.body)
    if group:
        yield group

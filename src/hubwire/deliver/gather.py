"""From journal rows to a cycle's work: decode, learn who is who, plan, coalesce.

Two passes over each slice: first everything that the messages teach of identities, then their plans, so that an
identify also helps the messages before it. What is still held when the cycle's last slice has been read gets a second
chance. Reads the identity memory through `load_links`; writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from hubwire.deliver.coalesce import Work
from hubwire.deliver.ledger import Ledger
from hubwire.destination import Destination, Source
from hubwire.message import Message, Row, read_message
from hubwire.operation import Discard, Hold, Link
from hubwire.plan.identity import MAX_DEPTH, Identity, pointer_targets
from hubwire.plan.planner import keys_of, links_of, plan
from hubwire.reasons import Reason
from hubwire.schema import PortalSchema

LoadLinks = Callable[[Iterable[tuple[str, str]]], Mapping[tuple[str, str], Link]]
SLICE_MESSAGES = 1000


class Gatherer:
    """Collects the work of one cycle."""

    def __init__(
        self,
        destination: Destination,
        sources: Mapping[int, Source],
        schema: PortalSchema,
        load_links: LoadLinks,
        ledger: Ledger,
    ) -> None:
        self.work = Work()
        self.identity = Identity()
        self.missing_properties: set[tuple[str, str, str]] = set()
        self._destination = destination
        self._sources = sources
        self._schema = schema
        self._load_links = load_links
        self._ledger = ledger
        self._held: list[Row] = []
        self._asked: set[tuple[str, str]] = set()

    def take(self, rows: Sequence[Row]) -> None:
        """Plan rows, in slices that bound the memory of decoded messages."""
        for start in range(0, len(rows), SLICE_MESSAGES):
            self._take_slice(rows[start : start + SLICE_MESSAGES])

    def finish(self) -> None:
        """Plan again what was held: a later message of the cycle may have named its person."""
        held, self._held = self._held, []
        for row in held:
            self._ledger.fates.pop(row.position, None)
            self._ledger.left_out.pop(row.position, None)
            self._plan(row, read_message(row))

    def _take_slice(self, rows: Sequence[Row]) -> None:
        messages: list[tuple[Row, Message]] = []
        for row in rows:
            self._ledger.planned_count += 1
            if row.rejected is not None:
                # A due row whose person was forgotten in the meantime: only its tombstone is left.
                self._ledger.discard_or_hold(row.position, Discard(Reason.SUPPRESSED))
            elif row.source_id in self._sources:
                messages.append((row, read_message(row)))
            else:
                self._ledger.discard_or_hold(row.position, Discard(Reason.SOURCE_NOT_CONNECTED))
        self._learn([message for _, message in messages])
        for row, message in messages:
            self._plan(row, message)

    def _learn(self, messages: Sequence[Message]) -> None:
        wanted = {key for message in messages for key in keys_of(message, self._sources[message.source_id])}
        for _ in range(MAX_DEPTH):
            wanted -= self._asked
            if not wanted:
                break
            self._asked |= wanted
            known = self._load_links(wanted)
            self.identity.know(known)
            wanted = set(pointer_targets(known.values()))
        for message in messages:
            for link in links_of(message, self._sources[message.source_id], self._destination):
                self.identity.learn(link)

    def _plan(self, row: Row, message: Message) -> None:
        made = plan(message, self._sources[message.source_id], self._destination, self._schema, self.identity)
        if made.left_out:
            self._ledger.leave_out(row.position, made.left_out)
        if made.fate is not None:
            self._ledger.discard_or_hold(row.position, made.fate)
            if isinstance(made.fate, Hold):
                self._held.append(row)
        self.missing_properties.update(made.missing_properties)
        self.work.add(made.operations)

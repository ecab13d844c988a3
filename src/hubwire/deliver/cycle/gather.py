"""Turns journal rows into a cycle's work: decodes them, learns identities, plans, and merges.

Each slice has two passes: the first learns the identities of all its messages, the second plans them, so an identify
call also helps earlier messages. After the last slice, messages that are still held are planned again. Each message is
read and planned separately: if Hubwire itself fails on one, only that one is dead. Reads the identity memory through
`load_links`; writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import structlog

from hubwire.decoding import read_message
from hubwire.deliver.cycle.coalesce import Work
from hubwire.deliver.cycle.outcomes import Outcomes
from hubwire.deliver.verdicts import without_answer
from hubwire.destination import Destination, Source
from hubwire.message import JournalRow, Message
from hubwire.operation import Associate, Discard, Hold, Link, Operation, Plan, UpsertCompany
from hubwire.plan.identity import MAX_STEPS, Identity, pointer_targets
from hubwire.plan.planner import keys_of, keys_of_person, links_of, plan
from hubwire.plan.rules.rule_set import rule_set
from hubwire.reasons import Reason
from hubwire.schema import PortalSchema

log = structlog.get_logger("hubwire.deliver")

LoadLinks = Callable[[Iterable[tuple[str, str]]], Mapping[tuple[str, str], Link]]
SLICE_MESSAGES = 1000
SLICE_BYTES = 2 * 1024 * 1024
_WAITED_FOR_COMPANIES = (Reason.COMPANIES_TOGETHER, Reason.COMPANY_MAY_APPEAR)


class _Read(NamedTuple):
    """A decoded message, the ids to look up for it, and the identity links that it teaches."""

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
        now_ms: int = 0,
        received_since_ms: int | None = None,
        company_wait_ms: int = 0,
    ) -> None:
        """Shape: of messages received before `received_since_ms`, only the identities count, unless they are due. Live
        messages with work on companies are put off once for `company_wait_ms`."""
        self.work = Work()
        self.add: Callable[[Sequence[Operation]], None] = self.work.add
        """Takes the operations of each message."""
        self.identity = Identity()
        self.outcomes = outcomes
        self.missing_properties: set[tuple[str, str, str]] = set()
        self.missing_options: set[tuple[str, str, str]] = set()
        self._destination = destination
        self._sources = sources
        self._schema = schema
        self._load_links = load_links
        self._now_ms = now_ms
        self._received_since_ms = received_since_ms or 0
        self._company_wait_ms = company_wait_ms
        self._held: list[JournalRow] = []
        self._looked_up: set[tuple[str, str]] = set()

    def take(self, rows: Sequence[JournalRow]) -> None:
        """Plan rows, in slices that bound the memory of decoded messages."""
        for part in slices(rows):
            self._take_slice(part)

    def finish(self) -> None:
        """Plan held messages again: a later message of the cycle may have named their person.

        Only now is it clear that the wait for a person goes on, or that it is over.
        """
        held, self._held = self._held, []
        for part in slices(held):
            messages = [read_message(row, self._destination.future_grace_ms) for row in part]
            self._load_traits(messages)
            for row, message in zip(part, messages, strict=True):
                self._plan_again(row, message)

    def _plan_again(self, row: JournalRow, message: Message) -> None:
        self.outcomes.fates.pop(row.position, None)
        self.outcomes.left_out.pop(row.position, None)
        due = self.outcomes.due.get(row.position)
        since_ms = due.first_attempt_at_ms if due is not None else None
        waited_ms = 0 if since_ms is None else self._now_ms - since_ms
        self._plan(row, message, waited_ms)

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
        self._load_traits([message for _, message, _, _ in read])
        for row, message, _, _ in read:
            if row.received_at_ms < self._received_since_ms and row.position not in self.outcomes.due:
                self.outcomes.discard_or_hold(row.position, Discard(Reason.BEFORE_SWITCH_ON))
            else:
                self._plan(row, message)

    def _read(self, row: JournalRow) -> _Read | None:
        """The message of a row; None if Hubwire itself fails on it."""
        try:
            message = read_message(row, self._destination.future_grace_ms)
            source = self._sources[message.source_id]
            links = list(links_of(message, source, self._destination))
            return _Read(row, message, frozenset(keys_of(message, source)), links)
        except Exception as exc:
            self._fail(row, exc)
            return None

    def _learn(self, read: Sequence[_Read]) -> None:
        keys = {key for message in read for key in message.keys}
        for _ in range(MAX_STEPS):
            keys -= self._looked_up
            if not keys:
                break
            self._looked_up |= keys
            known = self._load_links(keys)
            self.identity.know(known)
            keys = set(pointer_targets(known.values()))
        for message in read:
            for link in message.links:
                self.identity.learn(link)

    def _load_traits(self, messages: Sequence[Message]) -> None:
        """Load what rules need of the messages' people, whose ids are known now."""
        if not self._destination.has_rules or not rule_set(self._destination).person_traits:
            return
        found = {
            key
            for message in messages
            for key in keys_of_person(message, self._sources[message.source_id], self._destination, self.identity)
        }
        keys = found - self._looked_up
        if keys:
            self._looked_up |= keys
            self.identity.know(self._load_links(keys))

    def _plan(self, row: JournalRow, message: Message, waited_ms: int | None = None) -> None:
        source = self._sources[message.source_id]
        try:
            planned = plan(message, source, self._destination, self._schema, self.identity, waited_ms)
        except Exception as exc:
            self._fail(row, exc)
            return
        if self._company_wait_ms and self._may_wait(row, planned):
            self.outcomes.judge([row.position], without_answer.companies_together(self._company_wait_ms))
            return
        if planned.left_out:
            self.outcomes.leave_out(row.position, planned.left_out)
        if planned.fate is not None:
            self.outcomes.discard_or_hold(row.position, planned.fate)
            if isinstance(planned.fate, Hold) and waited_ms is None:
                # `finish` plans it again, and takes the operations of the part that does not wait.
                self._held.append(row)
                return
        if planned.missing_properties:
            self.missing_properties.update(planned.missing_properties)
        if planned.missing_options:
            self.missing_options.update(planned.missing_options)
        self.add(planned.operations)

    def _may_wait(self, row: JournalRow, planned: Plan) -> bool:
        """Whether a message is live, has work on companies, and has not waited for that yet."""
        if row.is_backfill or planned.fate is not None:
            return False
        due = self.outcomes.due.get(row.position)
        if due is not None and (due.is_replay or due.reason in _WAITED_FOR_COMPANIES):
            return False
        return any(type(operation) in (UpsertCompany, Associate) for operation in planned.operations)

    def _fail(self, row: JournalRow, exc: Exception) -> None:
        """Log a bug of ours and make it this message's verdict, so that it does not block later messages."""
        log.error("message.failed", message_id=row.message_id, exc_info=exc)
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

"""Queries for people: status, lists, one message, failures by cause, replay."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from hubwire.backends.sql.database import Database
from hubwire.backends.sql.decisions.replay_targets import positions_of_replay, targets_among
from hubwire.backends.sql.lanes import marks, unpack_positions
from hubwire.backends.sql.reading.lane_status import lane_statuses
from hubwire.backends.sql.reading.person import Person, read_person
from hubwire.decoding import text_id
from hubwire.delivery import REPLAYABLE, State
from hubwire.errors import SettingsError
from hubwire.explanations import EXPLANATIONS, Kind
from hubwire.journal.protocol import Journal
from hubwire.message import JournalRow
from hubwire.reasons import LOST, Reason
from hubwire.record.holding import holds, mentions
from hubwire.record.message_filter import MessageFilter
from hubwire.record.queries import AttemptView, Failure, Fate, LaneStatus, MessageDetail, MessageSummary
from hubwire.registry.protocol import Registry

SCAN_MESSAGES = 200_000
"""The number of newest messages that a search without an index reads."""
PAGE_ROWS = 500
FATE_COLUMNS = (
    "destination_id, position, state, reason, detail, left_out, attempts, due_at_ms, updated_at_ms, is_replay, cycle_id"
)

LEFT_OUT_REASONS = frozenset(
    reason.value for reason, explanation in EXPLANATIONS.items() if explanation.kind is Kind.LEFT_OUT
)
REJECTED_REASONS = frozenset(
    reason.value for reason, explanation in EXPLANATIONS.items() if explanation.kind is Kind.REJECTED
)

_decode = msgspec.json.decode
_json = msgspec.json.Encoder().encode


FAILURES = (State.DEAD, State.RETRYING, State.HELD)
"""The states on the page of failures, which a person may want to look at."""


class SqlQueries:
    """`Queries` over one database."""

    def __init__(self, database: Database, journal: Journal, registry: Registry) -> None:
        self._database = database
        self._journal = journal
        self._registry = registry

    # -- status

    def lanes(self, now_ms: int) -> list[LaneStatus]:
        return lane_statuses(self._database.connection, self._journal, self._registry.destinations().values(), now_ms)

    # -- messages

    def messages(self, message_filter: MessageFilter) -> list[MessageSummary]:
        summaries: list[MessageSummary] = []
        person = self._person(message_filter)
        for rows in self._candidates(message_filter):
            for summary, _ in self._fitting(rows, message_filter, person):
                summaries.append(summary)
                if len(summaries) >= message_filter.limit:
                    return summaries
        return summaries

    def message(self, message_id: str) -> list[MessageDetail]:
        rows = self._journal.find(message_id)
        details: list[MessageDetail] = []
        for row, summary in zip(rows, self._summaries(rows), strict=True):
            details.append(
                MessageDetail(
                    summary=summary,
                    body=_decode(row.body),
                    envelope=_decode(row.envelope) if row.envelope else None,
                    attempts=self._attempts(row, summary.fates),
                )
            )
        return details

    def summaries(self, positions: Sequence[int]) -> list[MessageSummary]:
        return self._summaries(self._journal.read_at(positions).values())

    def failures(self) -> list[Failure]:
        return self._groups(f"state IN ({marks(FAILURES)})", FAILURES)

    def failure_trend(self, since_ms: int, step_ms: int, steps: int) -> dict[tuple[int, str, str], list[int]]:
        trend: dict[tuple[int, str, str], list[int]] = {}
        for destination_id, state, reason, step, count in self._database.connection.execute(
            "SELECT destination_id, state, reason, (updated_at_ms - ?1) / ?2 AS step, count(*) FROM delivery"
            f" WHERE state IN ({', '.join(f'?{number + 4}' for number in range(len(FAILURES)))})"
            " AND updated_at_ms >= ?1 AND updated_at_ms < ?3 GROUP BY destination_id, state, reason, step",
            (since_ms, step_ms, since_ms + step_ms * steps, *FAILURES),
        ):
            trend.setdefault((destination_id, state, reason), [0] * steps)[step] = count
        return trend

    def lost(self) -> list[Failure]:
        return self._groups(f"state = ? AND reason IN ({marks(LOST)})", (State.DISCARDED, *LOST))

    def _groups(self, condition: str, values: tuple[str, ...]) -> list[Failure]:
        rows = self._database.connection.execute(
            "SELECT destination_id, state, reason, count(*), min(updated_at_ms), max(updated_at_ms), max(detail),"
            f" max(position) FROM delivery WHERE {condition}"
            " GROUP BY destination_id, state, reason ORDER BY count(*) DESC",
            values,
        )
        return [
            Failure(
                destination_id=row[0],
                state=State(row[1]),
                reason=row[2],
                count=row[3],
                first_at_ms=row[4],
                last_at_ms=row[5],
                sample_detail=row[6],
                sample_position=row[7],
            )
            for row in rows
        ]

    # -- replay

    def count(self, message_filter: MessageFilter) -> int:
        return len(self.targets(message_filter))

    def targets(self, message_filter: MessageFilter) -> list[tuple[int, int]]:
        """The (destination_id, position) of the deliveries that fit a filter with a state."""
        _replayable(message_filter)
        targets: list[tuple[int, int]] = []
        everything = msgspec.structs.replace(message_filter, before=None, limit=1 << 62)
        person = self._person(message_filter)
        for rows in self._candidates(everything):
            for summary, fates in self._fitting(rows, everything, person):
                targets += [(fate.destination_id, summary.position) for fate in fates]
        return targets

    # -- reading

    def _person(self, message_filter: MessageFilter) -> Person | None:
        if message_filter.user is None:
            return None
        spaces = [source.identity_space for source in self._registry.sources().values()]
        with self._database.snapshot() as db:
            return read_person(db, message_filter.user, spaces)

    def _fitting(
        self, rows: list[JournalRow], message_filter: MessageFilter, person: Person | None
    ) -> Iterator[tuple[MessageSummary, list[Fate]]]:
        """The matching rows of a page, each with its matching deliveries."""
        if person is not None:
            rows = [row for row in rows if person.may_be_in(row.body)]
        summaries = self._summaries(_holding(rows, message_filter))
        chosen = None
        if message_filter.replay_id is not None:
            chosen = targets_among(
                self._database.connection, message_filter, [summary.position for summary in summaries]
            )
        for summary in summaries:
            fates = [
                fate
                for fate in summary.fates
                if _fate_fits(fate, message_filter)
                and (chosen is None or (fate.destination_id, summary.position) in chosen)
            ]
            is_theirs = person is None or person.has(summary.user_id, summary.anonymous_id, summary.email)
            if is_theirs and _fits(summary, message_filter, fates):
                yield summary, fates

    def _candidates(self, message_filter: MessageFilter) -> Iterator[list[JournalRow]]:
        """Pages of journal rows, newest first, that may fit: by the state index, or the newest messages."""
        has_row = message_filter.state not in (None, State.DELIVERED, State.PENDING)
        is_rejected = message_filter.rejected or message_filter.reason in REJECTED_REASONS
        by_index = not is_rejected and (has_row or message_filter.reason is not None or _asks_left_out(message_filter))
        by_index |= message_filter.replay_id is not None
        before = (
            self._behind_delivered(message_filter) if message_filter.state is State.DELIVERED else message_filter.before
        )
        scanned = 0
        while scanned < SCAN_MESSAGES or by_index:
            if by_index:
                positions = self._indexed(message_filter, before)
                kept = self._journal.read_at(positions)
                rows = [kept[position] for position in positions if position in kept]
                if not positions:
                    return
                before = positions[-1]
            else:
                rows = self._journal.newest(before, PAGE_ROWS)
                if not rows:
                    return
                before = rows[-1].position
            scanned += PAGE_ROWS
            yield rows

    def _behind_delivered(self, message_filter: MessageFilter) -> int:
        """The position before which delivered messages can be: a backlog, which may be long, contains none."""
        lanes = self._cursors()
        if message_filter.destination_id is not None:
            lanes = {number: lane for number, lane in lanes.items() if number == message_filter.destination_id}
        cursors = [max(live, imported) for live, imported, _ in lanes.values()]
        behind = max(cursors, default=0) + 1
        return behind if message_filter.before is None else min(behind, message_filter.before)

    def _indexed(self, message_filter: MessageFilter, before: int | None) -> list[int]:
        before = before if before is not None else 1 << 62
        if message_filter.replay_id is not None:
            return positions_of_replay(self._database.connection, message_filter, before, PAGE_ROWS)
        is_left_out = _asks_left_out(message_filter)
        reason = None if is_left_out else message_filter.reason
        conditions = (
            ("state", message_filter.state),
            ("reason", reason),
            ("destination_id", message_filter.destination_id),
        )
        fits = [(column, value) for column, value in conditions if value is not None]
        rows = self._database.connection.execute(
            f"SELECT DISTINCT position FROM delivery WHERE {''.join(f'{column} = ? AND ' for column, _ in fits)}"
            f" {'left_out IS NOT NULL AND ' if is_left_out else ''}position < ? ORDER BY position DESC LIMIT ?",
            (*(value for _, value in fits), before, PAGE_ROWS),
        )
        return [position for (position,) in rows]

    def _summaries(self, rows: Iterable[JournalRow]) -> list[MessageSummary]:
        rows = list(rows)
        fates = self._fates([row.position for row in rows])
        lanes = self._cursors()
        return [_summary(row, _complete(row, fates.get(row.position, {}), lanes)) for row in rows]

    def _fates(self, positions: list[int]) -> dict[int, dict[int, Fate]]:
        fates: dict[int, dict[int, Fate]] = {}
        rows = self._database.connection.execute(
            f"SELECT {FATE_COLUMNS} FROM delivery"
            " WHERE destination_id IN (SELECT destination_id FROM lane)"
            " AND position IN (SELECT CAST(value AS bigint) FROM json_each(?))",
            (_json(positions).decode(),),
        )
        for row in rows:
            fates.setdefault(row[1], {})[row[0]] = Fate(
                destination_id=row[0],
                state=State(row[2]),
                reason=row[3],
                detail=row[4],
                left_out=_decode(row[5]) if row[5] else [],
                attempts=row[6],
                due_at_ms=row[7],
                updated_at_ms=row[8],
                is_replay=bool(row[9]),
                cycle_id=row[10],
            )
        return fates

    def _cursors(self) -> dict[int, tuple[int, int, tuple[int, ...] | None]]:
        lanes = {
            row[0]: (row[1], row[2])
            for row in self._database.connection.execute(
                "SELECT destination_id, live_cursor, backfill_cursor FROM lane"
            )
        }
        return {
            destination_id: (*lanes.get(destination_id, (0, 0)), destination.source_ids)
            for destination_id, destination in self._registry.destinations().items()
        }

    def _attempts(self, row: JournalRow, fates: Iterable[Fate]) -> list[AttemptView]:
        """The exchanges that answered for this message, from the cycles that included it."""
        attempts: list[AttemptView] = []
        stream = "backfill" if row.is_backfill else "live"
        for fate in fates:
            cycles = self._database.connection.execute(
                "SELECT attempt_id, cycle_id, call, started_at_ms, duration_ms, status, outcome, correlation_id,"
                " request, response, positions FROM attempt WHERE destination_id = ?1 AND (cycle_id = ?2 OR cycle_id IN"
                f" (SELECT cycle_id FROM cycle WHERE destination_id = ?1 AND {stream}_after < ?3"
                f" AND {stream}_through >= ?3)) ORDER BY attempt_id",
                (fate.destination_id, fate.cycle_id, row.position),
            )
            for attempt in cycles:
                positions = unpack_positions(attempt[10])
                if row.position in positions:
                    attempts.append(_attempt(attempt, len(positions)))
        return attempts


def _attempt(row: tuple[Any, ...], message_count: int) -> AttemptView:
    return AttemptView(
        attempt_id=row[0],
        cycle_id=row[1],
        call=row[2],
        started_at_ms=row[3],
        duration_ms=row[4],
        status=row[5],
        outcome=row[6],
        correlation_id=row[7],
        request=zlib.decompress(row[8]),
        response=zlib.decompress(row[9]),
        message_count=message_count,
    )


def _complete(
    row: JournalRow, fates: Mapping[int, Fate], lanes: Mapping[int, tuple[int, int, tuple[int, ...] | None]]
) -> list[Fate]:
    """The outcomes of a message: from its rows, and from its position relative to each lane's cursor."""
    if row.rejected is not None:
        return []
    complete: list[Fate] = []
    for destination_id, (live, backfill, source_ids) in lanes.items():
        fate = fates.get(destination_id)
        if fate is None and (source_ids is None or row.source_id in source_ids):
            passed = row.position <= (backfill if row.is_backfill else live)
            fate = Fate(destination_id=destination_id, state=State.DELIVERED if passed else State.PENDING)
        if fate is not None:
            complete.append(fate)
    return complete


def _summary(row: JournalRow, fates: list[Fate]) -> MessageSummary:
    fields = _decode(row.body)
    fields = fields if isinstance(fields, dict) else {}
    return MessageSummary(
        position=row.position,
        message_id=row.message_id,
        source_id=row.source_id,
        type=text_id(fields.get("type")) or "?",
        received_at_ms=row.received_at_ms,
        user_id=text_id(fields.get("userId")),
        anonymous_id=text_id(fields.get("anonymousId")),
        email=_email(fields),
        event=text_id(fields.get("event")) or text_id(fields.get("name")) or text_id(fields.get("groupId")),
        library=_library(fields.get("context")) or (_library(_context(row.envelope)) if row.envelope else None),
        rejected=row.rejected,
        is_backfill=row.is_backfill,
        fates=fates,
    )


def _context(envelope: bytes) -> Any:
    fields = _decode(envelope)
    return fields.get("context") if isinstance(fields, dict) else None


def _library(context: Any) -> str | None:
    """The name and version of the library in a message's context."""
    library = context.get("library") if isinstance(context, dict) else None
    if not isinstance(library, dict):
        return None
    return " ".join(part for part in (text_id(library.get("name")), text_id(library.get("version"))) if part) or None


def _email(fields: Mapping[str, Any]) -> str | None:
    """The e-mail in a message, at any of its possible places."""
    context = fields.get("context")
    of_context = context.get("traits") if isinstance(context, dict) else None
    for place in (fields.get("traits"), fields.get("properties"), of_context):
        email = place.get("email") if isinstance(place, dict) else None
        if isinstance(email, str) and "@" in email:
            return email
    return None


def _fits(summary: MessageSummary, message_filter: MessageFilter, fates: list[Fate]) -> bool:
    """True if a message matches a filter, given the outcomes of its deliveries."""
    checks = (
        message_filter.type is None or summary.type == message_filter.type,
        message_filter.event is None or summary.event == message_filter.event,
        message_filter.source_id is None or summary.source_id == message_filter.source_id,
        message_filter.rejected is None or _is_rejected(summary, message_filter) == message_filter.rejected,
        message_filter.since_ms is None or summary.received_at_ms >= message_filter.since_ms,
        message_filter.until_ms is None or summary.received_at_ms < message_filter.until_ms,
        message_filter.text is None
        or message_filter.text == summary.message_id
        or _is_about(summary, message_filter.text),
        _any_fate_fits(summary, message_filter, fates),
    )
    return all(checks)


def _is_rejected(summary: MessageSummary, message_filter: MessageFilter) -> bool:
    """True for a message that was rejected on arrival; for an erased one only if the filter asks for its reason."""
    is_erased = summary.rejected == Reason.SUPPRESSED and message_filter.reason != Reason.SUPPRESSED
    return summary.rejected is not None and not is_erased


def _holding(rows: list[JournalRow], message_filter: MessageFilter) -> list[JournalRow]:
    if message_filter.where is not None:
        rows = [row for row in rows if holds(row.body, message_filter.where)]
    if message_filter.contains is not None:
        rows = [row for row in rows if mentions(row.body, message_filter.contains)]
    return rows


def _any_fate_fits(summary: MessageSummary, message_filter: MessageFilter, fates: list[Fate]) -> bool:
    """True if one of its deliveries matches; for a rejected message, which has none, if its reason matches."""
    if message_filter.replay_id is not None:
        return bool(fates)
    if summary.rejected is not None and (message_filter.rejected or message_filter.reason in REJECTED_REASONS):
        return message_filter.reason in (None, summary.rejected)
    conditions = (message_filter.state, message_filter.reason, message_filter.destination_id, message_filter.left_out)
    if conditions == (None, None, None, None):
        return True
    return bool(fates)


def _is_about(summary: MessageSummary, who: str) -> bool:
    """True if the message has this userId, anonymousId or e-mail."""
    if who in (summary.user_id, summary.anonymous_id):
        return True
    return summary.email is not None and summary.email.strip().casefold() == who.strip().casefold()


def _fate_fits(fate: Fate, message_filter: MessageFilter) -> bool:
    return (
        (message_filter.state is None or fate.state is message_filter.state)
        and (message_filter.destination_id is None or fate.destination_id == message_filter.destination_id)
        and (
            _left_out_fits(fate, message_filter)
            if _asks_left_out(message_filter)
            else message_filter.reason in (None, fate.reason)
        )
    )


def _asks_left_out(message_filter: MessageFilter) -> bool:
    """True if the filter concerns left-out fields, by name or by reason."""
    return message_filter.left_out is not None or message_filter.reason in LEFT_OUT_REASONS


def _left_out_fits(fate: Fate, message_filter: MessageFilter) -> bool:
    return any(
        message_filter.left_out in (None, item["field"]) and message_filter.reason in (None, item["reason"])
        for item in fate.left_out
    )


def _replayable(message_filter: MessageFilter) -> State:
    if message_filter.state not in REPLAYABLE:
        raise SettingsError(
            f"replay needs a state: dead, discarded, held or delivered (got {message_filter.state or 'none'})",
            hint="For example: hubwire replay --state dead",
        )
    return message_filter.state

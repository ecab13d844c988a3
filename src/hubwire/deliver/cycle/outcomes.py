"""The fates of one cycle's messages, kept only where there is something to say.

Pure. A message with several operations gets the worst of their verdicts: a stop before a retry, a retry before a
death, a death before a delivery. Messages that never come up here were delivered and cost no row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from hubwire.delivery import Dead, Delivered, Move, Retry, State, StopTheLine, Verdict, moved
from hubwire.operation import Discard, Hold, LeftOut
from hubwire.reasons import Reason
from hubwire.record.protocol import Due, Settled, Tally

_encode = msgspec.json.Encoder().encode
MAX_DETAIL_LENGTH = 2000
_UNKNOWN = frozenset({Reason.UNKNOWN_PROPERTY, Reason.NOT_AN_OPTION, Reason.UNKNOWN_EVENT})


@dataclass(frozen=True, slots=True)
class HoldPolicy:
    """The time for which a message waits for its person; `cookie_ms` for an event that has a cookie."""

    hold_ms: int
    cookie_ms: int


def _weight(verdict: Verdict) -> int:
    match verdict:
        case StopTheLine():
            return 3
        case Retry():
            return 2
        case Dead():
            return 1
        case Delivered():
            return 0


@dataclass(slots=True)
class Outcomes:
    """The outcomes of a cycle's messages."""

    due: Mapping[int, Due] = field(default_factory=dict)
    fates: dict[int, Discard | Hold] = field(default_factory=dict)
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    left_out: dict[int, list[LeftOut]] = field(default_factory=dict)
    planned_count: int = 0

    def discard_or_hold(self, position: int, fate: Discard | Hold) -> None:
        self.fates[position] = fate

    def are_erased(self, positions: Iterable[int]) -> bool:
        """Whether all these messages are of people whom HubSpot deleted for privacy, so nothing of them is sent."""
        fates = (self.fates.get(position) for position in positions)
        return all(isinstance(fate, Discard) and fate.reason is Reason.DELETED_FOR_PRIVACY for fate in fates)

    def leave_out(self, position: int, items: Iterable[LeftOut]) -> None:
        self.left_out.setdefault(position, []).extend(items)

    def unknown_names(self) -> frozenset[str]:
        """Fields and events that the portal's schema, as it was read, has no name for."""
        fields = {item.field for items in self.left_out.values() for item in items if item.reason in _UNKNOWN}
        events = {fate.detail or fate.reason for fate in self.fates.values() if fate.reason in _UNKNOWN}
        return frozenset(fields | events)

    def judge(self, positions: Iterable[int], verdict: Verdict) -> None:
        """Apply the verdict of one operation to all its messages."""
        if isinstance(verdict, Delivered):
            return
        weight = _weight(verdict)
        for position in positions:
            known = self.verdicts.get(position)
            if known is None or weight > _weight(known):
                self.verdicts[position] = verdict

    def settle(self, now_ms: int, hold: HoldPolicy, retry_at_ms: Mapping[int, int | None]) -> Settlement:
        """The rows to write. `retry_at_ms` has the next try of each retried position; None means no more tries."""
        settlement = Settlement()
        for position, fate in self.fates.items():
            if not self._is_judged(position, fate):
                settlement.add(self._fate_row(position, fate, now_ms, hold))
        for position, verdict in self.verdicts.items():
            if self._is_judged(position, self.fates.get(position)):
                settlement.add(self._verdict_row(position, verdict, now_ms, retry_at_ms))
        for position, items in self.left_out.items():
            if position not in self.fates and position not in self.verdicts:
                state = moved(State.LEASED, Move.SUCCEED)
                settlement.add(Settled(position=position, state=state, left_out=_encode(_unique(items))))
        spoken = self.fates.keys() | self.verdicts.keys() | self.left_out.keys()
        settlement.finished = [position for position in self.due if position not in spoken]
        settlement.delivered_count += self.planned_count - len(spoken)
        return settlement

    def _is_judged(self, position: int, fate: Discard | Hold | None) -> bool:
        """Whether a verdict decides: the sent part of a message that is held must not wait for the other part."""
        return position in self.verdicts and not isinstance(fate, Discard)

    def _attempts(self, position: int) -> int:
        due = self.due.get(position)
        return due.attempts + 1 if due else 1

    def _fate_row(self, position: int, fate: Discard | Hold, now_ms: int, hold: HoldPolicy) -> Settled:
        left_out = self.left_out.get(position)
        row = Settled(
            position=position,
            state=moved(State.LEASED, Move.DISCARD),
            reason=fate.reason,
            detail=fate.detail[:MAX_DETAIL_LENGTH],
            left_out=_encode(_unique(left_out)) if left_out else None,
            first_attempt_at_ms=now_ms,
        )
        due = self.due.get(position)
        if isinstance(fate, Hold):
            first_at_ms = due.first_attempt_at_ms if due and due.first_attempt_at_ms is not None else now_ms
            if now_ms - first_at_ms >= hold.hold_ms and not fate.has_cookie:
                row.reason, row.detail = fate.ends_as, fate.detail[:MAX_DETAIL_LENGTH] or fate.reason
            else:
                row.state = moved(State.LEASED, Move.HOLD)
                row.due_at_ms = first_at_ms + (hold.cookie_ms if fate.has_cookie else hold.hold_ms)
                if fate.until_ms is not None:
                    row.due_at_ms = min(row.due_at_ms, fate.until_ms)
                row.hold_keys = fate.keys
        return row

    def _verdict_row(
        self, position: int, verdict: Verdict, now_ms: int, retry_at_ms: Mapping[int, int | None]
    ) -> Settled:
        left_out = self.left_out.get(position)
        row = Settled(
            position=position,
            state=moved(State.LEASED, Move.GIVE_UP),
            attempts=self._attempts(position),
            left_out=_encode(_unique(left_out)) if left_out else None,
            first_attempt_at_ms=now_ms,
        )
        match verdict:
            case Dead():
                row.reason, row.detail = verdict.reason, verdict.detail[:MAX_DETAIL_LENGTH]
            case Retry():
                row.due_at_ms = retry_at_ms.get(position)
                row.reason, row.detail = verdict.reason, verdict.detail[:MAX_DETAIL_LENGTH]
                if row.due_at_ms is None:
                    row.reason = Reason.RETRIES_EXHAUSTED
                    row.detail = f"last: {verdict.reason} {verdict.detail}".strip()[:MAX_DETAIL_LENGTH]
                else:
                    row.state = moved(State.LEASED, Move.RETRY)
                    row.attempts -= 0 if verdict.counts else 1
            case StopTheLine():
                row.state = moved(State.LEASED, Move.RELEASE)
                row.reason, row.due_at_ms = verdict.reason, now_ms
                row.attempts -= 1
            case Delivered():
                raise AssertionError("a delivery needs no verdict row")
        return row


@dataclass(slots=True)
class Settlement:
    """The rows of a cycle, and its counts."""

    rows: list[Settled] = field(default_factory=list)
    finished: list[int] = field(default_factory=list)
    delivered_count: int = 0

    def add(self, row: Settled) -> None:
        self.rows.append(row)

    def tally(self, taken: int, calls: int, replayed: int) -> Tally:
        """Counts by state; messages without a row are delivered."""
        counts = dict.fromkeys(State, 0)
        for row in self.rows:
            counts[row.state] += 1
        return Tally(
            taken=taken,
            delivered=self.delivered_count + counts[State.DELIVERED],
            discarded=counts[State.DISCARDED],
            held=counts[State.HELD],
            retrying=counts[State.RETRYING] + counts[State.PENDING],
            dead=counts[State.DEAD],
            replayed=replayed,
            calls=calls,
        )


def _unique(items: Iterable[LeftOut]) -> list[LeftOut]:
    return list(dict.fromkeys(items))

"""Alerts: one notification when a condition begins, and one when it ends.

`conditions` is pure: it turns the status of a destination into conditions. `Alerts` compares them with the alerts
already sent. The database keeps those, so that only one of several processes notifies and a restart repeats nothing. A
condition must be gone for a while before its alert ends, so that a flapping condition sends one notification.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

import msgspec
import structlog

from hubwire.clock import Clock
from hubwire.delivery import State
from hubwire.errors import HubwireError
from hubwire.explanations import explain
from hubwire.reasons import Reason
from hubwire.record.privacy import AlertMemory
from hubwire.record.queries import LaneStatus
from hubwire.record.snoozes import GroupCount
from hubwire.settings import Settings

log = structlog.get_logger("hubwire.alerts")

CHECK_SECONDS = 30.0
SETTLE_MS = 300_000
"""How long a condition must be gone before its alert ends."""
GROWTH_MS = 3_600_000
"""The window in which new dead messages are counted."""
MAX_UNSENT = 100
MAX_CHANGES = 100
SILENCE_CHECK_MS = 300_000
PASSING = frozenset({Reason.HUBSPOT_FAILED, Reason.HUBSPOT_UNREACHABLE, Reason.HUBSPOT_UNREADABLE, Reason.RATE_LIMITED})
"""Reasons for a stop that need no person; the lag alert fires if they last."""


class AlertState(StrEnum):
    FIRING = "firing"
    RESOLVED = "resolved"


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """A problem. Its `key` stays the same while it lasts."""

    key: str
    title: str
    said: str
    remedy: str = ""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """The content of one notification."""

    key: str
    state: AlertState
    title: str
    said: str
    remedy: str
    since_ms: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class AlertPolicy:
    """When to alert; None means never. Each field has a setting of the same name."""

    lag_seconds: float | None = 900.0
    dead_messages: int | None = 10
    retrying_messages: int | None = 1000
    budget_percent: int | None = 80
    silent_hours: float | None = None
    repeat_ms: int = 86_400_000

    @classmethod
    def of(cls, settings: Settings) -> AlertPolicy:
        """The policy in the settings."""
        return cls(
            lag_seconds=settings.alert_lag_seconds,
            dead_messages=settings.alert_dead_messages,
            retrying_messages=settings.alert_retrying_messages,
            budget_percent=settings.alert_budget_percent,
            silent_hours=settings.alert_silent_hours,
            repeat_ms=round(settings.alert_repeat_hours * 3_600_000),
        )


# -- conditions, from the status


class Snoozed(NamedTuple):
    """The number of messages of one destination in snoozed groups, which must not alert."""

    dead: int = 0
    retrying: int = 0

    @classmethod
    def of(cls, lane: LaneStatus, groups: Iterable[GroupCount]) -> Snoozed:
        """The snoozed counts of one lane."""
        counts = {State.DEAD: 0, State.RETRYING: 0}
        for group in groups:
            if group.is_snoozed and group.destination_id == lane.destination_id and group.state in counts:
                counts[group.state] += group.count
        return cls(counts[State.DEAD], counts[State.RETRYING])


AWAKE = Snoozed()


def conditions(lane: LaneStatus, new_dead: int, policy: AlertPolicy, snoozed: Snoozed = AWAKE) -> Iterator[Condition]:
    """The conditions of one destination. Pure.

    Shape: `new_dead`: messages that became dead in the last hour, without snoozed groups; `snoozed`: the messages in
    those groups. Somebody paused a paused destination on purpose, so only `dead` applies to it.
    """
    name = lane.name
    if policy.dead_messages is not None and new_dead >= policy.dead_messages:
        noun = "message" if new_dead == 1 else "messages"
        asleep = f", {snoozed.dead} of them snoozed" if snoozed.dead else ""
        detail = f"{new_dead} {noun} became dead within an hour; {lane.dead} dead in total{asleep}"
        remedy = "hubwire failures shows why; fix the cause, then replay."
        yield Condition(key=f"dead:{name}", title=f"{name}: dead messages", said=detail, remedy=remedy)
    if lane.state == "paused":
        return
    stopped = Reason(lane.stopped_reason) if lane.stopped_reason in set(Reason) else None
    if stopped is not None and stopped not in PASSING and stopped is not Reason.BUDGET_SPENT:
        cause, remedy = explain(stopped).cause, explain(stopped).remedy
        title = f"{name}: delivery is stopped ({stopped.value})"
        yield Condition(key=f"stopped:{name}", title=title, said=cause, remedy=remedy)
    if policy.lag_seconds is not None and lane.lag_seconds > policy.lag_seconds:
        detail = f"{lane.backlog_count} messages are pending, the oldest for {lane.lag_seconds / 60:.0f} min"
        remedy = "hubwire status shows the cause: HubSpot, the rate limit, or the day's budget."
        yield Condition(key=f"lag:{name}", title=f"{name}: messages are late", said=detail, remedy=remedy)
    retrying = lane.retrying - snoozed.retrying
    if policy.retrying_messages is not None and retrying >= policy.retrying_messages:
        detail = f"{retrying} messages are retrying"
        remedy = "hubwire messages --state retrying shows why; most causes go away without action."
        yield Condition(key=f"retrying:{name}", title=f"{name}: many retries", said=detail, remedy=remedy)
    yield from _budget(lane, stopped, policy)


def _budget(lane: LaneStatus, stopped: Reason | None, policy: AlertPolicy) -> Iterator[Condition]:
    limit, used = lane.budget.get("limit"), lane.budget.get("used")
    percent = used * 100 / limit if isinstance(used, int) and isinstance(limit, int) and limit > 0 else 0.0
    if policy.budget_percent is None:
        return
    detail = f"{used} of {limit} calls are used today ({percent:.0f} %)"
    if percent >= 100 or stopped is Reason.BUDGET_SPENT:
        remedy = explain(Reason.BUDGET_SPENT).remedy
        yield Condition(
            key=f"budget-spent:{lane.name}",
            title=f"{lane.name}: the day's calls are used up",
            said=detail,
            remedy=remedy,
        )
    elif percent >= policy.budget_percent:
        remedy = "Nothing to do: Hubwire slows delivery down so that the budget lasts until midnight. Nothing is lost."
        yield Condition(
            key=f"budget:{lane.name}", title=f"{lane.name}: few of the day's calls are left", said=detail, remedy=remedy
        )


def silences(last_received: Mapping[str, int | None], now_ms: int, policy: AlertPolicy) -> Iterator[Condition]:
    """Sources that have stopped sending. `last_received`: name -> epoch ms, None for a source that never sent."""
    if policy.silent_hours is None:
        return
    for name, at_ms in last_received.items():
        if at_ms is not None and now_ms - at_ms > policy.silent_hours * 3_600_000:
            detail = f"it has sent nothing for {_span((now_ms - at_ms) / 60_000)}"
            remedy = "Check that the sender still runs and that its write key is still valid."
            yield Condition(key=f"silent:{name}", title=f"source {name} is silent", said=detail, remedy=remedy)


def _span(minutes: float) -> str:
    """A duration in whole minutes or hours, at least one."""
    number, unit = (max(1, round(minutes)), "minute") if minutes < 60 else (round(minutes / 60), "hour")
    return f"{number} {unit}{'' if number == 1 else 's'}"


# -- notifying


class Teller(Protocol):
    kind: str
    """The kind of receiver, in a word: webhook or e-mail."""

    async def tell(self, notice: Notice) -> None:
        """Notify somebody. Raises HubwireError if the notification did not arrive."""
        ...


class Seen(Protocol):
    """The source of conditions. Methods block."""

    def lanes(self) -> list[LaneStatus]: ...

    def groups(self) -> list[GroupCount]: ...

    def last_received(self) -> Mapping[str, int | None]: ...


class Alerts:
    """Finds conditions, compares, notifies. `check` is one round; `run` repeats it until cancelled."""

    def __init__(
        self,
        seen: Seen,
        memory: AlertMemory,
        policy: AlertPolicy,
        clock: Clock,
        tellers: Sequence[Teller],
        read: Callable[[], tuple[AlertPolicy, Sequence[Teller]]] | None = None,
    ) -> None:
        """Shape: `read` gives the policy and the receivers as they are before each round; it blocks."""
        self._seen = seen
        self._memory = memory
        self._policy = policy
        self._clock = clock
        self._tellers = tellers
        self._read = read
        self._dead: dict[tuple[str, str], deque[tuple[int, int]]] = {}
        self._gone_since: dict[str, int] = {}
        self._known: dict[str, Condition] = {}
        self._unsent: deque[tuple[Teller, Notice]] = deque(maxlen=MAX_UNSENT)
        self._silent: list[Condition] = []
        self._silence_read_at_ms: int | None = None
        self._changes: deque[Notice] = deque(maxlen=MAX_CHANGES)
        self.since_ms = clock.now_ms()

    @property
    def changes(self) -> tuple[Notice, ...]:
        """Starts and ends of alerts that this process sent since `since_ms`, oldest first."""
        return tuple(self._changes)

    async def run(self) -> None:
        """Check for ever. Errors: BackendError."""
        while True:
            await self.check()
            await asyncio.sleep(CHECK_SECONDS)

    async def check(self) -> list[Notice]:
        """One round: the notifications that it sent; without a receiver, none. Errors: BackendError."""
        if self._read is not None:
            self._policy, self._tellers = await asyncio.to_thread(self._read)
        if not self._tellers:
            self._unsent.clear()
            return []
        now_ms = self._clock.now_ms()
        notices = await asyncio.to_thread(self._compare, now_ms)
        waiting = [*self._unsent, *((teller, notice) for notice in notices for teller in self._tellers)]
        self._unsent.clear()
        for teller, notice in waiting:
            await self._tell(teller, notice)
        return notices

    def _compare(self, now_ms: int) -> list[Notice]:
        current = {condition.key: condition for condition in self._look(now_ms)}
        sent = self._memory.alerts()
        notices = []
        for key, condition in current.items():
            self._known[key] = condition
            self._gone_since.pop(key, None)
            if self._memory.claim_alert(key, now_ms, self._policy.repeat_ms):
                since_ms = sent[key][0] if key in sent else now_ms
                notices.append(_notice(condition, AlertState.FIRING, since_ms, now_ms))
                if key not in sent:
                    self._changes.append(notices[-1])
        for key, (since_ms, _) in sent.items():
            if key in current or now_ms - self._gone_since.setdefault(key, now_ms) < SETTLE_MS:
                continue
            if self._memory.release_alert(key):
                condition = self._known.get(key) or Condition(key=key, title=key, said="")
                notices.append(_notice(condition, AlertState.RESOLVED, since_ms, now_ms))
                self._changes.append(notices[-1])
            self._gone_since.pop(key, None)
        return notices

    def _look(self, now_ms: int) -> Iterator[Condition]:
        lanes, groups = self._seen.lanes(), self._seen.groups()
        for lane in lanes:
            new_dead = self._new_dead(lane, groups, now_ms)
            yield from conditions(lane, new_dead, self._policy, Snoozed.of(lane, groups))
        if self._policy.silent_hours is not None:
            if self._silence_read_at_ms is None or now_ms - self._silence_read_at_ms >= SILENCE_CHECK_MS:
                self._silent = list(silences(self._seen.last_received(), now_ms, self._policy))
                self._silence_read_at_ms = now_ms
            yield from self._silent

    def _new_dead(self, lane: LaneStatus, groups: Iterable[GroupCount], now_ms: int) -> int:
        """The number of messages that became dead in the last hour, counted since this process started.

        Shape: without snoozed groups. The history of every group is kept, so that a group goes quiet as soon as
        somebody snoozes it, and does not count as new when the snooze ends.
        """
        of_lane = {
            group.reason: group
            for group in groups
            if group.destination_id == lane.destination_id and group.state is State.DEAD
        }
        watched = {reason for name, reason in self._dead if name == lane.name and reason}
        grown = {
            reason: self._growth(lane.name, reason, of_lane[reason].count if reason in of_lane else 0, now_ms)
            for reason in of_lane.keys() | watched
        }
        asleep = sum(grown[reason] for reason, group in of_lane.items() if group.is_snoozed)
        return max(0, self._growth(lane.name, "", lane.dead, now_ms) - asleep)

    def _growth(self, lane: str, reason: str, count: int, now_ms: int) -> int:
        """The growth of a count in the last hour. The key of the lane's total has an empty reason.

        A group that is new since the last check grew from 0; the first check has nothing to compare with.
        """
        is_first = (lane, "") not in self._dead or not reason
        before = [] if is_first or (lane, reason) in self._dead else [(now_ms, 0)]
        counts = self._dead.setdefault((lane, reason), deque(before))
        counts.append((now_ms, count))
        while counts[0][0] < now_ms - GROWTH_MS:
            counts.popleft()
        return count - min(earlier_count for _, earlier_count in counts)

    async def _tell(self, teller: Teller, notice: Notice) -> None:
        try:
            await teller.tell(notice)
            log.info("alert.told", alert=notice.key, state=str(notice.state))
        except HubwireError as exc:
            log.warning("alert.not-told", alert=notice.key, error=str(exc))
            self._unsent.append((teller, notice))


def _notice(condition: Condition, state: AlertState, since_ms: int, now_ms: int) -> Notice:
    return Notice(
        key=condition.key,
        state=state,
        title=condition.title,
        said=condition.said,
        remedy=condition.remedy if state is AlertState.FIRING else "",
        since_ms=since_ms,
        at_ms=now_ms,
    )

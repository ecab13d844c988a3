"""The calls of one cycle: a permit before each, an attempt kept of each, one verdict for each input.

A refused input never sinks its batch: a property that HubSpot names is left out and the input sent again, a batch
refused whole without a culprit is halved until the poison record stands alone, and a call that failed as a whole is
tried again here a few times before its messages are retried one by one. `verdict.py` decides; this module obeys.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hubwire.clock import Clock
from hubwire.deliver.batch import ASSOCIATIONS_PER_CALL, EVENTS_PER_CALL, OBJECTS_PER_CALL
from hubwire.deliver.bisect import Bisection
from hubwire.deliver.budget import Priority
from hubwire.deliver.governor import Governor
from hubwire.deliver.verdict import Blamed, Judgement, Returned, judge
from hubwire.delivery import Dead, Delivered, Retry, StopTheLine, Verdict
from hubwire.hubspot.client import HubSpotClient
from hubwire.hubspot.exchange import Answer, Call, CallKind
from hubwire.operation import LeftOut
from hubwire.reasons import Reason
from hubwire.record.protocol import Attempt

TRIES_IN_CYCLE = 3
ROUNDS_IN_CYCLE = 30
"""Batches sent again without what HubSpot refused: each round a property less, so it ends; this is for surprises."""
LONGEST_WAIT_MS = 60_000
"""A longer wait for a permit is the day's budget: the cycle is given up instead of slept through."""


class LineStopped(Exception):
    """An answer that is about us, not the messages: the cycle is given up."""

    def __init__(self, stop: StopTheLine) -> None:
        super().__init__(stop.reason)
        self.stop = stop


@dataclass(slots=True)
class Input:
    """One input of a batch call: what HubSpot gets, and the messages that it answers for."""

    trace: str
    key: str
    properties: dict[str, str]
    positions: Sequence[int]
    refused: list[LeftOut] = field(default_factory=list)
    """Properties that HubSpot would not take; they were left out of a second try."""

    def leave_out(self, blamed: Sequence[Blamed]) -> bool:
        """Take refused properties out; whether the rest can be sent again."""
        left = False
        for name, reason, message in blamed:
            if self.properties.pop(name, None) is not None:
                self.refused.append(LeftOut(name, reason, message))
                left = True
        return left


@dataclass(slots=True)
class Judged:
    """An input's final verdict in this cycle, and the record that came back."""

    input: Input
    verdict: Verdict
    returned: Returned | None = None
    is_gone: bool = False
    """The record id that we remembered leads nowhere any more."""


class Exchange:
    """Sends one cycle's calls."""

    def __init__(
        self,
        client: HubSpotClient,
        governor: Governor,
        clock: Clock,
        jitter: Callable[[], float],
        *,
        is_backfill: bool = False,
    ) -> None:
        self.attempts: list[Attempt] = []
        self.successes = 0
        self.failures = 0
        self.schema_is_stale = False
        self.events_available = True
        self._client = client
        self._governor = governor
        self._clock = clock
        self._jitter = jitter
        self._is_backfill = is_backfill

    def allowed_events(self) -> tuple[int, float]:
        """How many calls with events the day's budget allows now, and the seconds until it allows more."""
        priority, now_ms = self._priority("events"), self._clock.now_ms()
        return self._governor.may_spend(priority, now_ms), self._governor.wait_seconds(priority, now_ms)

    def _priority(self, kind: CallKind) -> Priority:
        if self._is_backfill:
            return Priority.BACKFILL
        return Priority.TRACK if kind == "events" else Priority.IDENTIFY

    async def ask(self, call: Call, positions: Sequence[int] = ()) -> tuple[Verdict, Answer]:
        """One call that is not a batch, tried again a few times: its verdict and its answer. Raises LineStopped."""
        for tries in range(1, TRIES_IN_CYCLE + 1):
            answer, judgement = await self._call(call, [], positions)
            if judgement.again_after_seconds is None or tries == TRIES_IN_CYCLE:
                break
            await asyncio.sleep(judgement.again_after_seconds)
        if answer.status is not None and 200 <= answer.status < 300 and judgement.is_answered:
            return Delivered(), answer
        if judgement.again_after_seconds is not None:
            return Retry(judgement.again_after_seconds, Reason.HUBSPOT_FAILED, judgement.detail), answer
        return Dead(Reason.INVALID_INPUT, judgement.detail), answer

    async def read(self, call: Call) -> Answer:
        """The answer of a call that the cycle cannot do without. Raises LineStopped when there is none."""
        verdict, answer = await self.ask(call)
        if not isinstance(verdict, Delivered):
            raise LineStopped(as_stop(verdict))
        return answer

    async def send(self, make: Callable[[Sequence[Input]], Call], inputs: Sequence[Input]) -> list[Judged]:
        """Send a batch until every input has its verdict. Raises LineStopped."""
        judged: list[Judged] = []
        group = inputs
        for _ in range(ROUNDS_IN_CYCLE):
            if not group:
                return judged
            judgement = await self._tried(make, group)
            if judgement.split and len(group) > 1:
                return judged + await self._bisect(make, group)
            group = self._sort(group, judgement, judged)
        return judged + [Judged(one, Retry(0.0, Reason.REFUSED_BY_HUBSPOT)) for one in group]

    async def _bisect(self, make: Callable[[Sequence[Input]], Call], group: Sequence[Input]) -> list[Judged]:
        """Something spoils the batch and nobody says what: parts of it, until the poison record stands alone."""
        judged: list[Judged] = []
        bisection = Bisection(len(group))
        while part := bisection.next():
            inputs = [group[index] for index in part]
            judgement = await self._tried(make, inputs)
            is_refused = judgement.split and len(inputs) > 1
            bisection.report(poisoned=is_refused or (len(inputs) == 1 and not is_delivered(judgement.verdicts[0])))
            if not is_refused:
                judged += await self.send(make, self._sort(inputs, judgement, judged))
        return judged

    async def _tried(self, make: Callable[[Sequence[Input]], Call], group: Sequence[Input]) -> Judgement:
        """The judgement of a batch call that is repeated a few times when it fails as a whole. Raises LineStopped."""
        positions = [position for one in group for position in one.positions]
        for tries in range(1, TRIES_IN_CYCLE + 1):
            _, judgement = await self._call(make(group), group, positions)
            if judgement.again_after_seconds is None or tries == TRIES_IN_CYCLE:
                break
            await asyncio.sleep(judgement.again_after_seconds)
        return judgement

    async def _call(self, call: Call, inputs: Sequence[Input], positions: Sequence[int]) -> tuple[Answer, Judgement]:
        """One exchange: waits for its permit, feeds the limiter, keeps the attempt. Raises LineStopped."""
        priority, fill = self._priority(call.kind), _fill(call, inputs)
        while (wait_ms := self._governor.take(call.kind, priority, fill, self._clock.now_ms())) > 0:
            if wait_ms > LONGEST_WAIT_MS:
                raise LineStopped(StopTheLine(Reason.BUDGET_SPENT, retry_after_seconds=wait_ms / 1000))
            await asyncio.sleep(wait_ms / 1000)
        answer = await self._client.call(call)
        judgement = judge(call, answer, inputs, self._jitter())
        now_ms, is_spent = self._clock.now_ms(), judgement.is_daily_spent
        self._governor.observe(call.kind, answer, now_ms, self._jitter(), is_daily_spent=is_spent)
        self.attempts.append(_attempt(call, answer, judgement, positions))
        self.successes += judgement.is_answered
        self.failures += not judgement.is_answered
        self.schema_is_stale |= judgement.schema_is_stale
        self.events_available &= judgement.events_available
        if judgement.stop is not None:
            raise LineStopped(judgement.stop)
        return answer, judgement

    @staticmethod
    def _sort(group: Sequence[Input], judgement: Judgement, judged: list[Judged]) -> list[Input]:
        """Keep final verdicts; give back the inputs to send at once: without the properties that HubSpot refused, or
        unchanged when they only stood beside a refused one."""
        again: list[Input] = []
        for index, one in enumerate(group):
            is_blamed = index in judgement.blame
            if one.leave_out(judgement.blame.get(index, ())) or (index in judgement.again and not is_blamed):
                again.append(one)
            else:
                is_gone = index in judgement.gone
                judged.append(Judged(one, judgement.verdicts[index], judgement.returned.get(index), is_gone))
        return again


def _fill(call: Call, inputs: Sequence[Input]) -> float:
    """How full a batch is; a call that is no batch wastes nothing."""
    if not inputs:
        return 1.0
    most = {"events": EVENTS_PER_CALL, "associations": ASSOCIATIONS_PER_CALL}.get(call.kind, OBJECTS_PER_CALL)
    return len(inputs) / most


def _attempt(call: Call, answer: Answer, judgement: Judgement, positions: Sequence[int]) -> Attempt:
    return Attempt(
        call=f"{call.method} {call.path}",
        started_at_ms=answer.started_at_ms,
        duration_ms=answer.duration_ms,
        status=answer.status,
        outcome=judgement.rule,
        correlation_id=answer.correlation_id,
        request=call.body or b"",
        response=answer.body or (answer.failure or "").encode(),
        positions=positions,
    )


def as_stop(verdict: Verdict) -> StopTheLine:
    """A cycle that cannot go on without this answer waits as long as the verdict says."""
    match verdict:
        case StopTheLine():
            return verdict
        case Retry():
            return StopTheLine(verdict.reason, verdict.detail, retry_after_seconds=max(verdict.after_seconds, 1.0))
        case Dead():
            return StopTheLine(verdict.reason, verdict.detail)
        case Delivered():
            raise AssertionError("a delivery stops nothing")


def is_delivered(verdict: Verdict) -> bool:
    """Whether HubSpot confirmed this input."""
    return isinstance(verdict, Delivered)


def follows(verdict: Verdict) -> Verdict:
    """The verdict of what depended on an input that was not delivered: it waits, or ends, with it."""
    match verdict:
        case Retry():
            return Retry(verdict.after_seconds, verdict.reason, counts=False)
        case Dead():
            return Dead(verdict.reason, verdict.detail)
        case _:
            return verdict

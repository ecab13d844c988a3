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
from hubwire.deliver.limiter import Limiter
from hubwire.deliver.verdict import Judgement, Returned, judge
from hubwire.delivery import Dead, Delivered, Retry, StopTheLine, Verdict
from hubwire.hubspot.client import HubSpotClient
from hubwire.hubspot.exchange import Answer, Call
from hubwire.operation import LeftOut
from hubwire.reasons import Reason
from hubwire.record.protocol import Attempt

TRIES_IN_CYCLE = 3
BLAMES_PER_INPUT = 20


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


@dataclass(slots=True)
class Judged:
    """An input's final verdict in this cycle, and the record that came back."""

    input: Input
    verdict: Verdict
    returned: Returned | None = None


class Exchange:
    """Sends one cycle's calls."""

    def __init__(self, client: HubSpotClient, limiter: Limiter, clock: Clock, jitter: Callable[[], float]) -> None:
        self.client = client
        self.limiter = limiter
        self.attempts: list[Attempt] = []
        self.successes = 0
        self.failures = 0
        self._clock = clock
        self._jitter = jitter

    async def call(self, call: Call, positions: Sequence[int] = ()) -> Answer:
        """One exchange: waits for its permit, keeps the attempt, feeds the limiter."""
        while (wait_ms := self.limiter.take(call.kind, self._clock.now_ms())) > 0:
            await asyncio.sleep(wait_ms / 1000)
        answer = await self.client.call(call)
        self.limiter.observe(call.kind, answer, self._clock.now_ms(), self._jitter())
        self.attempts.append(
            Attempt(
                call=f"{call.method} {call.path}",
                started_at_ms=answer.started_at_ms,
                duration_ms=answer.duration_ms,
                status=answer.status,
                outcome=answer.failure or str(answer.status),
                correlation_id=answer.correlation_id,
                request=call.body or b"",
                response=answer.body,
                positions=positions,
            )
        )
        return answer

    async def ask(self, call: Call, positions: Sequence[int] = ()) -> tuple[Verdict, Answer]:
        """One call that is not a batch, tried again a few times: its verdict and its answer. Raises LineStopped."""
        for tries in range(TRIES_IN_CYCLE):
            answer = await self.call(call, positions)
            judgement = judge(call, answer, [], self._jitter())
            self._count(judgement)
            if judgement.again_after_seconds is None or tries == TRIES_IN_CYCLE - 1:
                break
            await asyncio.sleep(judgement.again_after_seconds)
        if isinstance(judgement.whole, StopTheLine):
            raise LineStopped(judgement.whole)
        return judgement.whole, answer

    async def read(self, call: Call) -> Answer:
        """The answer of a call that the cycle cannot do without. Raises LineStopped when there is none."""
        verdict, answer = await self.ask(call)
        if not isinstance(verdict, Delivered):
            raise LineStopped(as_stop(verdict))
        return answer

    async def send(self, make: Callable[[Sequence[Input]], Call], inputs: Sequence[Input]) -> list[Judged]:
        """Send a batch until every input has its verdict. Raises LineStopped."""
        judged: list[Judged] = []
        waiting: list[tuple[Sequence[Input], int]] = [(inputs, 0)]
        while waiting:
            group, tries = waiting.pop()
            call = make(group)
            answer = await self.call(call, [position for one in group for position in one.positions])
            judgement = judge(call, answer, [(one.trace, one.key) for one in group], self._jitter())
            self._count(judgement)
            if judgement.split and len(group) > 1:
                half = len(group) // 2
                waiting += [(group[half:], 0), (group[:half], 0)]
                continue
            if judgement.again_after_seconds is not None and tries + 1 < TRIES_IN_CYCLE:
                await asyncio.sleep(judgement.again_after_seconds)
                waiting.append((group, tries + judgement.counts))
                continue
            waiting += self._sort(group, judgement, judged)
        return judged

    def _count(self, judgement: Judgement) -> None:
        if judgement.is_answered:
            self.successes += 1
        else:
            self.failures += 1

    def _sort(
        self, group: Sequence[Input], judgement: Judgement, judged: list[Judged]
    ) -> list[tuple[Sequence[Input], int]]:
        """Keep final verdicts; give back the inputs to send again without the properties that HubSpot refused."""
        again: list[Input] = []
        for index, one in enumerate(group):
            verdict = judgement.verdicts[index]
            if isinstance(verdict, StopTheLine):
                raise LineStopped(verdict)
            blamed = [*judgement.blame.get(None, ()), *judgement.blame.get(index, ())]
            if self._leave_out(one, blamed):
                again.append(one)
                continue
            judged.append(Judged(one, verdict, judgement.returned.get(index)))
        return [(again, 0)] if again else []

    @staticmethod
    def _leave_out(one: Input, blamed: Sequence[tuple[str, Reason, str]]) -> bool:
        """Whether a refused property was taken out of the input, so that the rest can go."""
        left = False
        for name, reason, message in blamed:
            if one.properties.pop(name, None) is not None and len(one.refused) < BLAMES_PER_INPUT:
                one.refused.append(LeftOut(name, reason, message))
                left = True
        return left


def as_stop(verdict: Verdict) -> StopTheLine:
    """A cycle that cannot go on without this answer waits as long as the verdict says."""
    match verdict:
        case StopTheLine():
            return verdict
        case Retry():
            return StopTheLine(verdict.reason, retry_after_seconds=max(verdict.after_seconds, 1.0))
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

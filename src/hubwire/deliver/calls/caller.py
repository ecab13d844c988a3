"""Makes one cycle's calls to HubSpot: waits for a permit, keeps the attempt, and repeats a failed call a few times.

`verdicts/judge.py` decides what an answer means; this module obeys, call by call. `batch_sender.py` handles the inputs
of a batch. This module sleeps only with the `sleep` that it is given, and makes no call after the lane has stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from hubwire.clock import Clock
from hubwire.deliver.limits.daily_budget import Priority
from hubwire.deliver.limits.governor import Governor
from hubwire.deliver.verdicts import without_answer
from hubwire.deliver.verdicts.dependants import as_stop
from hubwire.deliver.verdicts.judge import judge
from hubwire.deliver.verdicts.judgement import Judgement
from hubwire.delivery import Delivered, StopTheLine, Verdict
from hubwire.hubspot.call import (
    ASSOCIATIONS_PER_CALL,
    EVENTS_PER_CALL,
    OBJECTS_PER_CALL,
    Answer,
    BatchInput,
    Call,
    CallKind,
)
from hubwire.hubspot.client import HubSpotClient
from hubwire.reasons import Reason
from hubwire.record.protocol import Attempt

IN_FLIGHT = 16
"""Calls under way at a time: fewer than the client's connections, so that a permit is used when it is taken."""
TRIES_IN_CYCLE = 3
THROTTLED_TRIES = 10
LONGEST_WAIT_MS = 60_000
"""A longer wait for a permit means that the day's budget is short: `BudgetSpent` is raised instead of waiting."""
PLENTY_LINGER_SECONDS = 5.0
PLENTY_CALLS = 5_000
DOWN_AFTER = 8
"""This many failed calls in a row are an outage: the rest of the cycle makes no calls."""

Sleep = Callable[[float], Awaitable[None]]
T = TypeVar("T")


class LineStopped(Exception):
    """The lane must stop: an answer is about the token or the portal, not the messages. The cycle is abandoned."""

    def __init__(self, stop: StopTheLine) -> None:
        super().__init__(stop.reason)
        self.stop = stop


class BudgetSpent(Exception):
    """The day's budget has no call for this priority for this many seconds."""

    def __init__(self, wait_seconds: float) -> None:
        super().__init__(f"no call for {wait_seconds:.0f} s")
        self.verdict = without_answer.budget_spent(wait_seconds)


@dataclass(frozen=True, slots=True)
class CallContext:
    """The dependencies of a cycle's calls.

    Shape: `check` raises LeaseLost if the lane is no longer ours; `jitter` gives 0 to 1; `probe` is a call that tests
    whether HubSpot works at all; `suspects` are positions whose calls failed before although HubSpot works; `waited`
    is called with each wait for a permit, in milliseconds.
    """

    clock: Clock
    jitter: Callable[[], float]
    sleep: Sleep = asyncio.sleep
    check: Callable[[], None] = lambda: None
    probe: Call | None = None
    is_backfill: bool = False
    suspects: frozenset[int] = frozenset()
    waited: Callable[[CallKind, int], None] = lambda kind, wait_ms: None


class Caller:
    """Makes one cycle's calls."""

    def __init__(self, client: HubSpotClient, governor: Governor, context: CallContext) -> None:
        self.attempts: list[Attempt] = []
        self.successes = 0
        self.failures = 0
        self.schema_is_stale = False
        self.trouble = without_answer.NO_ANSWER
        """The retry of the last failed call, which inputs that are not tried get as well."""
        self._client = client
        self._governor = governor
        self._context = context
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._stop: StopTheLine | None = None
        self._stopped = asyncio.Event()
        self._failed_in_row = 0
        self._probing = asyncio.Lock()

    @property
    def is_down(self) -> bool:
        """Whether all recent answers were failures."""
        return self._failed_in_row >= DOWN_AFTER

    async def is_alive(self) -> bool:
        """Whether HubSpot works although a call failed: it answered another call of this cycle, or answers the
        probe."""
        async with self._probing:
            if not self.successes and not self.is_down and self._context.probe is not None:
                try:
                    await self.call(self._context.probe)
                except BudgetSpent:
                    return False
        return self.successes > 0 and not self.is_down

    def is_suspect(self, positions: Sequence[int]) -> bool:
        """Whether a call for one of these failed before although HubSpot works."""
        return not self._context.suspects.isdisjoint(positions)

    def has_plenty(self) -> bool:
        """Whether the day's budget has calls to spare: thousands are left, so messages linger only briefly."""
        now_ms = self._context.clock.now_ms()
        return (
            self._governor.linger_seconds(now_ms) < PLENTY_LINGER_SECONDS
            and self._governor.may_spend(Priority.TRACK, now_ms) >= PLENTY_CALLS
        )

    def allowed_events(self) -> tuple[int, float]:
        """The number of calls with events that the day's budget allows now, and the seconds until it allows more."""
        priority, now_ms = self._priority("events"), self._context.clock.now_ms()
        return self._governor.may_spend(priority, now_ms), self._governor.wait_seconds(priority, now_ms)

    async def ask(
        self,
        call: Call,
        positions: Sequence[int] = (),
        *,
        is_optional: bool = False,
        max_tries: int = TRIES_IN_CYCLE,
    ) -> tuple[Verdict, Answer]:
        """The verdict and the answer of a call that is not a batch, repeated a few times if it fails.

        Errors: LineStopped. With `is_optional`, a missing permission gives a verdict and does not stop the lane; of the
        host of forms, no answer stops it.
        """
        for tries in range(1, max_tries + 1):
            try:
                answer, judgement = await self.call(call, (), positions, is_optional=is_optional)
            except BudgetSpent as spent:
                return spent.verdict, Answer(None)
            if judgement.again_after_seconds is None or tries == max_tries:
                break
            await self.pause(judgement.again_after_seconds)
        if answer.status is not None and 200 <= answer.status < 300 and judgement.is_answered:
            return Delivered(), answer
        return without_answer.of_one_call(answer, judgement), answer

    async def read(self, call: Call) -> Answer:
        """The answer of a call that the cycle needs. Raises LineStopped if there is none."""
        verdict, answer = await self.ask(call)
        if not isinstance(verdict, Delivered):
            raise LineStopped(as_stop(verdict))
        return answer

    async def call(
        self, call: Call, inputs: Sequence[BatchInput] = (), positions: Sequence[int] = (), *, is_optional: bool = False
    ) -> tuple[Answer, Judgement]:
        """One exchange: waits for its permit, feeds the limiter, keeps the attempt. Raises LineStopped, BudgetSpent."""
        async with self._slots:
            await self._permit(call, inputs)
            answer = await self._carried(call)
        judgement = judge(call, answer, inputs, self._context.jitter())
        now_ms, is_spent = self._context.clock.now_ms(), judgement.is_daily_spent
        self._governor.observe(call.kind, answer, now_ms, self._context.jitter(), is_daily_spent=is_spent)
        self.attempts.append(_attempt(call, answer, judgement, positions))
        self._count(answer, judgement)
        stop = judgement.stop
        concerns_all = stop is not None and stop.reason is not Reason.MISSING_SCOPE and call.kind != "forms"
        if stop is not None and (concerns_all or not is_optional):
            self._stop = stop
            self._stopped.set()
            raise LineStopped(stop)
        return answer, judgement

    async def pause(self, seconds: float) -> None:
        """Sleep for this time, or until the lane stops."""
        waits = [asyncio.ensure_future(wait) for wait in (self._context.sleep(seconds), self._stopped.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _permit(self, call: Call, inputs: Sequence[BatchInput]) -> None:
        priority, fill, clock = self._priority(call.kind), _fill(call, inputs), self._context.clock
        while self._stop is None:
            now_ms = clock.now_ms()
            wait_ms = self._governor.take(call.kind, priority, fill, now_ms)
            if wait_ms == 0:
                return
            if wait_ms > LONGEST_WAIT_MS:
                raise BudgetSpent(wait_ms / 1000)
            await self.pause(wait_ms / 1000)
            self._context.waited(call.kind, clock.now_ms() - now_ms)
        raise LineStopped(self._stop)

    async def _carried(self, call: Call) -> Answer:
        """The answer. A call that raises counts at the governor as one without an answer, which frees its permit."""
        try:
            self._context.check()
            return await self._client.call(call)
        except BaseException:
            now_ms = self._context.clock.now_ms()
            self._governor.observe(call.kind, Answer(None, started_at_ms=now_ms), now_ms, 0.0, is_daily_spent=False)
            raise

    def _count(self, answer: Answer, judgement: Judgement) -> None:
        self.schema_is_stale |= judgement.schema_is_stale
        self.successes += judgement.is_answered
        self.failures += not judgement.is_answered
        self._failed_in_row = 0 if judgement.is_answered else self._failed_in_row + 1
        if not judgement.is_answered:
            self.trouble = without_answer.trouble_of(answer, judgement)

    def _priority(self, kind: CallKind) -> Priority:
        if self._context.is_backfill:
            return Priority.BACKFILL
        return Priority.TRACK if kind == "events" else Priority.IDENTIFY


async def together(*steps: Awaitable[T]) -> list[T]:
    """The results of concurrent steps.

    Errors: the first failure, after all steps have ended, so that nothing continues after the cycle. If the lane
    stops, running calls may finish; any other failure cancels them.
    """
    tasks = [asyncio.ensure_future(step) for step in steps]
    if not tasks:
        return []
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        if any(_is_fatal(task) for task in done):
            _cancel(tasks)
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    except asyncio.CancelledError:
        _cancel(tasks)
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
    failures = [result for result in ended if isinstance(result, BaseException)]
    for failure in sorted(failures, key=lambda exc: isinstance(exc, LineStopped | asyncio.CancelledError)):
        raise failure
    return [task.result() for task in tasks]


def _is_fatal(task: asyncio.Future[T]) -> bool:
    return task.cancelled() or not isinstance(task.exception(), LineStopped | None)


def _cancel(tasks: Sequence[asyncio.Future[T]]) -> None:
    for task in tasks:
        task.cancel()


def _fill(call: Call, inputs: Sequence[BatchInput]) -> float:
    """The fill of a batch; a call that is not a batch wastes nothing."""
    if not inputs:
        return 1.0
    capacity = {"events": EVENTS_PER_CALL, "associations": ASSOCIATIONS_PER_CALL}.get(call.kind, OBJECTS_PER_CALL)
    return len(inputs) / capacity


def _worst(judgement: Judgement) -> str:
    """The rule of an answer, and that it is not the fate of every input if some were delivered."""
    is_mixed = any(isinstance(verdict, Delivered) for verdict in judgement.verdicts)
    return f"{judgement.rule} for some inputs" if is_mixed else judgement.rule


def _attempt(call: Call, answer: Answer, judgement: Judgement, positions: Sequence[int]) -> Attempt:
    return Attempt(
        call=f"{call.method} {call.path}",
        started_at_ms=answer.started_at_ms,
        duration_ms=answer.duration_ms,
        status=answer.status,
        outcome=judgement.rule
        if all(isinstance(verdict, Delivered) for verdict in judgement.verdicts)
        else _worst(judgement),
        correlation_id=answer.correlation_id,
        request=call.body or b"",
        response=answer.body or (answer.failure or "").encode(),
        positions=positions,
    )

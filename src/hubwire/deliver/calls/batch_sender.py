"""Sends a batch until each of its inputs has a verdict. docs/contributing/batch-sender.md has a picture.

One refused input never prevents the delivery of the others:
- HubSpot names refused properties: they are left out, and the input is sent again.
- HubSpot names another input: this one is sent again without it.
- The record already exists: it is updated by its id.
- HubSpot refuses the whole batch, or keeps failing: parts are sent until the poison is found (`bisect.py`). From then
  on, it is sent in its own call.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from hubwire.deliver.calls.bisect import Bisection
from hubwire.deliver.calls.caller import (
    THROTTLED_TRIES,
    TRIES_IN_CYCLE,
    BudgetSpent,
    Caller,
)
from hubwire.deliver.verdicts import without_answer
from hubwire.deliver.verdicts.judgement import Blamed, InputJudgement, Judgement, Returned, same_for_all
from hubwire.delivery import Dead, Retry, Verdict
from hubwire.hubspot.call import Call
from hubwire.operation import LeftOut
from hubwire.reasons import Reason

MAX_ROUNDS = 20
"""Maximum number of rounds for one group. After that, HubSpot's refusals name nothing new."""
SPOILT_PARTS = 2
"""If this many parts of a failing batch fail and none works, it is not one input that spoils the batch."""


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
        """Remove refused properties. Returns whether the rest can be sent again."""
        left = False
        for name, reason, message in blamed:
            if self.properties.pop(name, None) is not None:
                self.refused.append(LeftOut(name, reason, message))
                left = True
        return left


@dataclass(frozen=True, slots=True)
class Judged:
    """An input with its final judgement in this cycle."""

    input: Input
    judgement: InputJudgement

    @property
    def verdict(self) -> Verdict:
        return self.judgement.verdict

    @property
    def returned(self) -> Returned | None:
        return self.judgement.returned

    @property
    def is_gone(self) -> bool:
        return self.judgement.is_gone


MakeCall = Callable[[Sequence[Input]], Call]


async def send(caller: Caller, make: MakeCall, inputs: Sequence[Input], adopt: MakeCall | None = None) -> list[Judged]:
    """The verdict of every input. `adopt` makes the call that updates records by their ids. Raises LineStopped."""
    sending = _Sending(caller, make, adopt)
    await sending.send(inputs)
    return sending.judged


class _Sending:
    def __init__(self, caller: Caller, make: MakeCall, adopt: MakeCall | None) -> None:
        self.judged: list[Judged] = []
        self._exchange = caller
        self._make = make
        self._adopt = adopt

    async def send(self, group: Sequence[Input]) -> None:
        """Send inputs that failed before separately, and once, so that they do not spoil another batch."""
        fresh = [input_ for input_ in group if not self._exchange.is_suspect(input_.positions)]
        suspects = [input_ for input_ in group if self._exchange.is_suspect(input_.positions)]
        if fresh:
            await self._take(fresh, await self._try(fresh, TRIES_IN_CYCLE))
        if suspects:
            await self._take(suspects, await self._try(suspects, 1))

    async def _take(self, group: Sequence[Input], judgement: Judgement) -> None:
        """Obey a judgement, and those that follow from it, until the group is judged."""
        for _ in range(MAX_ROUNDS):
            if judgement.again_after_seconds is not None:
                await self._give_up(group, judgement)
                return
            again, suspects, existing = self._sort(group, judgement)
            if existing:
                await self._take_over(existing)
            if suspects:
                await self._search(suspects, judgement)
            if not again:
                return
            group = again
            judgement = await self._try(group, TRIES_IN_CYCLE)
        self._judge_all(group, without_answer.never_settled(judgement))

    async def _try(self, group: Sequence[Input], max_tries: int) -> Judgement:
        """The judgement of one call, which is repeated while it fails as a whole. Raises LineStopped."""
        positions = [position for input_ in group for position in input_.positions]
        judgement: Judgement | None = None
        for tries in itertools.count(1):
            if self._exchange.is_down:
                return judgement or _put_off(group, without_answer.not_tried(self._exchange.trouble))
            try:
                _, judgement = await self._exchange.call(self._make(group), group, positions)
            except BudgetSpent as spent:
                return judgement or _put_off(group, spent.verdict)
            wait_seconds = judgement.again_after_seconds
            if wait_seconds is None or tries >= (THROTTLED_TRIES if _is_throttled(judgement) else max_tries):
                return judgement
            await self._exchange.pause(wait_seconds)
        raise AssertionError("the tries are counted")

    async def _give_up(self, group: Sequence[Input], judgement: Judgement) -> None:
        """The call failed repeatedly. If HubSpot works otherwise, one input may be the cause."""
        is_alive = await self._exchange.is_alive()
        if is_alive and judgement.counts and len(group) > 1:
            await self._search(group, judgement)
            return
        for input_, judged in zip(group, judgement.inputs, strict=True):
            if is_alive and isinstance(judged.verdict, Retry) and not _is_throttled(judgement):
                # HubSpot works, but not for these inputs: if this did not count, they would be tried for ever.
                judged.verdict = replace(judged.verdict, counts=True)
            self.judged.append(Judged(input_, judged))

    def _sort(
        self, group: Sequence[Input], judgement: Judgement
    ) -> tuple[list[Input], list[Input], list[tuple[str, Input]]]:
        """Keep final verdicts; return the inputs to send again at once, to send in parts, and those that already
        exist."""
        again: list[Input] = []
        suspects: list[Input] = []
        existing: list[tuple[str, Input]] = []
        for input_, judged in zip(group, judgement.inputs, strict=True):
            if judged.blamed:
                if input_.leave_out(judged.blamed):
                    again.append(input_)
                else:
                    self._judge_all([input_], without_answer.blamed_again(judgement))
            elif judged.is_again:
                again.append(input_)
            elif judged.existing_id is not None and self._adopt is not None:
                existing.append((judged.existing_id, input_))
            elif judgement.split and _is_at_once(judged.verdict):
                suspects.append(input_)
            else:
                self.judged.append(Judged(input_, judged))
        return again, suspects, existing

    async def _search(self, group: Sequence[Input], judgement: Judgement) -> None:
        """Send a spoilt batch in parts, until the poison is isolated and every other input has a verdict."""
        is_failing = judgement.again_after_seconds is not None
        open_inputs = dict(enumerate(group))
        bisection = Bisection(len(group))
        spoilt, worked = 0, False
        while part := bisection.next():
            inputs = [group[index] for index in part]
            judgement = await self._try(inputs, 1 if is_failing else TRIES_IN_CYCLE)
            fails = judgement.again_after_seconds is not None
            is_spoilt = fails if is_failing else judgement.split
            if is_spoilt and len(inputs) > 1:
                spoilt += 1
                if is_failing and not worked and spoilt >= SPOILT_PARTS:
                    break
            else:
                worked |= not fails
                for index in part:
                    del open_inputs[index]
                await self._end(inputs, judgement)
            bisection.report(is_spoilt or isinstance(judgement.verdicts[0], Dead))
        self._judge_all(open_inputs.values(), without_answer.not_isolated(judgement))

    async def _end(self, inputs: Sequence[Input], judgement: Judgement) -> None:
        if judgement.again_after_seconds is None:
            await self._take(inputs, judgement)
        else:
            self.judged += [Judged(input_, judged) for input_, judged in zip(inputs, judgement.inputs, strict=True)]

    async def _take_over(self, existing: Sequence[tuple[str, Input]]) -> None:
        """Update records that already exist in HubSpot; the second of two inputs for one record waits for the next
        cycle."""
        assert self._adopt is not None
        by_record_id: dict[str, Input] = {}
        originals: dict[str, Input] = {}
        for record_id, input_ in existing:
            if record_id in by_record_id:
                self._judge_all([input_], without_answer.written_already(record_id))
            else:
                by_record_id[record_id] = replace(input_, key=record_id)
                originals[record_id] = input_
        taking = _Sending(self._exchange, self._adopt, None)
        await taking.send(list(by_record_id.values()))
        self.judged += [replace(outcome, input=originals[outcome.input.key]) for outcome in taking.judged]

    def _judge_all(self, group: Iterable[Input], verdict: Verdict) -> None:
        self.judged += [Judged(input_, InputJudgement(verdict)) for input_ in group]


def _put_off(group: Sequence[Input], verdict: Retry) -> Judgement:
    """A judgement that retries every input, without a call."""
    return Judgement(rule="put-off", inputs=same_for_all(verdict, group))


def _is_at_once(verdict: Verdict) -> bool:
    return isinstance(verdict, Retry) and verdict.after_seconds == 0.0 and not verdict.counts


def _is_throttled(judgement: Judgement) -> bool:
    return any(isinstance(verdict, Retry) and verdict.reason is Reason.RATE_LIMITED for verdict in judgement.verdicts)

"""The calls to HubSpot in a period: by endpoint, by answer and over time, from the stored attempts. Pure.

A report covers the newest calls of the period, at most `MAX_CALLS`, so that it stays quick on large data.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec

MAX_CALLS = 20_000
BURST_MS = 10_000
"""HubSpot's rate limit counts calls in ten seconds."""
THROTTLED, MULTI_STATUS = 429, 207


class Call(NamedTuple):
    """One HTTP exchange with HubSpot, without its bodies. `status` is None without an answer."""

    call: str
    started_at_ms: int
    duration_ms: int
    status: int | None
    outcome: str


class Answer(StrEnum):
    """The answer of HubSpot, for people."""

    SUCCESS = "success"
    PARTLY = "partly"
    """Some of the inputs were refused."""
    THROTTLED = "429"
    REFUSED = "refused"
    NO_ANSWER = "no answer"


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The calls of one endpoint. `answers`: how many of each kind."""

    call: str
    count: int
    answers: dict[str, int]
    p50_ms: int
    p95_ms: int
    last_at_ms: int


class CallError(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of one endpoint that did not succeed for one reason."""

    call: str
    status: int | None
    outcome: str
    count: int
    last_at_ms: int


class CallStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step of time. `busiest`: the most calls that began within ten seconds. Durations are None without calls."""

    at_ms: int
    answers: dict[str, int]
    p50_ms: int | None
    p95_ms: int | None
    busiest: int


class CallReport(msgspec.Struct, frozen=True, kw_only=True):
    """The calls of a period. `is_complete`: False if there are older calls than those that were counted."""

    count: int
    is_complete: bool
    since_ms: int
    until_ms: int
    endpoints: list[Endpoint]
    errors: list[CallError]
    steps: list[CallStep]


def answer_of(status: int | None) -> Answer:
    """The kind of an HTTP status."""
    if status is None:
        return Answer.NO_ANSWER
    if status == THROTTLED:
        return Answer.THROTTLED
    if status == MULTI_STATUS:
        return Answer.PARTLY
    return Answer.SUCCESS if 200 <= status < 300 else Answer.REFUSED


def call_report(calls: Sequence[Call], since_ms: int | None, until_ms: int, steps: int) -> CallReport:
    """The report of these calls, newest first. Without `since_ms`, it begins with the oldest of them.

    Shape: if there are more calls than `MAX_CALLS`, it begins where the counted ones do.
    """
    counted = calls[:MAX_CALLS]
    is_complete = len(calls) <= MAX_CALLS
    oldest_ms = counted[-1].started_at_ms if counted else until_ms - 1
    begin_ms = oldest_ms if since_ms is None or not is_complete else since_ms
    begin_ms = min(begin_ms, until_ms - steps)
    return CallReport(
        count=len(counted),
        is_complete=is_complete,
        since_ms=begin_ms,
        until_ms=until_ms,
        endpoints=_endpoints(counted),
        errors=_errors(counted),
        steps=_steps(counted, begin_ms, until_ms, steps),
    )


def _endpoints(calls: Iterable[Call]) -> list[Endpoint]:
    by_call: dict[str, list[Call]] = {}
    for call in calls:
        by_call.setdefault(_endpoint(call), []).append(call)
    endpoints = [
        Endpoint(
            call=name,
            count=len(own),
            answers=_answers(own),
            p50_ms=_percentile(own, 0.5),
            p95_ms=_percentile(own, 0.95),
            last_at_ms=own[0].started_at_ms,
        )
        for name, own in by_call.items()
    ]
    return sorted(endpoints, key=lambda endpoint: (-endpoint.count, endpoint.call))


def _errors(calls: Iterable[Call]) -> list[CallError]:
    groups: dict[tuple[str, int | None, str], list[Call]] = {}
    for call in calls:
        if answer_of(call.status) is not Answer.SUCCESS:
            groups.setdefault((_endpoint(call), call.status, call.outcome), []).append(call)
    errors = [
        CallError(call=name, status=status, outcome=outcome, count=len(own), last_at_ms=own[0].started_at_ms)
        for (name, status, outcome), own in groups.items()
    ]
    return sorted(errors, key=lambda error: (-error.count, error.call))


def _steps(calls: Sequence[Call], since_ms: int, until_ms: int, steps: int) -> list[CallStep]:
    step_ms = max(1, -(-(until_ms - since_ms) // steps))
    by_step: list[list[Call]] = [[] for _ in range(steps)]
    for call in calls:
        if since_ms <= call.started_at_ms < until_ms:
            by_step[(call.started_at_ms - since_ms) // step_ms].append(call)
    return [
        CallStep(
            at_ms=since_ms + index * step_ms,
            answers=_answers(own),
            p50_ms=_percentile(own, 0.5) if own else None,
            p95_ms=_percentile(own, 0.95) if own else None,
            busiest=_busiest(own),
        )
        for index, own in enumerate(by_step)
    ]


def _endpoint(call: Call) -> str:
    """Method and path, without the query."""
    return call.call.partition("?")[0]


def _answers(calls: Iterable[Call]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for call in calls:
        answer = answer_of(call.status)
        counts[answer] = counts.get(answer, 0) + 1
    return {answer: counts[answer] for answer in Answer if answer in counts}


def _percentile(calls: Sequence[Call], share: float) -> int:
    ordered = sorted(call.duration_ms for call in calls)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _busiest(calls: Sequence[Call]) -> int:
    """The most calls that began within ten seconds; the calls are newest first."""
    busiest = oldest = 0
    for index, call in enumerate(calls):
        while calls[oldest].started_at_ms - call.started_at_ms >= BURST_MS:
            oldest += 1
        busiest = max(busiest, index - oldest + 1)
    return busiest

"""The report of calls: endpoints, answers, steps of time and the busiest ten seconds."""

from __future__ import annotations

import pytest

from hubwire.record import calls as module
from hubwire.record.calls import Call, call_report

UPSERT, SEND = "POST /crm/objects/2026-09/contacts/batch/upsert", "POST /events/2026-09/send/batch"
CALLS = [
    Call(SEND, 95_000, 400, 429, "rate-limited"),
    Call(UPSERT, 62_000, 90, 207, "each-its-own"),
    Call(UPSERT, 61_000, 30, 200, "success"),
    Call(UPSERT, 50_500, 10, 200, "success"),
    Call(SEND, 50_000, 20, None, "hubspot-unreachable"),
]


def test_a_report_counts_endpoints_answers_and_errors() -> None:
    report = call_report(CALLS, 0, 100_000, 10)
    assert (report.count, report.is_complete) == (5, True)
    upsert, send = report.endpoints
    assert (upsert.call, upsert.count, upsert.answers) == (UPSERT, 3, {"success": 2, "partly": 1})
    assert (upsert.p50_ms, upsert.p95_ms, upsert.last_at_ms) == (30, 90, 62_000)
    assert send.answers == {"429": 1, "no answer": 1}
    assert [(error.status, error.outcome) for error in report.errors] == [
        (207, "each-its-own"),
        (429, "rate-limited"),
        (None, "hubspot-unreachable"),
    ]


def test_steps_have_the_calls_that_began_in_them_and_the_busiest_ten_seconds() -> None:
    report = call_report(CALLS, 0, 100_000, 2)
    first, second = report.steps
    assert (first.at_ms, first.answers, first.p50_ms, first.busiest) == (0, {}, None, 0)
    assert (second.at_ms, sum(second.answers.values()), second.p95_ms) == (50_000, 5, 400)
    assert second.busiest == 2, "50.0 and 50.5 s, or 61 and 62 s"


def test_of_too_many_calls_the_newest_count_and_the_period_begins_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CALLS", 3)
    report = call_report(CALLS, 0, 100_000, 5)
    assert (report.count, report.is_complete, report.since_ms) == (3, False, 61_000)


def test_without_calls_a_report_has_empty_steps() -> None:
    report = call_report([], None, 100_000, 4)
    assert (report.count, report.endpoints, [step.answers for step in report.steps]) == (0, [], [{}] * 4)

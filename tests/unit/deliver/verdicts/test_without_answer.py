"""Retries are decided in `verdicts/` and nowhere else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import hubwire
from hubwire.deliver.verdicts import without_answer
from hubwire.deliver.verdicts.judgement import Judgement
from hubwire.delivery import Dead, Retry
from hubwire.hubspot.call import Answer
from hubwire.reasons import Reason

DELIVER = Path(hubwire.__file__).parent / "deliver"
VERDICTS = {"Retry", "Dead", "StopTheLine"}


def made_in(path: Path) -> set[str]:
    """The verdicts that a module makes."""
    calls = [node.func for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    return {call.id for call in calls if isinstance(call, ast.Name) and call.id in VERDICTS}


def test_no_step_and_no_lane_makes_a_verdict() -> None:
    elsewhere = {str(path.relative_to(DELIVER)): made_in(path) for path in DELIVER.rglob("*.py")}
    assert {path for path, verdicts in elsewhere.items() if verdicts and not path.startswith("verdicts/")} == set()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(None), Reason.HUBSPOT_UNREACHABLE),
        (Answer(429), Reason.RATE_LIMITED),
        (Answer(503), Reason.HUBSPOT_FAILED),
        (Answer(302), Reason.HUBSPOT_UNREADABLE),
    ],
)
def test_a_call_that_is_made_again_says_why(answer: Answer, reason: Reason) -> None:
    assert without_answer.reason_of(answer) is reason


def test_a_lone_call_that_is_not_made_again_is_dead() -> None:
    judgement = Judgement("not-found", [], "gone")
    assert without_answer.of_one_call(Answer(404), judgement) == Dead(Reason.NOT_FOUND, "gone")
    assert without_answer.of_one_call(Answer(400), judgement) == Dead(Reason.INVALID_INPUT, "gone")


def test_what_is_not_the_messages_fault_uses_up_no_attempt() -> None:
    put_off: list[Retry] = [
        without_answer.budget_spent(5.0),
        without_answer.backfill_put_off(),
        without_answer.source_parked(300.0),
        without_answer.not_tried(without_answer.day_is_spent()),
        without_answer.EVENTS_NOT_AVAILABLE,
    ]
    assert not any(verdict.counts for verdict in put_off)

"""Judges HubSpot's answers: from an answer to one verdict for each input. Pure; never raises.

The rules are in `call_rules.py`; `successes.py` reads good and mixed answers, `refusals.py` errors
about inputs. With `without_answer.py` and `dependants.py`, nothing else in Hubwire decides about retries.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hubwire.deliver.verdicts.call_rules import VERDICTS, Rule, Says
from hubwire.deliver.verdicts.judgement import Judgement, dead, same_for_all
from hubwire.deliver.verdicts.refusals import judge_refusal, split_up
from hubwire.deliver.verdicts.successes import judge_success
from hubwire.delivery import Retry, StopTheLine, Verdict
from hubwire.hubspot.call import Answer, BatchInput, Call
from hubwire.hubspot.errors import Problem, read_problem
from hubwire.hubspot.throttle import LimitName, retry_after_seconds, throttle_of
from hubwire.reasons import Reason

NO_PROBLEM = Problem()


def judge(call: Call, answer: Answer, inputs: Sequence[BatchInput], jitter: float = 0.0) -> Judgement:
    """The judgement of an answer, with each input of its call.

    Shape: `inputs` are the call's inputs in the order of sending; empty for a call that only reads or sets up. Its
    judgement has only its success (`is_answered`), the time to repeat it, and the reason to stop the lane.
    Units: `jitter` is 0 to 1; it lengthens a throttled wait that HubSpot did not name by up to a second.
    Errors: none.
    """
    is_good = answer.status is not None and 200 <= answer.status < 300
    problem = NO_PROBLEM if is_good or answer.status is None else read_problem(answer.body)
    row = _row_of(call, answer, problem, inputs)
    match row.says:
        case Says.LOOK if is_good:
            return judge_success(row, call, answer, inputs)
        case Says.LOOK:
            return judge_refusal(row, call, answer.status or 0, problem, inputs)
        case Says.SPLIT:
            return split_up(row, problem, inputs)
        case _:
            return _judge_call(row, call, answer, problem, inputs, jitter)


def _row_of(call: Call, answer: Answer, problem: Problem, inputs: Sequence[BatchInput]) -> Rule:
    noticed = set(_noticed(call, answer, problem, inputs))
    message = problem.message.upper()
    for row in VERDICTS:
        if not _has_status(row, answer.status) or (row.is_about_events and not call.is_about_events):
            continue
        if not row.signs or any(sign in message if " " in sign[1:-1] else sign in noticed for sign in row.signs):
            return row
    return VERDICTS[-1]


def _has_status(row: Rule, status: int | None) -> bool:
    if status is None:
        return None in row.statuses
    return any(span is not None and span[0] <= status <= span[1] for span in row.statuses)


def _noticed(call: Call, answer: Answer, problem: Problem, inputs: Sequence[BatchInput]) -> Iterable[str]:
    yield problem.category.upper()
    yield from (code.upper() for code in problem.codes)
    if not problem.is_json:
        yield "(NOT_JSON)"
    if answer.may_renew_token:
        yield "(RENEWABLE)"
    if answer.status == 429 and throttle_of(answer, call.kind).policy is LimitName.DAILY:
        yield "(DAILY)"
    may_be_a_record = problem.category == "OBJECT_NOT_FOUND" and call.id_property is None
    if inputs and not (may_be_a_record or problem.context or call.kind == "events"):
        yield "(UNKNOWN_PATH)"


def _judge_call(
    row: Rule, call: Call, answer: Answer, problem: Problem, inputs: Sequence[BatchInput], jitter: float
) -> Judgement:
    """The whole call has one verdict."""
    wait_seconds = _wait_seconds(row, call, answer, jitter)
    detail = problem.text or answer.failure or f"HubSpot answered {answer.status}"
    reason = row.reason or Reason.HUBSPOT_FAILED
    stop: StopTheLine | None = None
    verdict: Verdict
    if row.says is Says.STOP:
        verdict = stop = StopTheLine(reason, _stop_detail(row, answer, detail), wait_seconds)
    elif row.says is Says.DEAD:
        verdict = dead(reason, detail)
    else:
        verdict = Retry(wait_seconds, reason, detail, row.counts)
    may_repeat = row.says in (Says.RETRY, Says.RENEW)
    return Judgement(
        rule=row.name,
        inputs=same_for_all(verdict, inputs),
        detail=detail,
        again_after_seconds=wait_seconds if may_repeat else None,
        counts=row.counts,
        is_answered=row.says is Says.WITHOUT_EVENTS,
        stop=stop,
        is_daily_spent=reason is Reason.BUDGET_SPENT,
    )


def _stop_detail(row: Rule, answer: Answer, detail: str) -> str:
    if row.name == "redirected":
        return f"HubSpot's API sent a redirect to {answer.headers.get('location', 'nowhere')}: check the base URL"
    return f"{answer.status}: {detail}"[:1000]


def _wait_seconds(row: Rule, call: Call, answer: Answer, jitter: float) -> float:
    if answer.status == 429:
        return throttle_of(answer, call.kind, jitter).wait_seconds
    if row.says not in (Says.RETRY, Says.STOP):
        return row.wait_seconds
    named = retry_after_seconds(answer.headers, answer.ended_at_ms, row.longest_seconds)
    if row.says is Says.STOP and named is not None:
        return named
    return max(row.wait_seconds, named or 0.0)

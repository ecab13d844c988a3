"""Judges HubSpot's answers: from an answer to one verdict for each input. Pure; never raises.

The rules are in `call_rules.py`; `refusals.py` reads errors about inputs. With `without_answer.py` and `dependants.py`,
nothing else in Hubwire decides about retries.

After a 2xx an input is delivered if, and only if, its record came back. HubSpot returns results in its own order and
e-mails in lower case (observed live by third parties). Results are therefore matched by trace id, or else by the key
property, or else by e-mail or record id. The status (200, 201 or 207) is not enough: every body is searched for errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from hubwire.deliver.verdicts.call_rules import VERDICTS, Rule, Says
from hubwire.deliver.verdicts.input_rules import NO_CULPRIT, RECORD_MISSING, UNREADABLE
from hubwire.deliver.verdicts.judgement import (
    Judgement,
    Returned,
    at_once,
    dead,
    later,
    same_for_all,
)
from hubwire.deliver.verdicts.refusals import indexes_named, input_row, judge_input, judge_refusal, split_up
from hubwire.delivery import Delivered, Retry, StopTheLine, Verdict
from hubwire.hubspot.call import (
    Answer,
    BatchInput,
    Call,
    pair_key,
)
from hubwire.hubspot.errors import Problem, problem_of, read_problem
from hubwire.hubspot.throttle import LimitName, retry_after_seconds, throttle_of
from hubwire.hubspot.wire import BatchAnswer, WrittenRecord, read_batch, read_pairs
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
        if row.is_about_objects and call.object_type is None:
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
        is_answered=row.says in (Says.WITHOUT_EVENTS, Says.WITHOUT_OBJECT),
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


# -- good and mixed answers


def judge_success(row: Rule, call: Call, answer: Answer, inputs: Sequence[BatchInput]) -> Judgement:
    """One verdict per input of a call that HubSpot answered with a 2xx."""
    if answer.failure is not None:
        return _unreadable(answer, inputs)
    if not inputs:
        return Judgement(rule=row.name, inputs=[])
    if call.kind == "events":
        return _judge_events(row, call, answer, inputs)
    if call.kind == "associations":
        pairs = read_pairs(answer.body)
        if pairs is None:
            return _silent_or_unreadable(answer, inputs)
        linked = {pair_key(*ids) for pair in pairs.results for ids in (pair.ids, pair.ids[::-1])}
        found: dict[int, Returned] = {
            index: Returned(input_.key, {}) for index, input_ in enumerate(inputs) if input_.key in linked
        }
        return _judge(row, call, inputs, found, pairs.errors or ())
    batch = read_batch(answer.body)
    if batch is None:
        return _silent_or_unreadable(answer, inputs)
    return _judge(row, call, inputs, _match(call, batch, inputs), batch.errors or ())


def _judge(
    row: Rule, call: Call, inputs: Sequence[BatchInput], found: Mapping[int, Returned], errors: Iterable[Any]
) -> Judgement:
    judgement = Judgement(rule=row.name, inputs=same_for_all(later(RECORD_MISSING), inputs))
    for index, record in found.items():
        judgement.inputs[index].verdict = Delivered(record.record_id)
        judgement.inputs[index].returned = record
    problems = [problem_of(error) for error in errors]
    if problems:
        _judge_errors(judgement, call, inputs, problems)
    if len(found) < len(inputs) and not problems:
        judgement.rule = RECORD_MISSING.name
    return judgement


def _judge_errors(judgement: Judgement, call: Call, inputs: Sequence[BatchInput], problems: Sequence[Problem]) -> None:
    """Errors that name their input decide about it, even against a result; the others are about who is missing."""
    judgement.detail = problems[0].text
    judged: set[int] = set()
    orphans: list[Problem] = []
    for problem in problems:
        named = indexes_named(problem, inputs)
        if not named:
            orphans.append(problem)
        for index in named:
            judged.add(index)
            judgement.inputs[index].returned = None
            judge_input(judgement, index, inputs[index], call, problem)
    missing = [i for i, entry in enumerate(judgement.inputs) if entry.returned is None and i not in judged]
    if not orphans or not missing:
        return
    if len(missing) == 1 or input_row(orphans[0]).says is Says.RETRY:
        for index in missing:
            judge_input(judgement, index, inputs[index], call, orphans[0])
        return
    judgement.rule, judgement.split = NO_CULPRIT.name, True
    for index in missing:
        judgement.inputs[index].verdict = at_once(Reason.INVALID_INPUT, orphans[0].text)


def _judge_events(row: Rule, call: Call, answer: Answer, inputs: Sequence[BatchInput]) -> Judgement:
    """For events, 204 is HubSpot's only confirmation. An error inside another 2xx revokes it, and so does a batch
    answer without results."""
    judgement = Judgement(rule=row.name, inputs=same_for_all(Delivered(None), inputs))
    if answer.status == 204 or not answer.body.strip():
        return judgement
    batch = read_batch(answer.body)
    if batch is None:
        return _unreadable(answer, inputs)
    if b'"results"' in answer.body and not batch.results:
        judgement.inputs = same_for_all(later(RECORD_MISSING), inputs)
        judgement.rule = RECORD_MISSING.name
    if batch.errors:
        judgement.inputs = same_for_all(later(RECORD_MISSING), inputs)
        judgement.rule = row.name
        _judge_errors(judgement, call, inputs, [problem_of(error) for error in batch.errors])
    return judgement


def _silent_or_unreadable(answer: Answer, inputs: Sequence[BatchInput]) -> Judgement:
    if answer.body.strip():
        return _unreadable(answer, inputs)
    return Judgement(rule=RECORD_MISSING.name, inputs=same_for_all(later(RECORD_MISSING), inputs))


def _unreadable(answer: Answer, inputs: Sequence[BatchInput]) -> Judgement:
    detail = answer.failure or f"HubSpot answered {answer.status} with something that is not its JSON"
    return Judgement(
        rule=UNREADABLE.name,
        inputs=same_for_all(later(UNREADABLE, detail), inputs),
        detail=detail,
        again_after_seconds=UNREADABLE.wait_seconds,
        is_answered=False,
    )


# -- which record answers which input


def _match(call: Call, batch: BatchAnswer, inputs: Sequence[BatchInput]) -> dict[int, Returned]:
    by_trace = {input_.trace: index for index, input_ in enumerate(inputs)}
    found: dict[int, Returned] = {}
    unmatched: list[WrittenRecord] = []
    for record in batch.results:
        if not record.id:
            continue
        index = by_trace.get(record.object_write_trace_id) if record.object_write_trace_id is not None else None
        if index is None or index in found:
            unmatched.append(record)
        else:
            found[index] = _returned(record)
    if unmatched and len(found) < len(inputs):
        _match_by_key(call, unmatched, inputs, found)
    return found


def _match_by_key(
    call: Call, records: Iterable[WrittenRecord], inputs: Sequence[BatchInput], found: dict[int, Returned]
) -> None:
    by_key = {input_.key.lower(): index for index, input_ in enumerate(inputs) if index not in found}
    for record in records:
        for key in _keys_of(call, record):
            index = by_key.get(key.lower())
            if index is not None and index not in found:
                found[index] = _returned(record)
                break


def _keys_of(call: Call, record: WrittenRecord) -> Iterator[str]:
    if call.id_property is None:
        yield record.id
        return
    for name in (call.id_property, "email"):
        if value := record.properties.get(name):
            yield value


def _returned(record: WrittenRecord) -> Returned:
    warnings = tuple(warning.message for warning in record.warnings or ())
    return Returned(record.id, record.properties, record.new, warnings)

"""Errors about inputs: finds the culprit and decides about it. Pure.

A refused batch is never sent again unchanged. The culprit is found in this order: HubSpot names it (trace id or id);
HubSpot names a property or a value of only some inputs; the batch has one input. Otherwise the batch is sent in parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from hubwire.deliver.verdicts.call_rules import Rule, Says
from hubwire.deliver.verdicts.input_rules import (
    BYSTANDER,
    INPUT_VERDICTS,
    KEY_MISSING,
    NO_CULPRIT,
    OF_THE_PROPERTY,
    reason_of,
)
from hubwire.deliver.verdicts.judgement import (
    Blamed,
    InputJudgement,
    Judgement,
    at_once,
    dead,
    later,
    same_for_all,
)
from hubwire.delivery import Retry, Verdict
from hubwire.hubspot.call import BatchInput, Call, pair_key
from hubwire.hubspot.errors import Fault, Problem
from hubwire.reasons import Reason

MAX_PAIRS_NAMED = 10_000
_RECORD_EXISTS = next(row for row in INPUT_VERDICTS if row.says is Says.ADOPT)


def judge_refusal(row: Rule, call: Call, status: int, problem: Problem, inputs: Sequence[BatchInput]) -> Judgement:
    """A 4xx about a batch: judge the culprits and send the others again at once; without a culprit, send parts."""
    judgement = Judgement(rule=row.name, inputs=[], detail=problem.text)
    if not inputs:
        judgement.is_answered = False
        return judgement
    if len(inputs) == 1:
        judgement.inputs = [InputJudgement(later(NO_CULPRIT))]
        judge_input(judgement, 0, inputs[0], call, problem, status)
        return judgement
    judgement.inputs = same_for_all(later(BYSTANDER, problem.text), inputs)
    if _is_key_missing(call, problem):
        return _key_missing(judgement, problem)
    named = indexes_named(problem, inputs) or _by_key(call, problem, inputs)
    if named and len(named) < len(inputs):
        for index, judged in enumerate(judgement.inputs):
            judged.is_again = index not in named
        for index in named:
            judge_input(judgement, index, inputs[index], call, problem, status)
        return judgement
    if _blame_all(judgement, call, problem, inputs):
        for judged in judgement.inputs:
            judged.is_again = True
        return judgement
    return split_up(NO_CULPRIT, problem, inputs)


def split_up(row: Rule, problem: Problem, inputs: Sequence[BatchInput]) -> Judgement:
    """Send the batch in parts. A single input is dead, or retried if the row counts attempts."""
    judgement = Judgement(rule=row.name, inputs=[], detail=problem.text, counts=row.counts)
    reason = row.reason or Reason.INVALID_INPUT
    if len(inputs) > 1:
        judgement.inputs = same_for_all(at_once(reason, problem.text), inputs)
        judgement.split = True
    elif inputs and row.counts:
        judgement.inputs = [InputJudgement(later(row, problem.text))]
    elif inputs:
        judgement.inputs = [InputJudgement(dead(reason, problem.text))]
    elif row.counts:
        judgement.again_after_seconds = row.wait_seconds
    judgement.is_answered = bool(inputs) and problem.is_json
    return judgement


def judge_input(
    judgement: Judgement, index: int, input_: BatchInput, call: Call, problem: Problem, status: int | None = None
) -> None:
    """Set the verdict of one input that HubSpot's error is about."""
    if _is_key_missing(call, problem):
        judgement.schema_is_stale = True
        judgement.inputs[index].verdict = later(KEY_MISSING, problem.text)
        return
    blamed, is_stale = _blamed(call, problem.faults, input_)
    row = _input_row(problem, status, names_property=bool(blamed), names_event=_names_event(call, problem, input_))
    if not blamed and row.says is Says.DEAD and _owner_of_key(call, problem) is not None:
        row = _RECORD_EXISTS
    judgement.schema_is_stale |= is_stale
    judged = judgement.inputs[index]
    if row.says is Says.LEAVE_OUT:
        judged.blamed, judged.is_again = blamed, True
    elif row.reason is Reason.NOT_FOUND and call.kind == "events":
        judgement.schema_is_stale = True
    elif row.reason is Reason.NOT_FOUND:
        judged.is_gone = True
    judged.verdict = _input_verdict(judged, row, call, problem)


def _input_verdict(judged: InputJudgement, row: Rule, call: Call, problem: Problem) -> Verdict:
    reason = row.reason or Reason.INVALID_INPUT
    if row.says is Says.ADOPT and call.id_property is None:
        return dead(reason, problem.text)
    existing_id = problem.existing_id or _owner_of_key(call, problem)
    if row.says is Says.ADOPT and existing_id is not None:
        judged.existing_id = existing_id
        return Retry(0.0, reason, problem.text)
    return dead(reason, problem.text) if row.says is Says.DEAD else later(row, problem.text)


def _owner_of_key(call: Call, problem: Problem) -> str | None:
    """The record that has the input's key value. The other id in HubSpot's message belongs to no record."""
    return next((fault.owner_id for fault in problem.faults if fault.property == call.id_property), None)


def input_row(problem: Problem) -> Rule:
    """The row for an error that is not tied to an input."""
    return _input_row(problem, None)


def _input_row(
    problem: Problem, status: int | None, *, names_property: bool = False, names_event: bool = False
) -> Rule:
    noticed = {problem.category.upper(), problem.sub_category.upper().rpartition(".")[2], f"({status})"}
    noticed |= {code.upper() for code in problem.codes}
    noticed |= {"(NAMES_PROPERTY)"} if names_property else set()
    noticed |= {"(NAMES_EVENT)"} if names_event else set()
    noticed |= {"(PRIVACY)"} if problem.is_about_privacy else set()
    return next(row for row in INPUT_VERDICTS if not row.signs or not noticed.isdisjoint(row.signs))


# -- finding the culprit


def indexes_named(problem: Problem, inputs: Sequence[BatchInput]) -> list[int]:
    """The inputs that an error names by trace id, id, or both ends of an association."""
    context = problem.context
    traces = set(context.get("objectWriteTraceId", ()))
    if traces:
        return [index for index, input_ in enumerate(inputs) if input_.trace in traces]
    keys = {key.lower() for name in ("ids", "id", "objectId", "eventName") for key in context.get(name, ())}
    keys |= _pairs_named(context.get("fromObjectId", ()), context.get("toObjectId", ()))
    return [index for index, input_ in enumerate(inputs) if input_.key.lower() in keys] if keys else []


def _pairs_named(from_ids: Sequence[str], to_ids: Sequence[str]) -> set[str]:
    if len(from_ids) * len(to_ids) > MAX_PAIRS_NAMED:
        return set()
    return {pair_key(from_id, to_id) for from_id in from_ids for to_id in to_ids}


def _names_event(call: Call, problem: Problem, input_: BatchInput) -> bool:
    return call.kind == "events" and (
        input_.key in problem.context.get("eventName", ()) or _is_in(input_.key, problem.message)
    )


def _by_key(call: Call, problem: Problem, inputs: Sequence[BatchInput]) -> list[int]:
    """The inputs whose key HubSpot's message contains, such as an invalid e-mail or an unknown event."""
    if call.kind == "events":
        return [index for index, input_ in enumerate(inputs) if _names_event(call, problem, input_)]
    words = " ".join(
        fault.message for fault in problem.faults if fault.property == call.id_property or fault.code == "INVALID_EMAIL"
    )
    if not words and ("email" in problem.message.lower() or problem.is_about_privacy):
        words = problem.message
    return [index for index, input_ in enumerate(inputs) if _is_in(input_.key, words)] if words else []


def _is_in(value: str, words: str) -> bool:
    return bool(value) and re.search(rf"(?<![\w.@+-]){re.escape(value)}(?![\w@+-])", words, re.IGNORECASE) is not None


def _blame_all(judgement: Judgement, call: Call, problem: Problem, inputs: Sequence[BatchInput]) -> bool:
    """Blame the properties that HubSpot refused, in the inputs that have them. Returns whether there were any."""
    for fault in problem.faults:
        reason, is_stale = reason_of(fault.code)
        for index in _holders(call, fault, reason, inputs):
            judged = judgement.inputs[index]
            judged.blamed.append(Blamed(fault.property, reason, fault.message))
            judged.verdict = at_once(Reason.REFUSED_BY_HUBSPOT)
            judgement.schema_is_stale |= is_stale
    return any(judged.blamed for judged in judgement.inputs)


def _holders(call: Call, fault: Fault, reason: Reason, inputs: Sequence[BatchInput]) -> list[int]:
    """The inputs that a property's fault concerns: all that have it, or those that write the value HubSpot names."""
    if fault.property == call.id_property or "REQUIRED" in fault.code:
        return []
    holders = [index for index, input_ in enumerate(inputs) if fault.property in input_.properties]
    if reason in OF_THE_PROPERTY or len(holders) == 1:
        return holders
    values = {inputs[index].properties[fault.property] for index in holders}
    guilty = fault.value if fault.value in values else _value_named(values, fault.message)
    return [index for index in holders if inputs[index].properties[fault.property] == guilty] if guilty else []


def _value_named(values: Iterable[str], message: str) -> str | None:
    """The value that HubSpot's message names: quoted, or at its beginning; the longest such value."""
    named = [value for value in values if value and (message.startswith(f"{value} ") or f'"{value}"' in message)]
    return max(named, key=len, default=None)


def _blamed(call: Call, faults: Sequence[Fault], input_: BatchInput) -> tuple[list[Blamed], bool]:
    blamed: dict[str, Blamed] = {}
    stale = False
    for fault in faults:
        if fault.property in input_.properties and fault.property != call.id_property and "REQUIRED" not in fault.code:
            reason, is_stale = reason_of(fault.code)
            stale |= is_stale
            blamed.setdefault(fault.property, Blamed(fault.property, reason, fault.message))
    return list(blamed.values()), stale


def _is_key_missing(call: Call, problem: Problem) -> bool:
    return call.id_property is not None and any(
        fault.property == call.id_property and fault.code == "PROPERTY_DOESNT_EXIST" for fault in problem.faults
    )


def _key_missing(judgement: Judgement, problem: Problem) -> Judgement:
    judgement.rule = KEY_MISSING.name
    judgement.schema_is_stale = True
    judgement.inputs = same_for_all(later(KEY_MISSING, problem.text), judgement.inputs)
    return judgement

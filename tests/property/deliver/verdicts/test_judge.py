"""Every row of the verdict tables, and what holds for any answer at all."""

from __future__ import annotations

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.support.judged import again_of, blame_of, returned_of
from tests.unit.deliver.verdicts.test_judge import (
    ASSOCIATE,
    NO_PLAN,
    PEOPLE,
    SEARCH,
    SEND,
    UPDATE,
    UPSERT,
    One,
    batch,
    problem,
    refused,
)

from hubwire.deliver.verdicts.judge import judge
from hubwire.deliver.verdicts.judgement import Judgement
from hubwire.delivery import Dead, Delivered, Retry, StopTheLine
from hubwire.hubspot.call import (
    Answer,
    Call,
    CallKind,
    pair_key,
)

HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "x-hubspot-ratelimit-max", "content-type", "location"]),
    st.text(max_size=12) | st.integers(-5, 10**6).map(str),
    max_size=3,
)


CONTEXTS = st.dictionaries(
    st.sampled_from(
        ["objectWriteTraceId", "ids", "propertyName", "existingId", "fromObjectId", "toObjectId", "eventName"]
    ),
    st.lists(st.sampled_from(["0", "1", "ann@x.co", "plan", "firstname", "email", "9"]), max_size=3) | st.just(7),
    max_size=3,
)


ERRORS = st.fixed_dictionaries(
    {},
    optional={
        "category": st.sampled_from(["VALIDATION_ERROR", "CONFLICT", "OBJECT_NOT_FOUND", "RATE_LIMITS", "X"])
        | st.none(),
        "message": st.sampled_from([refused(NO_PLAN), "ann@x.co will not do", "", ": [{", "gold was not"])
        | st.text(max_size=9),
        "context": CONTEXTS,
        "errors": st.lists(st.fixed_dictionaries({"code": st.just("INVALID_OPTION"), "context": CONTEXTS}), max_size=2),
        "policyName": st.sampled_from(["DAILY", "SECONDLY", "TEN_SECONDLY_ROLLING"]),
    },
)


RESULTS = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from(["10", "11", ""]) | st.integers(),
        "objectWriteTraceId": st.sampled_from(["0", "1", "2", "77"]),
        "properties": st.dictionaries(
            st.sampled_from(["email", "plan"]), st.sampled_from(["ann@x.co", "BOB@x.co"]) | st.none()
        ),
        "from": st.just({"id": "1"}),
        "to": st.just({"id": "9"}) | st.just(5),
    },
)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


BODIES = st.one_of(
    st.binary(max_size=60),
    JSON.map(msgspec.json.encode),
    ERRORS.map(msgspec.json.encode),
    st.builds(batch, st.lists(RESULTS, max_size=4), st.lists(ERRORS | JSON, max_size=3)).map(msgspec.json.encode),
)


STATUSES = st.none() | st.integers(100, 600) | st.sampled_from([200, 204, 207, 400, 409, 429])


INPUTS = st.lists(
    st.sampled_from([*PEOPLE, One("3", pair_key("1", "9")), One("4", "7")]),
    max_size=5,
    unique_by=lambda person: person.trace,
)


@settings(deadline=None)
@given(st.sampled_from([UPSERT, UPDATE, ASSOCIATE, SEND, SEARCH]), STATUSES, BODIES, HEADERS, INPUTS, st.booleans())
@example(UPSERT, 400, b"[" * 100_000, {}, PEOPLE, False)
@example(UPSERT, 200, b'{"results":' + b"[" * 100_000, {}, PEOPLE, False)
@example(UPSERT, 400, msgspec.json.encode(problem("x: [{" + "[" * 100_000)), {}, PEOPLE, False)
def test_any_answer_gives_each_input_exactly_one_verdict(
    call: Call, status: int | None, body: bytes, headers: dict[str, str], inputs: list[One], renewable: bool
) -> None:
    given_answer = Answer(status, headers, body, 1_790_000_000_000, 5, may_renew_token=renewable)
    judgement = judge(call, given_answer, inputs)
    assert len(judgement.verdicts) == len(inputs)
    for index, (input_, verdict) in enumerate(zip(inputs, judgement.verdicts, strict=True)):
        check_input(call.kind, status, input_, verdict, judgement, index)
    assert not judgement.split or judgement.again_after_seconds is None
    assert judgement.again_after_seconds is None or judgement.again_after_seconds >= 0
    assert len(judgement.detail) <= 1_000


def check_input(
    kind: CallKind,
    status: int | None,
    given_input: One,
    verdict: Delivered | Retry | Dead | StopTheLine,
    judgement: Judgement,
    index: int,
) -> None:
    if isinstance(verdict, Delivered):
        assert status is not None
        assert 200 <= status < 300
        if kind != "events":
            assert verdict.record_id
            assert returned_of(judgement, index).record_id == verdict.record_id
    else:
        assert judgement.inputs[index].returned is None
    if isinstance(verdict, Retry):
        assert 0 <= verdict.after_seconds <= 86_400
        is_at_once = verdict.after_seconds == 0 and not verdict.counts
        is_of_the_call = judgement.rule in ("token-expired", "events-not-available")
        assert is_at_once is (index in again_of(judgement) or judgement.split or is_of_the_call) or judgement.split
    if index in again_of(judgement):
        assert blame_of(judgement) or len(again_of(judgement)) < len(judgement.verdicts), (
            "the same call would be made for ever"
        )
    if isinstance(verdict, StopTheLine):
        assert judgement.stop == verdict
    if index in blame_of(judgement):
        assert isinstance(verdict, Retry)
        assert all(blamed.property in given_input.properties for blamed in blame_of(judgement)[index])

"""Every row of the verdict tables, and what holds for any answer at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from tests.support.judged import again_of, blame_of, existing_of, gone_of, returned_of

from hubwire.deliver.verdicts.call_rules import VERDICTS
from hubwire.deliver.verdicts.input_rules import INPUT_VERDICTS, OTHER_ROWS
from hubwire.deliver.verdicts.judge import judge
from hubwire.deliver.verdicts.judgement import Judgement
from hubwire.delivery import Dead, Delivered, Retry, StopTheLine
from hubwire.hubspot.call import (
    Answer,
    Call,
    pair_key,
)
from hubwire.reasons import Reason
from hubwire.reference.verdicts_page import render_verdicts


class One(msgspec.Struct, frozen=True):
    trace: str
    key: str
    properties: Mapping[str, str] = {}


UPSERT = Call("upsert contacts", "POST", "/crm/objects/2026-09/contacts/batch/upsert", b"", id_property="email")


UPDATE = Call("update companies", "POST", "/crm/objects/2026-09/companies/batch/update", b"")


ASSOCIATE = Call("associate", "POST", "/crm/associations/2026-09/contacts/companies/x", b"", kind="associations")


SEND = Call("send events", "POST", "/events/custom/2026-09/send/batch", b"", kind="events")


SEARCH = Call("search companies", "POST", "/crm/objects/2026-09/companies/search", b"", kind="search")


DEFINE = Call("create event definition", "POST", "/events/custom/2026-09/event-definitions", b"")


ANN = One("0", "ann@x.co", {"firstname": "Ann", "plan": "gold"})


BOB = One("1", "bob@x.co", {"firstname": "Bob", "plan": "tin"})


CID = One("2", "cid@x.co", {"firstname": "Cid"})


PEOPLE = [ANN, BOB, CID]


def answer(status: int | None, body: object = b"", **headers: str) -> Answer:
    encoded = body if isinstance(body, bytes) else msgspec.json.encode(body)
    kept = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, kept, encoded, started_at_ms=1_790_000_000_000, duration_ms=100)


def record(record_id: str, trace: str | None, email: str, **more: str) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": record_id, "new": True, "properties": {"email": email, **more}}
    return shown if trace is None else {**shown, "objectWriteTraceId": trace}


def batch(results: Sequence[object], errors: Sequence[object] = ()) -> dict[str, Any]:
    body: dict[str, Any] = {"status": "COMPLETE", "results": results, "startedAt": "x", "completedAt": "x"}
    return {**body, "numErrors": len(errors), "errors": errors} if errors else body


def problem(message: str, category: str = "VALIDATION_ERROR", **more: object) -> dict[str, Any]:
    return {"status": "error", "message": message, "category": category, "correlationId": "c-1", **more}


def refused(*faults: tuple[str, str, str]) -> str:
    """HubSpot's own wording of refused properties: JSON inside the message (observed live)."""
    listed = [
        {"isValid": False, "message": words, "error": code, "name": name, "localizedErrorMessage": words}
        for name, code, words in faults
    ]
    return f"Property values were not valid: {msgspec.json.encode(listed).decode()}"


NO_PLAN = ("plan", "PROPERTY_DOESNT_EXIST", 'Property "plan" does not exist')


ALL_GOOD = [record("11", "1", "bob@x.co"), record("10", "0", "ann@x.co"), record("12", "2", "cid@x.co")]


def the_call_is(expected: Retry | StopTheLine, judgement: Judgement) -> None:
    """Every input has the verdict, whatever HubSpot's words were."""
    for verdict in judgement.verdicts:
        assert isinstance(verdict, Retry | StopTheLine)
        assert replace(verdict, detail="") == expected
    assert judgement.stop == (judgement.verdicts[0] if isinstance(expected, StopTheLine) else None)


@pytest.mark.parametrize("status", [200, 201, 207])
def test_each_record_that_came_back_delivers_its_input_in_any_order(status: int) -> None:
    judgement = judge(UPSERT, answer(status, batch(ALL_GOOD)), PEOPLE)
    assert judgement.verdicts == [Delivered("10"), Delivered("11"), Delivered("12")]
    assert returned_of(judgement, 1).properties == {"email": "bob@x.co"}
    assert returned_of(judgement, 1).is_new
    assert judgement.is_answered
    assert judgement.again_after_seconds is None


def test_results_without_trace_ids_are_matched_by_lower_cased_email() -> None:
    results = [record("11", None, "bob@x.co"), record("10", None, "ann@x.co")]
    inputs = [One("0", "Ann@X.co"), One("1", "BOB@x.co")]
    assert judge(UPSERT, answer(200, batch(results)), inputs).verdicts == [Delivered("10"), Delivered("11")]


def test_results_of_an_upsert_by_our_own_key_are_matched_by_it() -> None:
    call = Call("upsert companies", "POST", "/crm/objects/2026-09/companies/batch/upsert", id_property="hubwire_domain")
    results = [{"id": "7", "properties": {"hubwire_domain": "b.co"}}, {"id": "6", "properties": {"domain": "a.co"}}]
    verdicts = judge(call, answer(200, batch(results)), [One("0", "a.co"), One("1", "b.co")]).verdicts
    assert isinstance(verdicts[0], Retry)
    assert verdicts[1] == Delivered("7")


def test_results_of_an_update_are_matched_by_record_id() -> None:
    results = [{"id": "7", "properties": {}}, {"id": "6", "properties": {}}]
    inputs = [One("0", "6"), One("1", "7")]
    assert judge(UPDATE, answer(200, batch(results)), inputs).verdicts == [Delivered("6"), Delivered("7")]


def test_a_merged_contact_that_answers_under_another_email_is_matched_by_its_trace_id() -> None:
    results = [record("10", "0", "primary@x.co")]
    assert judge(UPSERT, answer(200, batch(results)), [ANN]).verdicts == [Delivered("10")]


def test_what_hubspot_normalised_is_told() -> None:
    warned = {
        **ALL_GOOD[0],
        "warnings": [{"category": "PROPERTY_VALUE_NORMALIZED", "message": "birthday", "context": {}}],
    }
    assert returned_of(judge(UPSERT, answer(200, batch([warned])), PEOPLE), 1).warnings == ("birthday",)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 207])
@pytest.mark.parametrize("body", [b"", b"{}", batch([])])
def test_a_2xx_with_nothing_in_it_delivers_nothing(status: int, body: object) -> None:
    judgement = judge(UPSERT, answer(status, body), PEOPLE)
    assert judgement.verdicts == [Retry(1.0, Reason.RECORD_MISSING)] * 3
    assert judgement.rule == "record-missing"


def test_an_input_whose_record_is_missing_is_retried_alone() -> None:
    verdicts = judge(UPSERT, answer(200, batch(ALL_GOOD[:2])), PEOPLE).verdicts
    assert verdicts == [Delivered("10"), Delivered("11"), Retry(1.0, Reason.RECORD_MISSING)]


def test_one_record_does_not_deliver_two_inputs() -> None:
    twice = [record("10", "0", "ann@x.co"), record("10", "0", "ann@x.co")]
    verdicts = judge(UPSERT, answer(200, batch(twice)), PEOPLE).verdicts
    assert [isinstance(verdict, Delivered) for verdict in verdicts] == [True, False, False]


@pytest.mark.parametrize("body", [b"<html>ok</html>", b"[]", b"\xff\xfe", b'{"results": 7', b"null"])
def test_a_2xx_that_is_not_hubspots_json_is_repeated(body: bytes) -> None:
    judgement = judge(UPSERT, answer(200, body), PEOPLE)
    assert {(verdict.reason, verdict.counts) for verdict in judgement.verdicts if isinstance(verdict, Retry)} == {
        (Reason.HUBSPOT_UNREADABLE, True)
    }
    assert judgement.again_after_seconds == 1.0
    assert not judgement.is_answered


def test_a_2xx_that_broke_off_is_repeated() -> None:
    broken = Answer(200, {}, b"", failure="failed: ReadError")
    assert judge(UPSERT, broken, [ANN]).verdicts == [Retry(1.0, Reason.HUBSPOT_UNREADABLE, "failed: ReadError")]


def test_numbers_where_hubspot_documents_texts_are_read_all_the_same() -> None:
    body = batch([{"id": 10, "objectWriteTraceId": "0", "properties": {"age": 7, "is_new": True}}])
    judgement = judge(UPSERT, answer(200, body), [ANN])
    assert judgement.verdicts == [Delivered("10")]
    assert returned_of(judgement, 0).properties == {"age": "7", "is_new": "true"}


def test_each_association_that_came_back_from_either_side_is_delivered() -> None:
    results = [{"from": {"id": "1"}, "to": {"id": "9"}}, {"from": {"id": "9"}, "to": {"id": "2"}}]
    inputs = [One("0", pair_key("1", "9")), One("1", pair_key("2", "9")), One("2", pair_key("3", "9"))]
    verdicts = judge(ASSOCIATE, answer(200, batch(results)), inputs).verdicts
    assert [type(verdict) for verdict in verdicts] == [Delivered, Delivered, Retry]


def test_an_association_of_a_record_that_is_gone_is_told_by_both_ids() -> None:
    gone = problem(
        "No contacts with ID 1 exists", "OBJECT_NOT_FOUND", context={"fromObjectId": ["1"], "toObjectId": ["9"]}
    )
    inputs = [One("0", pair_key("1", "9")), One("1", pair_key("2", "9"))]
    judgement = judge(ASSOCIATE, answer(207, batch([{"from": {"id": "2"}, "to": {"id": "9"}}], [gone])), inputs)
    assert gone_of(judgement) == [0]
    assert judgement.verdicts[0] == Retry(0.0, Reason.NOT_FOUND, "No contacts with ID 1 exists")
    assert isinstance(judgement.verdicts[1], Delivered)


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_events_are_delivered_by_the_status_alone(body: bytes) -> None:
    assert judge(SEND, answer(204, body), [One("0", "pe1_a"), One("1", "pe1_a")]).verdicts == [Delivered()] * 2


def test_events_answered_with_a_page_are_not_delivered() -> None:
    assert isinstance(judge(SEND, answer(200, b"<html>"), [One("0", "pe1_a")]).verdicts[0], Retry)


def test_a_batch_answer_without_results_delivers_no_event() -> None:
    judgement = judge(SEND, answer(200, batch([])), [One("0", "pe1_a")])
    assert judgement.verdicts == [Retry(1.0, Reason.RECORD_MISSING)]
    assert judgement.rule == "record-missing"


def test_a_set_up_call_that_something_before_hubspot_blocks_may_be_repeated() -> None:
    judgement = judge(DEFINE, answer(403, b"<html>blocked</html>"), [])
    assert judgement.again_after_seconds == 1.0
    assert not judgement.is_answered


def test_events_of_a_definition_that_is_gone_are_retried_and_the_schema_read_again() -> None:
    inputs = [One("0", "pe1_a"), One("1", "pe1_b"), One("2", "pe1_a")]
    body = problem("Event definition pe1_a does not exist", context={"eventName": ["pe1_a"]})
    judgement = judge(SEND, answer(400, body), inputs)
    assert [getattr(verdict, "reason", None) for verdict in judgement.verdicts] == [
        Reason.NOT_FOUND,
        Reason.INVALID_INPUT,
        Reason.NOT_FOUND,
    ]
    assert [getattr(verdict, "counts", None) for verdict in judgement.verdicts] == [True, False, True]
    assert judgement.schema_is_stale
    assert not judgement.split


def test_an_event_named_only_in_the_words_is_not_taken_for_one_whose_name_begins_alike() -> None:
    inputs = [One("0", "pe1_a_b"), One("1", "pe1_a")]
    judgement = judge(SEND, answer(400, problem("Event definition pe1_a does not exist")), inputs)
    assert [getattr(verdict, "reason", None) for verdict in judgement.verdicts] == [
        Reason.INVALID_INPUT,
        Reason.NOT_FOUND,
    ]


@pytest.mark.parametrize("call", [SEND, DEFINE])
def test_403_on_custom_events_turns_them_off_and_nothing_else(call: Call) -> None:
    judgement = judge(call, answer(403, problem("An Enterprise tier is required", "FORBIDDEN")), [One("0", "pe1_a")])
    assert judgement.stop is None
    assert judgement.verdicts == [
        Retry(0.0, Reason.EVENTS_NOT_AVAILABLE, "An Enterprise tier is required", counts=False)
    ]


def test_207_gives_each_input_its_own_verdict() -> None:
    bad_email = problem(
        refused(("email", "INVALID_EMAIL", "Email address ann@x.co is invalid")), context={"objectWriteTraceId": ["0"]}
    )
    no_plan = problem(refused(NO_PLAN), context={"objectWriteTraceId": ["1"]})
    judgement = judge(UPSERT, answer(207, batch([ALL_GOOD[2]], [bad_email, no_plan])), PEOPLE)
    assert judgement.verdicts == [
        Dead(Reason.INVALID_INPUT, "email: Email address ann@x.co is invalid"),
        Retry(0.0, Reason.REFUSED_BY_HUBSPOT, 'plan: Property "plan" does not exist', counts=False),
        Delivered("12"),
    ]
    assert blame_of(judgement) == {1: [("plan", Reason.UNKNOWN_PROPERTY, 'Property "plan" does not exist')]}
    assert judgement.schema_is_stale


@pytest.mark.parametrize(
    ("code", "words", "reason"),
    [
        ("PROPERTY_DOESNT_EXIST", 'Property "plan" does not exist', Reason.UNKNOWN_PROPERTY),
        ("READ_ONLY_VALUE", '"plan" is a read only property', Reason.READ_ONLY_PROPERTY),
        ("INVALID_OPTION", "gold was not one of the allowed options: [label: a]", Reason.NOT_AN_OPTION),
        ("INVALID_LONG", "gold was not a valid long.", Reason.WRONG_TYPE),
        ("INVALID_INTEGER", "gold was not a valid number.", Reason.WRONG_TYPE),
        ("INVALID_BOOLEAN", "gold was not a valid boolean.", Reason.WRONG_TYPE),
        ("INVALID_DATE", "gold was not a valid date.", Reason.BAD_DATE),
        ("VALUE_TOO_LONG", "Property value was too long", Reason.TOO_LONG),
        ("SOMETHING_NEW", "gold will not do", Reason.REFUSED_BY_HUBSPOT),
    ],
)
@pytest.mark.parametrize("is_batch", [True, False])
def test_a_refused_property_is_blamed_on_the_input_that_wrote_it(
    code: str, words: str, reason: Reason, is_batch: bool
) -> None:
    body = problem(refused(("plan", code, words)))
    inputs = [CID, ANN] if is_batch else [ANN]
    judgement = judge(UPSERT, answer(400, body), inputs)
    index = len(inputs) - 1
    assert blame_of(judgement) == {index: [("plan", reason, words)]}
    assert all(
        isinstance(verdict, Retry) and verdict.after_seconds == 0 and not verdict.counts
        for verdict in judgement.verdicts
    )
    assert not judgement.split


def test_an_unknown_property_of_a_refused_batch_is_left_out_of_every_input_that_has_it() -> None:
    judgement = judge(UPSERT, answer(400, problem(refused(NO_PLAN))), PEOPLE)
    assert sorted(blame_of(judgement)) == [0, 1]
    assert again_of(judgement) == [0, 1, 2]


def test_a_refused_value_of_a_batch_is_left_out_only_where_it_is_written() -> None:
    fault = ("plan", "INVALID_OPTION", "tin was not one of the allowed options: [label: gold]")
    judgement = judge(UPSERT, answer(400, problem(refused(fault))), PEOPLE)
    assert sorted(blame_of(judgement)) == [1]


def test_a_refused_value_that_nobody_is_seen_to_write_is_looked_for_in_parts() -> None:
    fault = ("plan", "INVALID_OPTION", "that will not do")
    judgement = judge(UPSERT, answer(400, problem(refused(fault))), PEOPLE)
    assert judgement.split
    assert not blame_of(judgement)


def test_properties_listed_in_errors_are_read_like_those_in_the_message() -> None:
    body = problem(
        "nope", errors=[{"message": "no such", "code": "PROPERTY_DOESNT_EXIST", "context": {"propertyName": ["plan"]}}]
    )
    assert blame_of(judge(UPSERT, answer(400, body), [ANN])) == {0: [("plan", Reason.UNKNOWN_PROPERTY, "no such")]}


def test_old_bodies_with_validation_results_are_read_too() -> None:
    body = {
        "status": "error",
        "message": "x",
        "validationResults": [
            {"isValid": False, "message": "no such", "error": "PROPERTY_DOESNT_EXIST", "name": "plan"}
        ],
    }
    assert blame_of(judge(UPSERT, answer(400, body), [ANN])) == {0: [("plan", Reason.UNKNOWN_PROPERTY, "no such")]}


def test_a_property_that_the_input_does_not_have_is_never_blamed() -> None:
    judgement = judge(UPSERT, answer(400, problem(refused(("other", "INVALID_OPTION", "x")))), [ANN])
    assert not blame_of(judgement)
    assert judgement.verdicts == [Dead(Reason.INVALID_INPUT, "other: x")]


def test_an_invalid_email_of_a_refused_batch_is_dead_and_the_others_go_again() -> None:
    fault = ("email", "INVALID_EMAIL", "Email address bob@x.co is invalid")
    judgement = judge(UPSERT, answer(400, problem(refused(fault))), PEOPLE)
    assert isinstance(judgement.verdicts[1], Dead)
    assert again_of(judgement) == [0, 2]
    assert not judgement.split


def test_an_email_inside_another_email_is_not_taken_for_it() -> None:
    fault = ("email", "INVALID_EMAIL", "Email address bob@x.co is invalid")
    inputs = [One("0", "b@x.co"), One("1", "ob@x.co"), One("2", "bob@x.co"), One("3", "bob@x.co.uk")]
    verdicts = judge(UPSERT, answer(400, problem(refused(fault))), inputs).verdicts
    assert [isinstance(verdict, Dead) for verdict in verdicts] == [False, False, True, False]


@pytest.mark.parametrize("code", ["MISSING_REQUIRED_PROPERTY", "MISSING_CONDITIONAL_REQUIRED_PROPERTY"])
def test_a_missing_required_property_is_dead_with_hubspots_words(code: str) -> None:
    body = problem(
        "x",
        errors=[{"message": "A value for city must be provided", "code": code, "context": {"propertyName": ["city"]}}],
    )
    assert judge(UPSERT, answer(400, body), [ANN]).verdicts == [
        Dead(Reason.MISSING_REQUIRED_PROPERTY, "city: A value for city must be provided")
    ]
    assert judge(UPSERT, answer(400, body), PEOPLE).split


def test_a_conflict_with_a_known_id_is_adopted() -> None:
    judgement = judge(UPSERT, answer(409, problem("Contact already exists. Existing ID: 512", "CONFLICT")), [ANN])
    assert existing_of(judgement) == {0: "512"}
    assert judgement.verdicts == [Retry(0.0, Reason.CONFLICT, "Contact already exists. Existing ID: 512")]


def test_a_conflict_inside_a_207_names_the_existing_id_in_its_context() -> None:
    error = problem("Contact already exists", "CONFLICT", context={"objectWriteTraceId": ["1"], "existingId": ["512"]})
    judgement = judge(UPSERT, answer(207, batch([ALL_GOOD[1], ALL_GOOD[2]], [error])), PEOPLE)
    assert existing_of(judgement) == {1: "512"}


def test_a_conflict_without_an_id_is_repeated_by_an_upsert_and_ends_an_update() -> None:
    body = problem("Contact already exists", "CONFLICT")
    assert judge(UPSERT, answer(409, body), [ANN]).verdicts == [Retry(1.0, Reason.CONFLICT, "Contact already exists")]
    assert judge(UPDATE, answer(409, body), [ANN]).verdicts == [Dead(Reason.CONFLICT, "Contact already exists")]


def test_a_conflict_of_a_batch_is_looked_for_in_parts() -> None:
    assert judge(UPSERT, answer(409, problem("Contact already exists", "CONFLICT")), PEOPLE).split


def test_an_unknown_record_id_is_forgotten() -> None:
    error = problem("Could not get some CONTACT objects", "OBJECT_NOT_FOUND", context={"ids": ["7"]})
    judgement = judge(UPDATE, answer(207, batch([{"id": "6"}], [error])), [One("0", "6"), One("1", "7")])
    assert gone_of(judgement) == [1]
    assert judgement.verdicts[0] == Delivered("6")
    assert isinstance(judgement.verdicts[1], Retry)


@pytest.mark.parametrize(
    ("category", "verdict"),
    [
        ("RATE_LIMITS", Retry(10.0, Reason.RATE_LIMITED, "words", counts=False)),
        ("INTERNAL_ERROR", Retry(1.0, Reason.HUBSPOT_FAILED, "words")),
        ("LOCKED", Retry(2.0, Reason.LOCKED, "words")),
        ("FORBIDDEN", Dead(Reason.MISSING_SCOPE, "words")),
        ("SOMETHING_NEW", Dead(Reason.INVALID_INPUT, "words")),
    ],
)
def test_an_error_about_one_input_is_judged_by_its_category(category: str, verdict: Retry | Dead) -> None:
    error = problem("words", category, context={"objectWriteTraceId": ["0"]})
    assert judge(UPSERT, answer(207, batch(ALL_GOOD[:1], [error])), [ANN, BOB]).verdicts[0] == verdict


def test_an_error_that_names_no_input_is_about_the_one_that_is_missing() -> None:
    judgement = judge(UPSERT, answer(207, batch(ALL_GOOD[:2], [problem("no good")])), PEOPLE)
    assert judgement.verdicts == [Delivered("10"), Delivered("11"), Dead(Reason.INVALID_INPUT, "no good")]


def test_an_error_that_names_no_input_while_several_are_missing_is_looked_for_in_parts() -> None:
    judgement = judge(UPSERT, answer(207, batch(ALL_GOOD[:1], [problem("no good")])), PEOPLE)
    assert judgement.split
    assert judgement.verdicts[1] == Delivered("11")
    assert judgement.verdicts[0] == Retry(0.0, Reason.INVALID_INPUT, "no good", counts=False)


def test_an_error_about_an_input_weighs_more_than_its_result() -> None:
    error = problem("no good", context={"objectWriteTraceId": ["1"]})
    judgement = judge(UPSERT, answer(207, batch(ALL_GOOD, [error])), PEOPLE)
    assert isinstance(judgement.verdicts[1], Dead)
    assert judgement.inputs[1].returned is None


@pytest.mark.parametrize(
    "message",
    [
        "Duplicate IDs found in batch input: [ann@x.co]. IDs must be unique",
        "The maximum number of inputs supported in a batch is 100. Please reduce the number of items and try again",
        "something nobody has heard of",
        "Invalid input JSON on line 1, column 20: Cannot deserialize value",
    ],
)
def test_a_batch_refused_without_a_culprit_is_sent_in_parts_and_never_as_it_was(message: str) -> None:
    body = problem(message, context={"ids": ["ann@x.co"]} if message.startswith("Duplicate") else {})
    judgement = judge(UPSERT, answer(400, body), PEOPLE)
    assert judgement.split
    assert judgement.again_after_seconds is None
    assert all(isinstance(verdict, Retry) and not verdict.counts for verdict in judgement.verdicts)
    assert judge(UPSERT, answer(400, body), [ANN]).verdicts == [Dead(Reason.INVALID_INPUT, message)]


@pytest.mark.parametrize("status", [411, 413, 414, 431, 451])
def test_other_4xx_are_sent_in_parts_and_dead_alone(status: int) -> None:
    assert judge(UPSERT, answer(status, b"<html>"), PEOPLE).split
    assert isinstance(judge(UPSERT, answer(status, b""), [ANN]).verdicts[0], Dead)


@pytest.mark.parametrize("status", [400, 403, 409, 415, 422])
def test_a_4xx_that_is_not_hubspots_kills_nobody_and_stops_nothing(status: int) -> None:
    blocked = answer(status, b"<html><title>Attention Required!</title></html>")
    assert judge(UPSERT, blocked, PEOPLE).split
    alone = judge(UPSERT, blocked, [ANN])
    assert alone.verdicts == [Retry(1.0, Reason.HUBSPOT_UNREADABLE, "Attention Required!")]
    assert alone.stop is None


def test_a_key_property_that_is_not_unique_stops_the_line() -> None:
    body = problem("Unable to perform update/upsert by non-unique 0-2 property hubwire_domain")
    the_call_is(StopTheLine(Reason.KEY_NOT_UNIQUE, "", 900.0), judge(UPSERT, answer(400, body), PEOPLE))


def test_a_key_property_that_is_gone_makes_the_schema_stale() -> None:
    body = problem(refused(("email", "PROPERTY_DOESNT_EXIST", 'Property "email" does not exist')))
    for inputs in (PEOPLE, [ANN]):
        judgement = judge(UPSERT, answer(400, body), inputs)
        assert judgement.schema_is_stale
        assert not judgement.split
        assert all(isinstance(verdict, Retry) and verdict.counts for verdict in judgement.verdicts)


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (None, b"", Retry(1.0, Reason.HUBSPOT_UNREACHABLE, counts=False)),
        (408, b"", Retry(1.0, Reason.HUBSPOT_FAILED, counts=False)),
        (423, problem("locked", "LOCKED"), Retry(2.0, Reason.LOCKED)),
        (500, problem("internal error", "INTERNAL_ERROR"), Retry(1.0, Reason.HUBSPOT_FAILED)),
        (501, b"", Retry(1.0, Reason.HUBSPOT_FAILED)),
        (502, b"<html>Bad Gateway</html>", Retry(1.0, Reason.HUBSPOT_FAILED, counts=False)),
        (503, b"", Retry(1.0, Reason.HUBSPOT_FAILED, counts=False)),
        (504, b"", Retry(1.0, Reason.HUBSPOT_FAILED, counts=False)),
        (521, b"", Retry(1.0, Reason.HUBSPOT_FAILED, counts=False)),
        (524, b"", Retry(1.0, Reason.HUBSPOT_FAILED, counts=False)),
        (429, {"policyName": "TEN_SECONDLY_ROLLING"}, Retry(10.0, Reason.RATE_LIMITED, counts=False)),
        (429, {"policyName": "SECONDLY"}, Retry(1.0, Reason.RATE_LIMITED, counts=False)),
        (429, b"slow down", Retry(10.0, Reason.RATE_LIMITED, counts=False)),
        (999, b"", Retry(1.0, Reason.HUBSPOT_UNREADABLE)),
    ],
)
def test_a_call_that_failed_is_repeated_as_it_is(status: int | None, body: object, verdict: Retry) -> None:
    judgement = judge(UPSERT, answer(status, body), PEOPLE)
    the_call_is(verdict, judgement)
    assert judgement.again_after_seconds == verdict.after_seconds
    assert judgement.counts is verdict.counts
    assert not judgement.is_answered


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (301, b"", StopTheLine(Reason.HUBSPOT_UNREADABLE, "", 5.0)),
        (407, b"", StopTheLine(Reason.HUBSPOT_UNREADABLE, "", 5.0)),
        (401, problem("not found", "INVALID_AUTHENTICATION"), StopTheLine(Reason.UNAUTHORISED, "", 900.0)),
        (
            401,
            problem("expired 20705 day(s) ago", "EXPIRED_AUTHENTICATION"),
            StopTheLine(Reason.UNAUTHORISED, "", 900.0),
        ),
        (403, problem("no", "MISSING_SCOPES"), StopTheLine(Reason.MISSING_SCOPE, "", 900.0)),
        (400, problem("Missing 'Edit Associations' permission."), StopTheLine(Reason.MISSING_SCOPE, "", 900.0)),
        (404, b"<html>Not Found</html>", StopTheLine(Reason.NOT_FOUND, "", 900.0)),
        (429, {"policyName": "DAILY"}, StopTheLine(Reason.BUDGET_SPENT, "", 900.0)),
        (477, b"", StopTheLine(Reason.MIGRATING, "", 300.0)),
        (525, b"", StopTheLine(Reason.HUBSPOT_FAILED, "", 300.0)),
    ],
)
def test_what_is_our_fault_or_the_accounts_stops_the_line(status: int, body: object, verdict: StopTheLine) -> None:
    judgement = judge(UPSERT, answer(status, body), PEOPLE)
    the_call_is(verdict, judgement)
    assert judgement.again_after_seconds is None


@pytest.mark.parametrize(
    ("status", "policy", "named", "seconds"),
    [
        (429, "TEN_SECONDLY_ROLLING", "3", 3.0),
        (429, "TEN_SECONDLY_ROLLING", "99999", 60.0),
        (429, "DAILY", "40000", 40_000.0),
        (429, "DAILY", "999999", 86_400.0),
        (477, "", "7200", 7_200.0),
        (477, "", "999999", 86_400.0),
        (423, "", "5", 5.0),
        (423, "", "0", 2.0),
        (503, "", "30", 30.0),
        (503, "", "-5", 1.0),
        (503, "", "nan", 1.0),
        (503, "", "soon", 1.0),
        (503, "", "Mon, 21 Sep 2026 14:13:50 GMT", 29.9),
    ],
)
def test_retry_after_is_honoured_within_bounds(status: int, policy: str, named: str, seconds: float) -> None:
    (verdict,) = judge(UPSERT, answer(status, {"policyName": policy}, retry_after=named), [ANN]).verdicts
    assert isinstance(verdict, Retry | StopTheLine)
    waited = verdict.after_seconds if isinstance(verdict, Retry) else verdict.retry_after_seconds
    assert waited == pytest.approx(seconds)


def test_the_days_limit_is_told_to_the_budget() -> None:
    assert judge(UPSERT, answer(429, {"policyName": "DAILY"}), [ANN]).is_daily_spent


def test_jitter_lengthens_a_throttled_wait_that_hubspot_did_not_name() -> None:
    throttled = answer(429, {"policyName": "TEN_SECONDLY_ROLLING"})
    assert judge(UPSERT, throttled, [ANN], jitter=0.5).again_after_seconds == 10.5


def test_a_token_that_can_be_renewed_is_tried_once_more() -> None:
    expired = Answer(401, {}, b"{}", may_renew_token=True)
    judgement = judge(UPSERT, expired, [ANN])
    assert judgement.again_after_seconds == 0.0
    assert judgement.stop is None


def test_a_missing_scope_is_named() -> None:
    body = problem(
        "This app hasn't been granted all required scopes",
        "MISSING_SCOPES",
        errors=[{"message": "x", "context": {"requiredGranularScopes": ["crm.schemas.contacts.write"]}}],
    )
    stop = judge(UPSERT, answer(403, body), [ANN]).stop
    assert stop is not None
    assert "crm.schemas.contacts.write" in stop.detail


def test_a_redirect_is_told_with_its_address() -> None:
    stop = judge(UPSERT, answer(302, b"", location="https://elsewhere/"), [ANN]).stop
    assert stop is not None
    assert "https://elsewhere/" in stop.detail


@pytest.mark.parametrize("call", [SEARCH, DEFINE])
def test_a_call_without_inputs_says_only_whether_it_worked(call: Call) -> None:
    assert judge(call, answer(200, b'{"results":[]}'), []).is_answered
    for status in (400, 404, 409):
        failed = judge(call, answer(status, problem("no")), [])
        assert not failed.is_answered
        assert failed.stop is None
        assert failed.detail == "no"


def test_every_rule_has_a_name_of_its_own_and_a_reason_why() -> None:
    rows = [*VERDICTS, *INPUT_VERDICTS, *OTHER_ROWS]
    assert len({row.name for row in rows}) == len(rows)
    assert all(row.why and row.answer for row in rows)


def test_every_status_has_a_row() -> None:
    for status in (None, *range(100, 1_000)):
        assert judge(UPSERT, answer(status), [ANN]).verdicts


def test_the_page_shows_every_rule() -> None:
    page = render_verdicts()
    assert all(f"`{row.name}`" in page for row in [*VERDICTS, *INPUT_VERDICTS, *OTHER_ROWS])
    assert page.startswith("# ")

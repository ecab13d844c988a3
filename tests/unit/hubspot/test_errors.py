"""Error bodies, as HubSpot, its edge and old routes write them."""

from __future__ import annotations

import pytest

from hubwire.hubspot.errors import Fault, problem_of, read_problem


def test_the_documented_shape_is_read() -> None:
    problem = read_problem(
        b'{"status":"error","message":"Contact already exists. Existing ID: 512","correlationId":"c-1",'
        b'"category":"CONFLICT","subCategory":"crm.CONFLICT"}'
    )
    assert (problem.category, problem.sub_category) == ("CONFLICT", "crm.CONFLICT")
    assert problem.existing_id == "512"
    assert problem.correlation_id == "c-1"
    assert problem.text == "Contact already exists. Existing ID: 512"


def test_properties_inside_the_message_are_read() -> None:
    body = (
        b'{"status":"error","message":"Property values were not valid: [{\\"isValid\\":false,\\"message\\":'
        b'\\"Property \\\\\\"x\\\\\\" does not exist\\",\\"error\\":\\"PROPERTY_DOESNT_EXIST\\",\\"name\\":\\"x\\",'
        b'\\"localizedErrorMessage\\":\\"\\"}]","correlationId":"c","category":"VALIDATION_ERROR"}'
    )
    problem = read_problem(body)
    assert problem.faults == (Fault("x", "PROPERTY_DOESNT_EXIST", 'Property "x" does not exist'),)
    assert problem.text == 'x: Property "x" does not exist'


def test_the_same_fault_told_twice_is_one() -> None:
    message = 'Property values were not valid: [{"isValid":false,"message":"m","error":"INVALID_OPTION","name":"plan"}]'
    errors = [{"message": "m", "code": "INVALID_OPTION", "context": {"propertyName": ["plan"]}}]
    assert len(problem_of({"message": message, "errors": errors}).faults) == 1


def test_valid_entries_of_a_list_are_no_faults() -> None:
    raw = {"message": "x", "validationResults": [{"isValid": True, "name": "a"}, {"isValid": False, "name": "b"}]}
    assert [fault.property for fault in problem_of(raw).faults] == ["b"]


def test_a_property_of_the_context_is_a_fault_without_a_code() -> None:
    raw = {"message": "The value of property note is too long", "context": {"propertyName": ["note"]}}
    assert problem_of(raw).faults == (Fault("note", "", "The value of property note is too long"),)


def test_missing_scopes_are_named_wherever_they_stand() -> None:
    inside = {"message": "m", "errors": [{"message": "x", "context": {"requiredGranularScopes": ["a", "b"]}}]}
    on_top = {"message": "m", "context": {"requiredGranularScopes": ["a", "b"]}}
    for raw in (inside, on_top):
        assert problem_of(raw).scopes == ("a", "b")
        assert "a, b" in problem_of(raw).text


def test_the_throttled_body_names_its_policy() -> None:
    problem = read_problem(b'{"message":"You have reached your daily limit.","policyName":"DAILY","requestId":"r"}')
    assert problem.policy == "DAILY"
    assert problem.correlation_id == "r"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>", "502 Bad Gateway"),
        (b"<p>Sorry, <b>down</b></p>", "Sorry, down"),
        (b"upstream connect error", "upstream connect error"),
        (b"", ""),
        (b"\xff\xfe\x00", "��\x00"),
        (b'"just a text"', '"just a text"'),
    ],
)
def test_what_is_not_hubspots_json_is_told_in_plain_words(body: bytes, text: str) -> None:
    problem = read_problem(body)
    assert problem.text == text
    assert not problem.is_json
    assert not problem.category


def test_long_words_are_shortened() -> None:
    assert len(read_problem(b"x" * 1_000_000).text) == 1_000
    assert len(problem_of({"message": "x" * 1_000_000}).text) == 1_000


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"message":"x: [{' + b"[" * 200_000 + b'"}', b"1" * 5_000])
def test_of_deep_and_huge_bodies_a_shortened_text_is_left_and_no_fault(body: bytes) -> None:
    problem = read_problem(body)
    assert (problem.category, problem.codes, problem.faults) == ("", frozenset(), ())
    assert 0 < len(problem.text) <= 1_000


@pytest.mark.parametrize("value", ["U7", "a, b}", "on 5. 6 already"])
def test_a_unique_value_of_another_record_names_property_value_and_owner(value: str) -> None:
    """Source: production bodies of several portals; the id before `on` is a ghost."""
    kind = "objectTypeId=ObjectTypeId{legacyObjectType=CONTACT}"
    message = (
        f"Cannot set PropertyValueCoordinates{{portalId=1, {kind}, propertyName=user_id, value={value}}} on 51."
        " 77 already has that value."
    )
    [fault] = problem_of({"message": message, "category": "VALIDATION_ERROR"}).faults
    assert (fault.property, fault.value, fault.owner_id) == ("user_id", value, "77")
    assert value not in fault.message


def test_an_error_about_a_property_with_privacy_in_its_name_is_not_about_a_deleted_person() -> None:
    assert not problem_of({"message": 'Property "privacy_policy" does not exist'}).is_about_privacy
    assert problem_of({"message": "Contact a@b.co was deleted for privacy reasons"}).is_about_privacy
    assert problem_of({"message": "email is on the GDPR blocklist"}).is_about_privacy

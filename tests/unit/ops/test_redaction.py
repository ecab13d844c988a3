"""What of a stored message or call is one person's, told apart from their namesakes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hubwire.message import JournalRow
from hubwire.privacy.redaction import FEW, MARK, Finder, says, scrubbed, spellings
from hubwire.record.privacy import KeptAttempt, Trail

ANNA = "anna@example.com"
SPACES = {1: "server", 2: "source:website"}


def row(message: dict[str, Any], source_id: int = 1, envelope: dict[str, Any] | None = None) -> JournalRow:
    around = None if envelope is None else json.dumps(envelope).encode()
    return JournalRow(1, source_id, "m", 0, json.dumps(message).encode(), around, False, None)


def finder(*more_emails: str) -> Finder:
    keys = {("server", "u:1"), ("server", "a:phone"), ("source:website", "a:tab")}
    return Finder(Trail(emails={ANNA, *more_emails}, keys=keys), {"named"}, SPACES)


THEIRS = [
    ({"userId": "1"}, 1),
    ({"userId": 1}, 1),
    ({"userId": "named"}, 2),
    ({"anonymousId": "phone"}, 1),
    ({"anonymousId": "tab"}, 2),
    ({"userId": "2", "traits": {"email": " ANNA@Example.com "}}, 1),
    ({"userId": "2", "properties": {"email": ANNA}}, 1),
    ({"userId": "2", "context": {"traits": {"Email": ANNA}}}, 1),
    ({"userId": ANNA}, 2),
]
NOT_THEIRS = [
    ({"userId": "1"}, 2),
    ({"userId": "11"}, 1),
    ({"userId": "2", "anonymousId": "phone"}, 1),
    ({"anonymousId": "phone"}, 2),
    ({"userId": "2", "traits": {"email": f"jo{ANNA}"}}, 1),
    ({"userId": "2", "traits": {"note": ANNA}}, 1),
    ({"userId": None, "anonymousId": None}, 1),
]


@pytest.mark.parametrize(("message", "source_id"), THEIRS)
def test_a_message_of_the_person(message: dict[str, Any], source_id: int) -> None:
    assert finder().is_theirs(row(message, source_id))
    assert finder(*(f"x{number}@example.com" for number in range(FEW + 1))).is_theirs(row(message, source_id))


@pytest.mark.parametrize(("message", "source_id"), NOT_THEIRS)
def test_a_message_of_somebody_else(message: dict[str, Any], source_id: int) -> None:
    assert not finder().is_theirs(row(message, source_id))
    assert not finder(*(f"x{number}@example.com" for number in range(FEW + 1))).is_theirs(row(message, source_id))


def test_the_uploads_context_counts_and_damage_does_not_hurt() -> None:
    around = {"context": {"traits": {"email": ANNA}}}
    assert finder().is_theirs(row({"userId": "2"}, envelope=around))
    assert not finder().is_theirs(JournalRow(1, 1, "m", 0, b'{"email":"anna@example.com', None, False, None))
    assert not finder().is_theirs(JournalRow(1, 1, "m", 0, b"[1]", None, False, None))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ANNA, True),
        (f"to <{ANNA.upper()}>, thanks", True),
        (f"/path?email={ANNA}&x=1", True),
        (f"mail {ANNA}. Then", True),
        (f"jo{ANNA}", False),
        (f"{ANNA}.uk2", True),
        ("anna@example.community", False),
        ("anna at example.com", False),
    ],
)
def test_an_address_stands_in_a_text_only_whole(text: str, expected: bool) -> None:
    assert says(text, {ANNA}) is expected


def attempt(request: Any, response: Any = None) -> KeptAttempt:
    def body(value: Any) -> bytes:
        return value if isinstance(value, bytes) else json.dumps(value).encode()

    return KeptAttempt(1, body(request), body(response if response is not None else {}))


def test_only_the_inputs_and_results_about_the_person_go() -> None:
    request: dict[str, Any] = {
        "inputs": [
            {"id": ANNA, "idProperty": "email", "properties": {"email": ANNA, "lastname": "Anders"}},
            {"id": f"jo{ANNA}", "idProperty": "email", "properties": {"lastname": "Johnson"}},
        ]
    }
    response: dict[str, Any] = {
        "results": [
            {"id": "501", "properties": {"lastname": "Anders"}, "new": True},
            {"id": "502", "properties": {"email": f"jo{ANNA}"}},
        ],
        "errors": [{"message": f"{ANNA} exists", "context": {"ids": [ANNA, "x"]}}],
    }
    new_attempt = scrubbed(attempt(request, response), {ANNA}, {"501"})
    assert new_attempt is not None
    sent, got = json.loads(new_attempt.request), json.loads(new_attempt.response)
    assert sent["inputs"] == [{"forgotten": True}, request["inputs"][1]]
    assert got["results"] == [{"forgotten": True}, response["results"][1]]
    assert "Anders" not in new_attempt.request.decode() + new_attempt.response.decode()
    assert ANNA not in (new_attempt.request + new_attempt.response).decode().replace(f"jo{ANNA}", "")


def test_an_attempt_about_others_stays_as_it_is() -> None:
    assert scrubbed(attempt({"inputs": [{"id": f"jo{ANNA}"}]}), {ANNA}, {"501"}) is None
    assert scrubbed(attempt(b"", b"gateway timeout"), {ANNA}, set()) is None
    assert scrubbed(attempt({"id": "5012"}), {ANNA}, {"501"}) is None


def test_text_that_is_not_json_loses_the_address_only() -> None:
    new_attempt = scrubbed(attempt(b"", f"<p>{ANNA} and jo{ANNA}</p>".encode()), {ANNA}, set())
    assert new_attempt is not None
    assert new_attempt.response == f"<p>{MARK} and jo{ANNA}</p>".encode()


def test_spellings_cover_escaped_letters() -> None:
    assert spellings("Ann\u00e4@x.co") == {"ann\u00e4@x.co".encode(), b"ann\\u00e4@x.co"}

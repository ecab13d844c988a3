"""What messages teach of ids, and which links planning needs."""

from __future__ import annotations

from typing import Any

import pytest

from hubwire.destination import Mapping, Source
from hubwire.operation import Link
from hubwire.plan import keys_of

AT = 1768471200000
S = "server"


@pytest.mark.parametrize(
    ("kind", "fields", "links"),
    [
        ("identify", {"userId": "1", "traits": {"email": "A@b.co"}}, [("u:1", "a@b.co", 3)]),
        (
            "identify",
            {"userId": "1", "anonymousId": "x", "traits": {"email": "a@b.co"}},
            [("u:1", "a@b.co", 3), ("a:x", "@u:1", 3)],
        ),
        ("identify", {"anonymousId": "x", "traits": {"email": "a@b.co"}}, [("a:x", "a@b.co", 3)]),
        ("identify", {"userId": "1", "anonymousId": "x", "traits": {}}, [("u:1", "@a:x", 0), ("a:x", "@u:1", 0)]),
        ("identify", {"userId": "1", "traits": {}}, []),
        ("identify", {"userId": "1", "context": {"traits": {"email": "a@b.co"}}}, [("u:1", "a@b.co", 3)]),
        ("identify", {"userId": "null", "anonymousId": "x", "traits": {"email": "a@b.co"}}, [("a:x", "a@b.co", 3)]),
        ("track", {"event": "A", "userId": "1", "properties": {"email": "a@b.co"}}, [("u:1", "a@b.co", 1)]),
        (
            "track",
            {
                "event": "A",
                "userId": "1",
                "properties": {"email": "c@d.co"},
                "context": {"traits": {"email": "a@b.co"}},
            },
            [("u:1", "a@b.co", 2)],
        ),
        ("track", {"event": "A", "userId": "1"}, []),
        ("page", {"userId": "1", "properties": {"email": "c@d.co"}}, []),
        ("page", {"anonymousId": "x", "context": {"traits": {"email": "a@b.co"}}}, [("a:x", "a@b.co", 2)]),
        ("group", {"userId": "1", "groupId": "g", "traits": {"email": "office@acme.com"}}, []),
        ("group", {"userId": "1", "groupId": "g", "traits": {"website": "www.acme.com"}}, [("g:g", "acme.com", 3)]),
        ("alias", {"userId": "1", "previousId": "p"}, [("u:p", "@u:1", 0), ("a:p", "@u:1", 0), ("u:1", "@u:p", 0)]),
        ("alias", {"userId": "1", "previousId": "1"}, []),
    ],
)
def test_links_of_a_message(planner: Any, kind: str, fields: dict[str, Any], links: list[tuple[str, str, int]]) -> None:
    found = planner.links(kind, **fields)
    assert [(x.key, x.target, x.strength) for x in found] == links
    assert all(x.space == S and x.at_ms in (AT, 0) for x in found)


def test_an_email_as_user_id_is_older_than_any_email_that_an_identify_names(planner: Any) -> None:
    assert planner.links("identify", userId="a@b.co", traits={}) == [Link(S, "u:a@b.co", "a@b.co", 3, 0)]
    planner.plan("identify", userId="a@b.co", traits={"email": "new@b.co"})
    planner.plan("identify", userId="a@b.co", traits={"city": "Graz"})
    assert planner.identity.resolve(S, "a@b.co", None).email == "new@b.co"


@pytest.mark.parametrize(
    "refusal", [{"integrations": {"HubSpot": False}}, {"context": {"consent": {"categoryPreferences": {}}}}]
)
def test_a_message_that_is_refused_teaches_nothing(new_planner: Any, refusal: dict[str, Any]) -> None:
    planner = new_planner(mapping=Mapping(consent_categories=("Advertising",)))
    assert planner.links("identify", userId="1", traits={"email": "a@b.co"}, **refusal) == []


def test_a_browser_teaches_only_its_own_space_and_no_groups(new_planner: Any) -> None:
    from hubwire.destination import SourceKind

    planner = new_planner(source=Source(source_id=1, name="shop", kind=SourceKind.WEB, identity_space="source:shop"))
    assert planner.links("identify", userId="1", traits={"email": "a@b.co"})[0].space == "source:shop"
    assert planner.links("group", userId="1", groupId="g", traits={"website": "acme.com"}) == []


def test_keys_to_load(planner: Any) -> None:
    from hubwire.decoding import read_message
    from hubwire.message import JournalRow

    def keys(body: bytes) -> list[str]:
        return [
            key for _, key in keys_of(read_message(JournalRow(1, 1, "m", 0, body, None, False, None)), planner.source)
        ]

    assert keys(b'{"type":"track","event":"A","userId":1,"anonymousId":"x"}') == ["u:1", "a:x"]
    assert keys(b'{"type":"group","userId":"1","groupId":"g"}') == ["u:1", "g:g", "i:1"]
    assert keys(b'{"type":"alias","userId":"1","previousId":"p"}') == ["u:1", "u:p", "a:p"]
    assert keys(b'{"type":"track","event":"A","userId":"undefined"}') == []

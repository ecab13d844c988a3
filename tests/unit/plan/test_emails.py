"""E-mail addresses."""

from __future__ import annotations

import pytest

from hubwire.plan.emails import as_email, clean_email, context_traits, email_value, external_email


@pytest.mark.parametrize(
    ("text", "email"),
    [
        ("  Name@Example.com  ", "name@example.com"),
        (" \u200bA@b.com\ufeff ", "a@b.com"),
        ("o'brien+tag@mail.example.co.uk", "o'brien+tag@mail.example.co.uk"),
        ("a@bücher.de", "a@xn--bcher-kva.de"),
        ("josé@example.com", "josé@example.com"),
    ],
)
def test_addresses_are_cleaned(text: str, email: str) -> None:
    assert clean_email(text) == email


@pytest.mark.parametrize(
    "text",
    [
        "", "peter", "@b.com", "a@", "a@b", "a b@c.com", "a@b..com", ".a@b.com", "a.@b.com", "a..b@c.com", "a@-b.com",
        "a@b_c.com", "a@1.2.3.4", "a@b@", "a,b@c.com", "a" * 65 + "@b.com", "a@" + "b" * 260 + ".com", "a\u200bb@c.com",
    ],
)  # fmt: skip
def test_what_is_no_address_is_none(text: str) -> None:
    assert clean_email(text) is None


def test_only_texts_are_addresses() -> None:
    assert as_email(["a@b.co"]) is None
    assert as_email(None) is None


def test_the_key_may_be_in_any_case_or_mapped() -> None:
    assert email_value({"email": None, "EMAIL": "a@b.co"}) == "a@b.co"
    assert email_value({"mail": "a@b.co"}, ("mail",)) == "a@b.co"
    assert email_value({"mail": "a@b.co"}) is None


@pytest.mark.parametrize(
    ("context", "email"),
    [
        ({"externalId": [{"type": "email", "id": "Ada@Example.com "}]}, "ada@example.com"),
        ({"externalId": [{"type": "HubSpot-email", "id": "ada@example.com"}]}, "ada@example.com"),
        (
            {"externalIds": [{"type": "phone", "id": "1"}, {"type": "email", "id": "a@b.co", "collection": "users"}]},
            "a@b.co",
        ),
        ({"externalIds": [{"type": "email", "id": "no address"}]}, None),
        ({"externalIds": [{"type": "email", "id": 7}, None, "x"]}, None),
        ({"externalIds": {"type": "email", "id": "a@b.co"}}, "a@b.co"),
        ({"externalIds": "a@b.co"}, None),
        ({}, None),
    ],
)
def test_an_external_id_of_type_email_names_the_person(context: dict[str, object], email: str | None) -> None:
    assert external_email(context) == email


def test_jitsus_context_traits_are_a_companys() -> None:
    traits = {"name": "Acme", "email": "info@acme.com"}
    assert context_traits({"traits": traits}) == traits
    assert context_traits({"traits": traits, "library": {"name": "@jitsu/js"}}) == {}

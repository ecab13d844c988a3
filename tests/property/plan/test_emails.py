"""E-mail addresses."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hubwire.plan.emails import clean_email


@given(st.text())
def test_a_cleaned_address_is_clean(text: str) -> None:
    email = clean_email(text)
    assert email is None or clean_email(email) == email


@given(st.emails())
def test_ordinary_addresses_pass(text: str) -> None:
    assert clean_email(text) == text.lower()

"""Keys and labels as HubSpot names."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hubwire.plan.conversion.names import event_name, property_name

ALLOWED = set("abcdefghijklmnopqrstuvwxyz0123456789_")


@given(st.text())
def test_property_names_are_what_hubspot_takes(key: str) -> None:
    name = property_name(key)
    assert name is None or (set(name) <= ALLOWED and name[0].isalpha() and len(name) <= 100)


@given(st.text())
def test_event_names_are_what_hubspot_takes(label: str) -> None:
    name = event_name(label)
    assert name is None or (set(name) <= ALLOWED and name[0].isalpha() and len(name) <= 100)
    assert name is not None or not any(c.isascii() and c.isalnum() for c in label)

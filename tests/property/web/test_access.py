"""Tries are counted by address and forgotten in time; roles include one another; only our own origin may change."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hubwire.console.sign_in import safe_path


@given(st.text(max_size=30))
def test_a_path_to_go_to_is_never_another_site(path: str) -> None:
    safe = safe_path(path)
    assert safe.startswith("/")
    assert not safe.startswith(("//", "/\\"))

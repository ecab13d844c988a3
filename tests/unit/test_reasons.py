"""Reasons: each is explained, and each is used."""

from __future__ import annotations

from pathlib import Path

import hubwire
from hubwire.explanations import EXPLANATIONS, Kind, explain
from hubwire.reasons import Reason
from hubwire.reference.reasons_page import reasons_page

ROOT = Path(hubwire.__file__).parent


def test_every_reason_has_a_cause_and_a_remedy() -> None:
    assert set(EXPLANATIONS) == set(Reason)
    for reason in Reason:
        explanation = explain(reason)
        assert explanation.cause.endswith((".", "?")), reason
        assert explanation.remedy.endswith("."), reason
        assert "|" not in explanation.cause + explanation.remedy, reason


def test_the_page_lists_every_reason_under_its_kind() -> None:
    page = reasons_page()
    for reason in Reason:
        assert page.count(f"| `{reason.value}` |") == 1
    for kind in Kind:
        assert f"## {kind.value.capitalize()}" in page


AWAITED = {Reason.DISCARDED_BY_PERSON, Reason.PAUSED}
"""Words of what people do by hand: written through the record, not named in the code yet."""


def test_every_reason_is_used() -> None:
    files = [path for path in ROOT.rglob("*.py") if not path.name.startswith("reasons")]
    code = "".join(path.read_text() for path in files)
    unused = {reason for reason in Reason if f"Reason.{reason.name}" not in code}
    assert unused <= AWAITED

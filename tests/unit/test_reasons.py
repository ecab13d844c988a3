"""Reasons: each is explained, and each is used."""

from __future__ import annotations

from pathlib import Path

import hubwire
from hubwire.reasons import EXPLANATIONS, Kind, Reason, explain
from hubwire.reasons_page import reasons_page

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


def test_every_reason_of_the_planner_is_used() -> None:
    code = "".join(path.read_text() for path in (ROOT / "plan").glob("*.py"))
    elsewhere = {
        Reason.SUPPRESSED,
        Reason.DISCARDED_BY_PERSON,
        Reason.SOURCE_NOT_CONNECTED,
        Reason.OLDER_THAN_KNOWN,
        Reason.REFUSED_BY_HUBSPOT,
    }
    kinds = (Kind.DISCARDED, Kind.HELD, Kind.LEFT_OUT)
    mine = {reason for reason in Reason if EXPLANATIONS[reason].kind in kinds} - elsewhere
    unused = {reason for reason in mine if f"Reason.{reason.name}" not in code}
    assert unused == set()

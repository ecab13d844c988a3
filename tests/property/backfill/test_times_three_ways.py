"""A time in any form, by upload, file of lines and table: the moment that it means, or a report; never the present."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.property.test_times import MOMENTS, expected
from tests.unit.backfill.conftest import Result, read_all
from tests.unit.test_times import FORMS

from hubwire.backfill.records import Call
from hubwire.decoding import read_message
from hubwire.message import JournalRow
from hubwire.reasons import Reason
from hubwire.times import NoTime, TimeFault, iso_text, read_time

ARRIVED_MS = 7_258_000_000_000
"""Behind every moment of these tests, so that none of them lies in the future."""
JSON_FORMS = {name: form for name, form in FORMS.items() if "datetime" not in name and name != "date object"}
IDS = {"type": "track", "userId": "u1", "event": "Old Thing"}
TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1, max_size=40),
    st.text("0123456789-/:. tzTZ+UTCGMapm", min_size=1, max_size=30),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def uploaded(value: object) -> tuple[int, list[Reason]]:
    """The time of a message that brings this value, and the reasons that it reports."""
    body = json.dumps({**IDS, "messageId": "m1", "timestamp": value}).encode()
    message = read_message(JournalRow(1, 1, "m1", ARRIVED_MS, body, None, False, None))
    return message.timestamp_ms, [note.reason for note in message.notes]


def lines_of(folder: Path, values: list[Any]) -> Result:
    lines = [json.dumps({**IDS, "messageId": f"m{at}", "timestamp": value}) for at, value in enumerate(values)]
    (folder / "lines.ndjson").write_text("\n".join(lines))
    return read_all("lines.ndjson")


def table_of(folder: Path, values: list[Any]) -> Result:
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["userId", "event", "messageId", "timestamp"])
    rows.writerows([["u1", "Old Thing", f"m{at}", value] for at, value in enumerate(values)])
    (folder / "table.csv").write_text(text.getvalue())
    return read_all("table.csv", call=Call.TRACKS)


def times_by_id(result: Result) -> dict[str, str | None]:
    return {message["messageId"]: message.get("timestamp") for message in result.messages}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=MOMENTS)
@example(at=datetime(2024, 3, 5, 10, 0, 2, 500_000, tzinfo=UTC))
def test_every_form_gives_its_moment_in_all_three_ways(folder: Path, at: datetime) -> None:
    values = [form(at) for form, _ in JSON_FORMS.values()]
    moments = [expected(at, unit_ms) for _, unit_ms in JSON_FORMS.values()]
    assert [uploaded(value) for value in values] == [(moment, []) for moment in moments]
    expected_expected = {f"m{number}": iso_text(moment) for number, moment in enumerate(moments)}
    assert times_by_id(lines_of(folder, values)) == expected_expected
    assert times_by_id(table_of(folder, values)) == expected_expected


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(TEXTS, min_size=1, max_size=8))
@example(values=["yesterday", "3/5/2024 10:00", "0001-01-01T00:00:00Z", "2024-02-30", "20240305", "/Date(x)/"])
def test_any_text_is_understood_or_reported_in_all_three_ways(folder: Path, values: list[str]) -> None:
    found = [read_time(value) for value in values]
    for value, moment in zip(values, found, strict=True):
        time_ms, reasons = uploaded(value)
        if isinstance(moment, int):
            assert (time_ms, reasons) == (moment, [])
        else:
            is_absent = moment.fault is TimeFault.ABSENT
            assert (time_ms, reasons) == (ARRIVED_MS, [] if is_absent else [Reason.TIME_NOT_UNDERSTOOD])
    kept = {
        f"m{number}": None if isinstance(moment, NoTime) else iso_text(moment)
        for number, moment in enumerate(found)
        if isinstance(moment, int) or moment.fault is TimeFault.ABSENT
    }
    for result in (lines_of(folder, values), table_of(folder, values)):
        assert times_by_id(result) == kept
        assert len(result.faults) == len(values) - len(kept)

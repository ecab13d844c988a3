"""How values look, where a chart's bars and lines go, and that the vendored script is the one its notice names."""

from __future__ import annotations

import hashlib
import re
from importlib import resources
from itertools import pairwise
from pathlib import Path

import pytest
from markupsafe import Markup

from hubwire.console.parts import formats
from hubwire.console.parts.budget import read_budget
from hubwire.console.parts.chart import DAY_MS, HOUR_MS, line_chart, time_ticks
from hubwire.delivery import State
from hubwire.explanations import EXPLANATIONS, cause_of


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (0.0421, "42 ms"),
        (1.5, "1.5 s"),
        (61, "1 min 1 s"),
        (120, "2 min"),
        (3700, "1 h 1 min"),
        (200_000, "2 d 7 h"),
    ],
)
def test_a_length_of_time_in_words(seconds: float | None, words: str) -> None:
    assert formats.duration(seconds) == words


@pytest.mark.parametrize(("size", "words"), [(None, "–"), (12, "12 bytes"), (2048, "2 KiB"), (3_500_000, "3.34 MiB")])
def test_a_size_in_words(size: int | None, words: str) -> None:
    assert formats.size(size) == words


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [(0, 9, "0 %"), (1, 0, "0 %"), (1, 3, "33.3 %"), (1, 10_000, "< 0.1 %"), (99_999, 100_000, "> 99.9 %")],
)
def test_a_share_never_hides_a_rest(part: int, whole: int, words: str) -> None:
    assert formats.share(part, whole) == words


def test_a_time_is_an_element_with_utc_in_its_title() -> None:
    shown = formats.when(1_795_456_800_123)
    assert isinstance(shown, Markup)
    assert 'datetime="2026-11-23T18:00:00.123Z"' in shown
    assert 'title="2026-11-23 18:00:00.123 UTC"' in shown
    assert formats.when(None) == "–"
    assert formats.when(1 << 62) == str(1 << 62)


def test_backquotes_become_code_and_markup_stays_text() -> None:
    assert formats.words("set `a<b` <b>") == Markup("set <code>a&lt;b</code> &lt;b&gt;")


def test_a_state_has_the_word_of_the_glossary() -> None:
    words = {state: formats.state_words(state) for state in (*State, "rejected")}
    expected = "pending=Pending delivering=Delivering delivered=Delivered retrying=Retrying discarded=Discarded"
    expected += " held=Held dead=Dead rejected=Rejected"
    assert " ".join(f"{state}={word}" for state, word in sorted(words.items())) == " ".join(sorted(expected.split()))


def test_every_explained_reason_has_a_cause_on_the_page() -> None:
    assert EXPLANATIONS
    assert all(cause_of(reason) for reason in EXPLANATIONS)
    assert cause_of("made-up") == ""


def test_a_budget_is_read_from_whatever_the_lane_wrote() -> None:
    assert read_budget({}).limit is None
    budget = read_budget({"rate": "100 calls / 10 s", "budget": {"limit": 40_000, "used": 10_000, "ends_at_ms": None}})
    assert (budget.limit, budget.used_share, budget.rate) == (40_000, 0.25, "100 calls / 10 s")
    assert read_budget({"limit": "many", "used": True, "rate": 5}).limit is None


def test_the_vendored_script_is_the_one_that_the_notice_names() -> None:
    folder = resources.files("hubwire.console").joinpath("static/vendor")
    notice = folder.joinpath("NOTICE.md").read_text(encoding="utf-8")
    found = re.search(r"`htmx\.min\.js`.*\| ([0-9a-f]{64}) \|", notice)
    assert found is not None
    assert hashlib.sha256(folder.joinpath("htmx.min.js").read_bytes()).hexdigest() == found[1]
    assert "Zero-Clause BSD" in folder.joinpath("htmx.LICENSE.txt").read_text(encoding="utf-8")


def test_pages_ask_for_nothing_from_elsewhere() -> None:
    package = Path(str(resources.files("hubwire.console")))
    files = [
        path for path in package.rglob("*") if path.suffix in {".html", ".css", ".js"} and "vendor" not in path.parts
    ]
    assert len(files) > 40
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(src|href|url\()\s*=?\s*[\"'(]?(https?:)?//", text), path.name
        assert "|safe" not in text.replace(" ", ""), path.name


@pytest.mark.parametrize(("name", "words"), [("1h", "1 h"), ("30d", "30 d"), ("all", "all"), ("custom", "custom")])
def test_the_name_of_a_window_has_a_space_before_its_unit(name: str, words: str) -> None:
    assert formats.window_words(name) == words


@pytest.mark.parametrize("hours", [1, 5, 24, 7 * 24, 30 * 24, 400 * 24])
def test_a_time_axis_has_at_most_six_labels_at_full_hours_or_days(hours: int) -> None:
    since_ms = 1_795_456_823_456
    ticks = time_ticks(since_ms, since_ms + hours * HOUR_MS)
    assert 2 <= len(ticks) <= 6
    assert {
        tick.at_ms % (DAY_MS if ticks[0].unit == "day" else HOUR_MS if hours > 3 else 60_000) for tick in ticks
    } == {0}
    assert all(later.x - tick.x >= 15 for tick, later in pairwise(ticks))
    assert {tick.anchor for tick in ticks if 7 <= tick.x <= 93} == {"middle"}


def test_a_gap_divides_a_line_and_a_point_alone_is_seen() -> None:
    drawn = line_chart([0, 10, 20, 30], {"p50": [20, None, 40, 30]})
    assert drawn.lines[0].pieces == ["66.67,14.0 100.00,55.0"]
    assert drawn.lines[0].dots == [(0.0, 96.0)]
    assert [tick.label for tick in drawn.left_ticks] == ["0", "10 ms", "20 ms", "30 ms", "40 ms"]

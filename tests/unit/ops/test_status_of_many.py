"""`hubwire status` of many destinations: those that need attention, and the rest in two lines."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from hubwire.cli.messages.status import BAR_COLUMNS, MAX_SHOWN, most_urgent, outcome_bars, print_rest
from hubwire.record.queries import LaneStatus


def lanes(count: int) -> list[LaneStatus]:
    return [LaneStatus(destination_id=number, name=f"p{number}", hub_id=None, state="idle") for number in range(count)]


def test_a_few_destinations_are_all_shown() -> None:
    assert most_urgent(lanes(MAX_SHOWN)) == lanes(MAX_SHOWN)


def test_of_many_destinations_those_that_need_attention_are_shown_the_worst_first() -> None:
    many = lanes(3_000)
    many[5].dead, many[6].dead, many[7].retrying, many[9].backlog_count = 1, 20, 3, 4
    many[8].stopped_reason, many[8].state = "unauthorised", "stopped"
    assert [lane.name for lane in most_urgent(many)] == ["p8", "p6", "p5", "p7", "p9"]
    for lane in many:
        lane.dead = 1
    assert len(most_urgent(many)) == MAX_SHOWN


def test_the_rest_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    many = lanes(25)
    many[3].state, many[3].retrying, many[3].pending = "stopped", 2, 1
    print_rest(many, 1)
    printed = capsys.readouterr().out
    assert "25 destinations: 24 idle, 1 stopped." in printed
    assert "1 waiting, 2 retrying, 0 dead" in printed
    assert "hubwire status --all" in printed


@pytest.mark.parametrize(("encoding", "piece"), [("utf-8", "\N{BOX DRAWINGS HEAVY HORIZONTAL}"), ("ascii", "-")])
def test_each_outcome_that_messages_have_is_a_bar_as_long_as_its_part(encoding: str, piece: str) -> None:
    [lane] = lanes(1)
    lane.taken, lane.delivered, lane.held, lane.dead = 20_000, 14_999, 5_000, 1
    printed = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    Console(file=printed, width=80).print(outcome_bars(lane))
    printed.seek(0)
    lengths = {words[0]: (words[1], words[2].count(piece)) for words in map(str.split, printed.read().splitlines())}
    assert lengths == {"delivered": ("14,999", 29), "held": ("5,000", BAR_COLUMNS // 4), "dead": ("1", 1)}

"""The log at a terminal: one line a minute about deliveries, every failure at once."""

from __future__ import annotations

from typing import Any

import pytest
import structlog

from hubwire.monitoring.quiet_log import QuietLog

CALL = {"event": "delivery.attempted", "operation": "upsert contacts", "status": 200, "failure": None}
CYCLE = {
    "event": "cycle.recorded",
    "destination": "sandbox",
    "calls": 2,
    "delivered": 3,
    "discarded": 0,
    "held": 1,
    "retrying": 0,
    "dead": 0,
    "replayed": 0,
}


class Terminal:
    def __init__(self) -> None:
        self.now = 100.0
        self.quiet_log = QuietLog(lambda: self.now)

    def written(self, event: dict[str, Any], method: str = "info") -> dict[str, Any] | None:
        try:
            return dict(self.quiet_log(None, method, dict(event)))
        except structlog.DropEvent:
            return None


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


def test_the_first_cycle_gets_a_line_at_once_with_its_calls(terminal: Terminal) -> None:
    assert terminal.written(CALL) is None
    assert terminal.written(CYCLE) == {"event": "delivery.summary", "calls": 1, "delivered": 3, "held": 1}


def test_cycles_of_the_next_minute_share_a_line(terminal: Terminal) -> None:
    terminal.written(CYCLE)
    assert terminal.written(CYCLE) is None
    assert terminal.written(CYCLE) is None
    assert not terminal.quiet_log.is_due()
    terminal.now += 60
    assert terminal.quiet_log.is_due()
    assert terminal.quiet_log.take() == {"delivered": 6, "held": 2}
    assert not terminal.quiet_log.is_due()


@pytest.mark.parametrize(
    ("event", "method"),
    [
        ({**CALL, "status": 429}, "info"),
        ({**CALL, "status": 0, "failure": "timeout"}, "info"),
        ({"event": "lane.stopped"}, "error"),
        ({"event": "lane.stood-still"}, "warning"),
        ({"event": "retention.removed"}, "info"),
    ],
)
def test_failures_warnings_and_other_events_keep_their_lines(
    terminal: Terminal, event: dict[str, Any], method: str
) -> None:
    assert terminal.written(event, method) == event

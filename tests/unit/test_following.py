"""`hubwire messages`: following new messages, and lengths of time before now."""

from __future__ import annotations

from itertools import islice
from typing import Any, cast

from hubwire.cli.messages.messages import arriving
from hubwire.cli.shared.filters import absolute
from hubwire.record.message_filter import MessageFilter
from hubwire.record.queries import MessageSummary, Queries


class Growing:
    """Queries over a list of messages that grows with each look."""

    def __init__(self) -> None:
        self.last = 2

    def messages(self, message_filter: MessageFilter) -> list[MessageSummary]:
        found = [
            MessageSummary(position=n, message_id=f"m{n}", source_id=1, type="track", received_at_ms=n)
            for n in range(self.last, 0, -1)
        ]
        return found[: message_filter.limit]

    def wait(self) -> None:
        self.last += 2


def test_following_gives_each_message_once_the_oldest_first() -> None:
    growing = Growing()
    followed = arriving(cast(Queries, cast(Any, growing)), MessageFilter(limit=1), growing.wait)
    assert [summary.position for summary in islice(followed, 5)] == [2, 3, 4, 5, 6]


def test_a_length_of_time_is_a_moment_before_now() -> None:
    options = {"since": "2h", "until": "30m", "event": "2h"}
    assert absolute(options, 100_000_000) == {"since": "92800000", "until": "98200000", "event": "2h"}
    assert absolute({"since": "2026-11-23T18:00"}, 1) == {"since": "2026-11-23T18:00"}

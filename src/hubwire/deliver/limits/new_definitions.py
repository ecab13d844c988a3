"""Limits how many event definitions and event properties a public source adds to the portal in a day. Pure.

The write key of a website or an app is public, and a portal has room for 500 definitions: without a limit, a stranger
uses them up, and events of other sources no longer get any. Server sources have no limit. Units: epoch milliseconds;
days are UTC days.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

DAY_MS = 24 * 3600 * 1000
MADE_NAME = "definitions_made"


class Made(msgspec.Struct, frozen=True):
    """The additions of a source on one day. Kept with the lane's status, so that a restart knows them too."""

    day: int
    count: int


class _StoredStatus(msgspec.Struct):
    """The part of a lane's stored status that matters here."""

    definitions_made: dict[int, Made] = {}


def made_of(status: bytes) -> dict[int, Made]:
    """The additions by source, from a lane's stored status."""
    try:
        return msgspec.json.decode(status, type=_StoredStatus).definitions_made
    except msgspec.MsgspecError:
        return {}


@dataclass(frozen=True, slots=True)
class NewDefinitions:
    """What the public sources of a cycle may still add.

    Shape: `public` gives the source of each position whose source is public; `made` is changed by `note`.
    """

    limit: int
    now_ms: int
    made: dict[int, Made]
    public: Mapping[int, int]

    def may_make(self, positions: Iterable[int]) -> bool:
        """Whether somebody who needs an addition may make it: a server source, or a public one below its limit."""
        return any(self._is_below(self.public.get(position)) for position in positions)

    def note(self, positions: Iterable[int]) -> None:
        """Count an addition for the first public source below its limit, unless a server source needs it too."""
        needing = [self.public.get(position) for position in positions]
        if None in needing:
            return
        source_id = next((number for number in needing if self._is_below(number)), None)
        if source_id is not None:
            self.made[source_id] = Made(self._day, self._count(source_id) + 1)

    @property
    def next_day_ms(self) -> int:
        """When the next day begins."""
        return (self._day + 1) * DAY_MS

    @property
    def _day(self) -> int:
        return self.now_ms // DAY_MS

    def _count(self, source_id: int) -> int:
        additions = self.made.get(source_id)
        return additions.count if additions is not None and additions.day == self._day else 0

    def _is_below(self, source_id: int | None) -> bool:
        return source_id is None or self._count(source_id) < self.limit

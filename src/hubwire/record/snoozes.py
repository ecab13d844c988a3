"""Snoozed groups of failures: hidden for a while, with unchanged messages.

A group is one entry of *Failures*: the messages of one destination in one state for one reason. New members of a
snoozed group are snoozed too. The snooze ends when its time is over.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from hubwire.delivery import State

SNOOZABLE = (State.DEAD, State.HELD, State.RETRYING)


class Snooze(msgspec.Struct, frozen=True, kw_only=True):
    """One snoozed group: its end, its beginning, and the person who snoozed it."""

    destination_id: int
    state: State
    reason: str
    until_ms: int
    since_ms: int
    actor: str

    @property
    def group(self) -> tuple[int, str, str]:
        return self.destination_id, self.state, self.reason


class GroupCount(msgspec.Struct, frozen=True, kw_only=True):
    """The current number of messages of a group."""

    destination_id: int
    state: State
    reason: str
    count: int
    is_snoozed: bool = False


class Snoozes(Protocol):
    """Contract: `tests/contract/test_snoozes.py`."""

    def snooze(self, snooze: Snooze) -> None:
        """Snooze a group; a group that is already snoozed gets the new end."""
        ...

    def wake(self, destination_id: int, state: State, reason: str, now_ms: int) -> bool:
        """Show a group again; False when it was not snoozed."""
        ...

    def snoozed(self, now_ms: int) -> list[Snooze]:
        """The current snoozes, in order of their end."""
        ...

    def groups(self, now_ms: int) -> list[GroupCount]:
        """Every dead or retrying group, snoozed or not, for alerts."""
        ...

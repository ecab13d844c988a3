"""Snoozes and wakes groups of failures, with checks and entries in the audit log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

from hubwire.clock import Clock
from hubwire.delivery import State
from hubwire.errors import BadValue
from hubwire.reasons import Reason
from hubwire.record.message_filter import MessageFilter
from hubwire.record.snoozes import SNOOZABLE, Snooze, Snoozes
from hubwire.registry.protocol import Registry

HOUR_MS = 3_600_000
LENGTHS = {"1h": HOUR_MS, "24h": 24 * HOUR_MS, "7d": 7 * 24 * HOUR_MS}
LONGEST_DAYS = 90


class Parts(Protocol):
    """The dependencies of snoozing."""

    @property
    def snoozes(self) -> Snoozes: ...

    @property
    def registry(self) -> Registry: ...

    @property
    def clock(self) -> Clock: ...


def until_ms_of(length: str | None, until_ms: int | None, now_ms: int) -> int:
    """The end of a snooze: the given time, or one of `LENGTHS` from now. Errors: BadValue."""
    if until_ms is None:
        if length not in LENGTHS:
            raise BadValue("for", f"for how long: {', '.join(LENGTHS)}; or until when", value=length, limit=[*LENGTHS])
        return now_ms + LENGTHS[length]
    if not now_ms < until_ms <= now_ms + LONGEST_DAYS * 24 * HOUR_MS:
        message = f"until must be in the future, at most {LONGEST_DAYS} days from now"
        raise BadValue("until", message, value=_utc(until_ms), limit=f"{LONGEST_DAYS} days")
    return until_ms


def snooze_group(parts: Parts, actor: str, message_filter: MessageFilter, until_ms: int) -> Snooze:
    """Snooze the group that a filter's destination, state and reason name. Errors: BadValue."""
    name, group = _group(parts, message_filter)
    now_ms = parts.clock.now_ms()
    snooze = Snooze(
        destination_id=group[0], state=group[1], reason=group[2], until_ms=until_ms, since_ms=now_ms, actor=actor
    )
    parts.snoozes.snooze(snooze)
    parts.registry.write_audit(
        actor, "failures.snoozed", f"{name}: {snooze.state}, {snooze.reason}, until {_utc(until_ms)}"
    )
    return snooze


def wake_group(parts: Parts, actor: str, message_filter: MessageFilter) -> bool:
    """Wake the group that a filter names; False when it was not snoozed. Errors: BadValue."""
    name, group = _group(parts, message_filter)
    is_woken = parts.snoozes.wake(*group, parts.clock.now_ms())
    if is_woken:
        parts.registry.write_audit(actor, "failures.woken", f"{name}: {group[1]}, {group[2]}")
    return is_woken


def _group(parts: Parts, message_filter: MessageFilter) -> tuple[str, tuple[int, State, Reason]]:
    destinations = parts.registry.destinations()
    destination_id = message_filter.destination_id
    if destination_id is None and len(destinations) == 1:
        [destination_id] = destinations
    destination = destinations.get(destination_id or 0)
    if destination is None:
        names = [destination.name for destination in destinations.values()]
        raise BadValue(
            "destination",
            "several destinations: choose one with --destination" if len(names) > 1 else "choose a destination",
            value=destination_id,
            limit=names,
        )
    if message_filter.state not in SNOOZABLE:
        words = [state.value for state in SNOOZABLE]
        raise BadValue("state", f"state must be one of {', '.join(words)}", value=message_filter.state, limit=words)
    if message_filter.reason is None:
        raise BadValue("reason", "give the reason of the group")
    return destination.name, (destination.destination_id, message_filter.state, Reason(message_filter.reason))


def _utc(at_ms: int) -> str:
    try:
        return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return str(at_ms)

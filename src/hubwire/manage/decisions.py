"""What people decide over settled deliveries: put them back, or discard them. Every decision is in the audit log.

Console, admin API and command line go through here. What is kept of a decision's filter names no person.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from hubwire.clock import Clock
from hubwire.record.queries import MessageFilter, Queries
from hubwire.record.replay import Discarded, Replay, Replays
from hubwire.registry.protocol import Registry

SOMEBODY = "…"
"""Stands in what is kept for whom it was about."""

Targets = Sequence[tuple[int, int]]


class Parts(Protocol):
    """What decisions are carried out with. `poke_replays` has a replay's first slice put back at once."""

    @property
    def queries(self) -> Queries: ...

    @property
    def replays(self) -> Replays: ...

    @property
    def registry(self) -> Registry: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def poke_replays(self) -> Callable[[], None]: ...


def begin_replay(parts: Parts, actor: str, wanted: MessageFilter, targets: Targets | None = None) -> Replay:
    """Begin to put back what fits, or `targets` (destination_id, position). Errors: SettingsError for its state."""
    wanted = msgspec.structs.replace(wanted, before=None)
    targets = parts.queries.targets(wanted) if targets is None else targets
    wanted = _without_person(wanted)
    begun = parts.replays.begin(wanted, actor, parts.clock.now_ms(), targets)
    detail = f"#{begun.replay_id}: {begun.target_count} messages, {_kept(wanted)}"
    parts.registry.write_audit(actor, "replay.begun", detail)
    parts.poke_replays()
    return begun


def cancel_replay(parts: Parts, actor: str, replay_id: int) -> bool:
    """Put no more of it back; False when it does not run."""
    is_cancelled = parts.replays.cancel(replay_id, parts.clock.now_ms())
    if is_cancelled:
        parts.registry.write_audit(actor, "replay.cancelled", f"#{replay_id}")
    return is_cancelled


def discard(parts: Parts, actor: str, wanted: MessageFilter, targets: Targets | None = None) -> Discarded:
    """Discard what fits, or `targets`, and is dead or held. Errors: SettingsError for its state."""
    wanted = msgspec.structs.replace(wanted, before=None)
    targets = parts.queries.targets(wanted) if targets is None else targets
    done = parts.replays.discard(wanted, parts.clock.now_ms(), targets)
    if done.count:
        parts.registry.write_audit(
            actor, "messages.discarded", f"{done.count} messages, {_kept(_without_person(wanted))}"
        )
    return done


def note_export(parts: Parts, actor: str, wanted: MessageFilter) -> None:
    """Write down that messages, with what they say of people, were taken out."""
    parts.registry.write_audit(actor, "messages.exported", _kept(_without_person(wanted)))


def _without_person(wanted: MessageFilter) -> MessageFilter:
    about = SOMEBODY if wanted.user or wanted.text else None
    where = f"{wanted.where.partition('=')[0]}=…" if wanted.where else None
    return msgspec.structs.replace(wanted, user=None, text=about, where=where)


def _kept(wanted: MessageFilter) -> str:
    given = {
        name: value
        for name, value in msgspec.to_builtins(wanted).items()
        if value is not None and name not in ("limit", "before")
    }
    return msgspec.json.encode(given).decode()

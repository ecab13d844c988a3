"""Decisions of people about deliveries: replay them, or discard them. The audit log records each decision.

Console, admin API and command line use this module. The stored filter of a decision names no person.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from hubwire.clock import Clock
from hubwire.record.message_filter import MessageFilter
from hubwire.record.queries import Queries
from hubwire.record.replay import SHARE_PERCENT, Discarded, Replay, Replays, checked_note, checked_share
from hubwire.registry.protocol import Registry

SOMEBODY = "…"
"""Replaces the identity of a person in stored filters."""

Targets = Sequence[tuple[int, int]]


class Parts(Protocol):
    """The dependencies of decisions. `wake_replays` starts a replay at once."""

    @property
    def queries(self) -> Queries: ...

    @property
    def replays(self) -> Replays: ...

    @property
    def registry(self) -> Registry: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def wake_replays(self) -> Callable[[], None]: ...


def begin_replay(
    parts: Parts,
    actor: str,
    message_filter: MessageFilter,
    targets: Targets | None = None,
    share_percent: int = SHARE_PERCENT,
) -> Replay:
    """Begin a replay of the matching deliveries, or of `targets` (destination_id, position), with a share of the calls.

    Errors: SettingsError for a state that cannot be replayed, BadValue for the share.
    """
    checked_share(share_percent)
    message_filter = msgspec.structs.replace(message_filter, before=None)
    targets = parts.queries.targets(message_filter) if targets is None else targets
    message_filter = _without_person(message_filter)
    begun = parts.replays.begin(message_filter, actor, parts.clock.now_ms(), targets, share_percent)
    detail = (
        f"#{begun.replay_id}: {begun.target_count} messages, {share_percent} % of the calls, {_kept(message_filter)}"
    )
    parts.registry.write_audit(actor, "replay.begun", detail)
    parts.wake_replays()
    return begun


def pause_replay(parts: Parts, actor: str, replay_id: int) -> bool:
    """Pause a replay until it is resumed; False if it does not run or has replayed everything."""
    is_paused = parts.replays.pause(replay_id, parts.clock.now_ms())
    if is_paused:
        parts.registry.write_audit(actor, "replay.paused", f"#{replay_id}")
    return is_paused


def resume_replay(parts: Parts, actor: str, replay_id: int) -> bool:
    """Resume a replay; False if it is not paused."""
    is_resumed = parts.replays.resume(replay_id)
    if is_resumed:
        parts.registry.write_audit(actor, "replay.resumed", f"#{replay_id}")
        parts.wake_replays()
    return is_resumed


def share_replay(parts: Parts, actor: str, replay_id: int, share_percent: int) -> bool:
    """Set the share of the calls that a replay may use; False if it has ended. Errors: BadValue."""
    is_changed = parts.replays.set_share(replay_id, share_percent)
    if is_changed:
        parts.registry.write_audit(actor, "replay.share-changed", f"#{replay_id}: {share_percent} % of the calls")
        parts.wake_replays()
    return is_changed


def cancel_replay(parts: Parts, actor: str, replay_id: int) -> bool:
    """Cancel a replay; messages that it has replayed stay pending. False if it has ended."""
    is_cancelled = parts.replays.cancel(replay_id, parts.clock.now_ms())
    if is_cancelled:
        parts.registry.write_audit(actor, "replay.cancelled", f"#{replay_id}")
    return is_cancelled


def discard(
    parts: Parts, actor: str, message_filter: MessageFilter, targets: Targets | None = None, note: str = ""
) -> Discarded:
    """Discard the matching dead or held deliveries, or `targets`. `note` is the person's reason.

    Errors: SettingsError for a state that cannot be discarded, BadValue for the note.
    """
    note = checked_note(note)
    message_filter = msgspec.structs.replace(message_filter, before=None)
    targets = parts.queries.targets(message_filter) if targets is None else targets
    done = parts.replays.discard(message_filter, parts.clock.now_ms(), targets, note)
    if done.count:
        detail = (
            f"{done.count} messages, {_kept(_without_person(message_filter))}{f', because: {note}' if note else ''}"
        )
        parts.registry.write_audit(actor, "messages.discarded", detail)
    return done


def note_export(parts: Parts, actor: str, message_filter: MessageFilter) -> None:
    """Record in the audit log that somebody exported messages with personal data."""
    parts.registry.write_audit(actor, "messages.exported", _kept(_without_person(message_filter)))


def _without_person(message_filter: MessageFilter) -> MessageFilter:
    about = SOMEBODY if message_filter.user or message_filter.text or message_filter.contains else None
    where = f"{message_filter.where.partition('=')[0]}=…" if message_filter.where else None
    return msgspec.structs.replace(message_filter, user=None, text=about, contains=None, where=where)


def _kept(message_filter: MessageFilter) -> str:
    conditions = {
        name: value
        for name, value in msgspec.to_builtins(message_filter).items()
        if value is not None and name not in ("limit", "before")
    }
    return msgspec.json.encode(conditions).decode()

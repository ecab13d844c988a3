"""Replays and discards of settled deliveries. The state table gives the moves; a delivery whose state has changed is
left alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import msgspec

from hubwire.backends.sql.database import Database, Session
from hubwire.backends.sql.decisions.discards import discard_targets
from hubwire.delivery import DISCARDABLE, REPLAYABLE, Move, State, moved
from hubwire.errors import SettingsError
from hubwire.record.message_filter import MessageFilter, ReplayPart
from hubwire.record.replay import (
    CALLS_PER_SECOND,
    SHARE_PERCENT,
    Discarded,
    Replay,
    ReplayCount,
    ReplayState,
    checked_note,
    checked_share,
    slice_of,
    wait_ms,
)

COLUMNS = (
    "replay_id, actor, wanted, state, begun_at_ms, ended_at_ms, paused_at_ms, share_percent, target_count, fed_count,"
    " passed_count"
)
WAITS = "fed_count + passed_count < target_count"
RUNS = "state = 'running' AND paused_at_ms IS NULL"

Targets = Sequence[tuple[int, int]]
_json = msgspec.json.Encoder().encode
_decode_filter = msgspec.json.Decoder(MessageFilter).decode


class _Limit(msgspec.Struct):
    """The part of a lane's report with its rate limit."""

    calls_per_second: Annotated[float, msgspec.Meta(gt=0)] = CALLS_PER_SECOND


class SqlReplays:
    """`Replays` over one database. `targets_of` gives the (destination_id, position) pairs that fit a filter."""

    def __init__(self, database: Database, targets_of: Callable[[MessageFilter], Targets]) -> None:
        self._database = database
        self._targets_of = targets_of

    def begin(
        self,
        message_filter: MessageFilter,
        actor: str,
        now_ms: int,
        targets: Targets | None = None,
        share_percent: int = SHARE_PERCENT,
    ) -> Replay:
        checked_share(share_percent)
        if message_filter.state not in REPLAYABLE:
            raise SettingsError(
                f"replay needs a state: dead, discarded, held or delivered (got {message_filter.state or 'none'})",
                hint="For example state=dead.",
            )
        targets = self._targets_of(message_filter) if targets is None else targets
        with self._database.transaction() as db:
            [replay_id] = db.execute(
                "INSERT INTO replay (actor, wanted, state, begun_at_ms, target_count, share_percent)"
                " VALUES (?, ?, 'running', ?, ?, ?) RETURNING replay_id",
                (actor, _json(message_filter), now_ms, len(targets), share_percent),
            ).fetchone()
            db.executemany(
                "INSERT INTO replay_target (replay_id, destination_id, position) VALUES (?, ?, ?)",
                [(replay_id, *target) for target in targets],
            )
            if not targets:
                _end(db, replay_id, ReplayState.DONE, now_ms)
        begun = self.replay(replay_id)
        assert begun is not None
        return begun

    def step(self, now_ms: int, slice_messages: int) -> int | None:
        running = self._database.connection.execute(
            f"SELECT replay_id, wanted, share_percent FROM replay WHERE {RUNS} ORDER BY replay_id"
        ).fetchall()
        if not running:
            return None
        return sum(
            self._feed(replay_id, _decode_filter(stored_filter), now_ms, slice_of(slice_messages, share))
            for replay_id, stored_filter, share in running
        )

    def pause(self, replay_id: int, now_ms: int) -> bool:
        return self._change(replay_id, f"SET paused_at_ms = ? WHERE {RUNS} AND {WAITS}", now_ms)

    def resume(self, replay_id: int) -> bool:
        return self._change(replay_id, "SET paused_at_ms = NULL WHERE state = 'running' AND paused_at_ms IS NOT NULL")

    def set_share(self, replay_id: int, share_percent: int) -> bool:
        share = checked_share(share_percent)
        return self._change(replay_id, "SET share_percent = ? WHERE state = 'running'", share)

    def cancel(self, replay_id: int, now_ms: int) -> bool:
        with self._database.transaction() as db:
            return _end(db, replay_id, ReplayState.CANCELLED, now_ms)

    def discard(
        self, message_filter: MessageFilter, now_ms: int, targets: Targets | None = None, note: str = ""
    ) -> Discarded:
        note = checked_note(note)
        if message_filter.state not in DISCARDABLE:
            raise SettingsError(
                f"discard needs a state: {' or '.join(DISCARDABLE)} (got {message_filter.state or 'none'})",
                hint="For example state=dead.",
            )
        targets = self._targets_of(message_filter) if targets is None else targets
        count = discard_targets(self._database, message_filter.state, targets, now_ms, note)
        return Discarded(count=count, passed_count=len(targets) - count)

    def replay(self, replay_id: int) -> Replay | None:
        replays = self._read("WHERE replay_id = ?", replay_id)
        return replays[0] if replays else None

    def recent(self, limit: int) -> list[Replay]:
        return self._read("ORDER BY replay_id DESC LIMIT ?", limit)

    def _change(self, replay_id: int, change: str, *values: int) -> bool:
        with self._database.transaction() as db:
            return db.execute(f"UPDATE replay {change} AND replay_id = ?", (*values, replay_id)).rowcount > 0

    def _feed(self, replay_id: int, message_filter: MessageFilter, now_ms: int, slice_messages: int) -> int:
        """Make a replay's next slice pending, or end the replay when all its deliveries are fed and settled."""
        assert message_filter.state is not None
        on_their_way = _by_state(self._replayed(replay_id))
        room = slice_messages - on_their_way.get(State.PENDING, 0) - on_their_way.get(State.LEASED, 0)
        with self._database.transaction() as db:
            targets = [] if room <= 0 or _is_ahead(db, replay_id, now_ms) else _claim(db, replay_id, now_ms, room)
            passed = [target for target in targets if not _make_pending(db, message_filter.state, target, now_ms)]
            db.executemany(
                "UPDATE replay_target SET is_passed = TRUE WHERE replay_id = ? AND destination_id = ? AND position = ?",
                [(replay_id, *target) for target in passed],
            )
            fed = len(targets) - len(passed)
            if targets:
                db.execute(
                    "UPDATE replay SET fed_count = fed_count + ?, passed_count = passed_count + ?, last_fed_at_ms = ?"
                    " WHERE replay_id = ?",
                    (fed, len(passed), now_ms, replay_id),
                )
            if not fed and room == slice_messages:
                _end_if_all_fed(db, replay_id, now_ms)
        return fed

    def _read(self, which: str, parameter: int) -> list[Replay]:
        rows = self._database.connection.execute(f"SELECT {COLUMNS} FROM replay {which}", (parameter,))
        return [
            Replay(
                replay_id=row[0],
                actor=row[1],
                wanted=_decode_filter(row[2]),
                state=ReplayState(row[3]) if row[6] is None else ReplayState.PAUSED,
                begun_at_ms=row[4],
                ended_at_ms=row[5],
                paused_at_ms=row[6],
                share_percent=row[7],
                target_count=row[8],
                fed_count=row[9],
                passed_count=row[10],
                outcomes=_by_state(put_back := self._replayed(row[0])),
                counts=[*self._others(row[0]), *put_back],
            )
            for row in rows.fetchall()
        ]

    def _replayed(self, replay_id: int) -> list[ReplayCount]:
        """The number of replayed deliveries, by destination and state."""
        rows = self._database.connection.execute(
            "SELECT destination_id, state, count(*) FROM replay_target JOIN delivery USING (destination_id, position)"
            " WHERE replay_id = ? AND fed_at_ms IS NOT NULL AND is_passed = FALSE AND is_replay = TRUE"
            " GROUP BY destination_id, state ORDER BY destination_id, state",
            (replay_id,),
        )
        return [
            ReplayCount(destination_id=destination_id, part=ReplayPart.REPLAYED, state=State(state), count=count)
            for destination_id, state, count in rows
        ]

    def _others(self, replay_id: int) -> list[ReplayCount]:
        """The number of waiting deliveries, and of those that were left alone."""
        rows = self._database.connection.execute(
            "SELECT destination_id, is_passed, count(*) FROM replay_target"
            " WHERE replay_id = ? AND (fed_at_ms IS NULL OR is_passed = TRUE)"
            " GROUP BY destination_id, is_passed ORDER BY destination_id, is_passed",
            (replay_id,),
        )
        return [
            ReplayCount(
                destination_id=destination_id,
                part=ReplayPart.LEFT_ALONE if is_passed else ReplayPart.WAITING,
                count=count,
            )
            for destination_id, is_passed, count in rows
        ]


def _by_state(counts: Sequence[ReplayCount]) -> dict[str, int]:
    """The number of deliveries by state, over all destinations."""
    states: dict[str, int] = {}
    for fate in counts:
        if fate.state is not None:
            states[fate.state.value] = states.get(fate.state.value, 0) + fate.count
    return states


def _claim(db: Session, replay_id: int, now_ms: int, max_targets: int) -> list[tuple[int, int]]:
    """Claim the next targets of a replay; if two processes feed it, each target goes to one of them."""
    claimed = db.execute(
        "UPDATE replay_target SET fed_at_ms = ?1 WHERE replay_id = ?2 AND fed_at_ms IS NULL"
        " AND EXISTS (SELECT 1 FROM replay WHERE replay_id = ?2 AND state = 'running' AND paused_at_ms IS NULL)"
        " AND (destination_id, position) IN (SELECT destination_id, position FROM replay_target"
        " WHERE replay_id = ?2 AND fed_at_ms IS NULL ORDER BY destination_id, position LIMIT ?3)"
        " RETURNING destination_id, position",
        (now_ms, replay_id, max_targets),
    ).fetchall()
    return sorted((destination_id, position) for destination_id, position in claimed)


def _is_ahead(db: Session, replay_id: int, now_ms: int) -> bool:
    """True if the cycles since its last slice used more calls than its share of that time allows.

    A call that also carried other messages counts in proportion to the replayed ones.
    """
    share, last_fed_at_ms = db.execute(
        "SELECT share_percent, last_fed_at_ms FROM replay WHERE replay_id = ?", (replay_id,)
    ).fetchone()
    if last_fed_at_ms is None:
        return False
    spent = db.execute(
        "SELECT lane.status, sum(1.0 * cycle.calls_count * cycle.replayed_count"
        " / (cycle.taken_count + cycle.replayed_count)) FROM cycle JOIN lane USING (destination_id)"
        " WHERE cycle.ended_at_ms >= ? AND cycle.replayed_count > 0 AND EXISTS (SELECT 1 FROM replay_target"
        " WHERE replay_id = ? AND replay_target.destination_id = cycle.destination_id)"
        " GROUP BY cycle.destination_id, lane.status",
        (last_fed_at_ms, replay_id),
    ).fetchall()
    waits = [wait_ms(float(calls), _limit(status).calls_per_second, share) for status, calls in spent]
    return now_ms < int(last_fed_at_ms) + max(waits, default=0)


def _limit(status: bytes | str) -> _Limit:
    try:
        return msgspec.json.decode(status, type=_Limit)
    except msgspec.MsgspecError:
        return _Limit()


def _make_pending(db: Session, state: State, target: tuple[int, int], now_ms: int) -> int:
    """Make one delivery pending again, due at once by any worker's clock; 0 if its state has changed. A delivered one
    may have no row yet."""
    after = moved(state, Move.RELEASE if state is State.HELD else Move.REPLAY)
    changed = db.execute(
        "UPDATE delivery SET state = ?, reason = NULL, detail = '', due_at_ms = 0, is_replay = TRUE, attempts = 0,"
        " first_attempt_at_ms = NULL, updated_at_ms = ? WHERE destination_id = ? AND position = ? AND state = ?",
        (after, now_ms, *target, state),
    ).rowcount
    if state is State.HELD:
        db.execute("DELETE FROM hold WHERE destination_id = ? AND position = ?", target)
    if changed or state is not State.DELIVERED:
        return changed
    return db.execute(
        "INSERT INTO delivery (destination_id, position, state, due_at_ms, is_replay, updated_at_ms)"
        " VALUES (?, ?, ?, 0, TRUE, ?) ON CONFLICT DO NOTHING",
        (*target, after, now_ms),
    ).rowcount


def _end_if_all_fed(db: Session, replay_id: int, now_ms: int) -> None:
    waiting = db.execute(
        "SELECT 1 FROM replay_target WHERE replay_id = ? AND fed_at_ms IS NULL LIMIT 1", (replay_id,)
    ).fetchone()
    if waiting is None:
        _end(db, replay_id, ReplayState.DONE, now_ms)


def _end(db: Session, replay_id: int | None, state: ReplayState, now_ms: int) -> bool:
    changed = db.execute(
        "UPDATE replay SET state = ?, ended_at_ms = ?, paused_at_ms = NULL WHERE replay_id = ? AND state = 'running'",
        (state, now_ms, replay_id),
    ).rowcount
    return changed > 0

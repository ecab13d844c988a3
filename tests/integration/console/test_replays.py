"""Replays feed their targets in slices, can be paused, slowed and cancelled, and leave alone what has moved meanwhile;
discards are done at once."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from tests.backends import Backend

from hubwire.backends.sql.decisions.replays import SqlReplays
from hubwire.backends.sql.reading.queries import SqlQueries
from hubwire.backends.sql.registry import SqlRegistry
from hubwire.clock import FakeClock
from hubwire.delivery import State
from hubwire.destination import Destination, Source
from hubwire.errors import BadValue, SettingsError
from hubwire.message import Entry
from hubwire.operation import Link
from hubwire.record.message_filter import MessageFilter, ReplayPart
from hubwire.record.protocol import CycleOutcome, LaneState, Settled, Span, Tally
from hubwire.record.replay import Replay, ReplayState, slice_of
from hubwire.registry.vault import Vault

DEAD = MessageFilter(state=State.DEAD)
HELD = MessageFilter(state=State.HELD)


class Lane:
    """A lane of ten messages: the first six dead, the others delivered."""

    def __init__(self, backend: Backend) -> None:
        self.clock = FakeClock()
        registry = SqlRegistry(backend.database, Vault((bytes(32),)), self.clock)
        self.database = backend.database
        self.journal = backend.journal
        self.record = backend.record
        self.queries = SqlQueries(backend.database, self.journal, registry)
        self.replays = SqlReplays(backend.database, self.queries.targets)
        source = registry.save_source(Source(source_id=0, name="server"))
        self.lane_id = registry.save_destination(Destination(destination_id=0, name="HubSpot")).destination_id
        body = b'{"type":"track","event":"E","userId":"1"}'
        entries = [Entry(source.source_id, f"m{number}", 1000 + number, body) for number in range(10)]
        self.at = [position for position in self.journal.append(entries) if position is not None]
        self.settle(dict.fromkeys(self.at[:6], State.DEAD), taken=10)

    def settle(self, states: dict[int, State], taken: int = 0, due: tuple[int, ...] = (), calls: int = 0) -> None:
        settled = [Settled(position=at, state=state, reason="invalid-input") for at, state in states.items()]
        self.run_cycle(settled, taken, due, calls=calls)

    def hold(self, positions: Sequence[int], seconds: float = 3600) -> None:
        """Let messages wait for an identify of user 1."""
        due_at_ms = self.clock.now_ms() + round(seconds * 1000)
        key = ("server|u:1",)
        self.run_cycle(
            [
                Settled(position=at, state=State.HELD, reason="unknown-person", due_at_ms=due_at_ms, hold_keys=key)
                for at in positions
            ]
        )

    def identify(self) -> None:
        self.run_cycle([], links=[Link("server", "u:1", "paula@example.org", 3, self.clock.now_ms())])

    def run_cycle(
        self,
        settled: list[Settled],
        taken: int = 0,
        due: tuple[int, ...] = (),
        links: Sequence[Link] = (),
        calls: int = 0,
    ) -> None:
        through = self.at[-1]
        after = 0 if taken else through
        lease = self.record.lease_lane(self.lane_id, "worker", self.clock.now_ms(), 60)
        assert lease is not None
        span = Span(live_after=after, live_through=through, backfill_after=0, backfill_through=0, due=due)
        cycle_id = self.record.begin_cycle(lease, self.clock.now_ms(), span)
        known = {row.position for row in settled}
        outcome = CycleOutcome(
            cycle_id=cycle_id,
            lane=LaneState(live_cursor=through, status=b'{"calls_per_second": 2.0}'),
            settled=settled,
            finished=[position for position in due if position not in known],
            links=list(links),
            tally=Tally(taken=taken, replayed=len(due), calls=calls),
            ended_at_ms=self.clock.now_ms(),
        )
        self.record.commit_cycle(lease, outcome)
        self.record.release(lease)

    def step(self, slice_messages: int = 4) -> int | None:
        self.clock.advance(1)
        return self.replays.step(self.clock.now_ms(), slice_messages)

    def due(self) -> tuple[int, ...]:
        return tuple(row.position for row in self.record.due(self.lane_id, self.clock.now_ms(), 100))


def found(lane: Lane, replay_id: int) -> Replay:
    replay = lane.replays.replay(replay_id)
    assert replay is not None
    return replay


@pytest.fixture
def lane(backend_with_journal: Backend) -> Lane:
    return Lane(backend_with_journal)


def test_a_replay_feeds_a_slice_and_waits_until_it_is_settled(lane: Lane) -> None:
    replay = lane.replays.begin(DEAD, "ana", lane.clock.now_ms())
    assert (replay.target_count, replay.fed_count, replay.state) == (6, 0, ReplayState.RUNNING)
    assert lane.step() == 4
    assert lane.step() == 0
    lane.settle({lane.at[0]: State.DEAD}, due=lane.due())
    assert lane.step() == 2
    lane.settle({}, due=lane.due())
    assert lane.step() == 0
    after = lane.replays.replay(replay.replay_id)
    assert after is not None
    assert (after.state, after.fed_count, after.outcomes) == (ReplayState.DONE, 6, {"delivered": 5, "dead": 1})
    assert lane.step() is None
    (status,) = lane.queries.lanes(lane.clock.now_ms())
    assert (status.taken, status.delivered, status.dead) == (10, 9, 1)


def test_a_cancelled_replay_feeds_no_more(lane: Lane) -> None:
    replay = lane.replays.begin(DEAD, "ana", lane.clock.now_ms())
    lane.step()
    assert lane.replays.cancel(replay.replay_id, lane.clock.now_ms())
    assert not lane.replays.cancel(replay.replay_id, lane.clock.now_ms())
    lane.settle({}, due=lane.due())
    assert lane.step() is None
    after = lane.replays.replay(replay.replay_id)
    assert after is not None
    assert (after.state, after.waiting_count, after.outcomes) == (ReplayState.CANCELLED, 2, {"delivered": 4})
    assert len(lane.queries.messages(DEAD)) == 2


def test_a_paused_replay_feeds_no_more_until_it_is_resumed(lane: Lane) -> None:
    replay_id = lane.replays.begin(DEAD, "ana", lane.clock.now_ms()).replay_id
    lane.step()
    assert not lane.replays.resume(replay_id)
    paused_at_ms = lane.clock.now_ms()
    assert lane.replays.pause(replay_id, paused_at_ms)
    assert not lane.replays.pause(replay_id, paused_at_ms + 1)
    lane.settle({}, due=lane.due())
    assert lane.step() is None
    paused = found(lane, replay_id)
    assert (paused.state, paused.paused_at_ms, paused.waiting_count) == (ReplayState.PAUSED, paused_at_ms, 2)
    assert paused.outcomes == {"delivered": 4}, "what was put back already went on"
    assert lane.replays.resume(replay_id)
    assert lane.step() == 2
    assert (found(lane, replay_id).state, found(lane, replay_id).paused_at_ms) == (ReplayState.RUNNING, None)


def test_a_paused_replay_is_cancelled_and_then_nothing_changes_it(lane: Lane) -> None:
    replay_id = lane.replays.begin(DEAD, "ana", lane.clock.now_ms()).replay_id
    lane.replays.pause(replay_id, lane.clock.now_ms())
    assert lane.replays.cancel(replay_id, lane.clock.now_ms())
    assert (found(lane, replay_id).state, found(lane, replay_id).paused_at_ms) == (ReplayState.CANCELLED, None)
    assert not lane.replays.pause(replay_id, lane.clock.now_ms())
    assert not lane.replays.resume(replay_id)
    assert not lane.replays.set_share(replay_id, 20)
    assert found(lane, replay_id).share_percent == 50
    assert lane.step() is None


def test_a_replay_waits_until_its_calls_are_its_share(lane: Lane) -> None:
    """Of 2 calls a second a quarter is one in two seconds: two calls for a slice are four seconds."""
    replay_id = lane.replays.begin(DEAD, "ana", lane.clock.now_ms(), share_percent=25).replay_id
    assert lane.step() == 4
    lane.settle({}, due=lane.due(), calls=2)
    assert [lane.step() for _ in range(4)] == [0, 0, 0, 2]
    lane.settle({}, due=lane.due(), calls=9)
    assert lane.step() == 0
    assert found(lane, replay_id).state is ReplayState.DONE, "what is all fed need not wait"


def test_a_call_counts_for_what_of_it_was_replayed(lane: Lane) -> None:
    lane.replays.begin(DEAD, "ana", lane.clock.now_ms(), share_percent=25)
    assert lane.step() == 4
    lane.settle({}, taken=4, due=lane.due(), calls=2)
    assert [lane.step() for _ in range(2)] == [0, 2], "half of two calls"


def test_a_share_is_changed_while_it_runs(lane: Lane) -> None:
    replay_id = lane.replays.begin(DEAD, "ana", lane.clock.now_ms(), share_percent=1).replay_id
    lane.step()
    lane.settle({}, due=lane.due(), calls=2)
    assert [lane.step() for _ in range(20)] == [0] * 20
    assert lane.replays.set_share(replay_id, 100)
    assert found(lane, replay_id).share_percent == 100
    assert lane.step() == 2


@pytest.mark.parametrize("share", [0, -1, 101])
def test_a_share_is_a_percentage(lane: Lane, share: int) -> None:
    with pytest.raises(BadValue, match="from 1 to 100") as caught:
        lane.replays.begin(DEAD, "ana", lane.clock.now_ms(), share_percent=share)
    assert (caught.value.field, caught.value.value, caught.value.limit) == ("share_percent", share, [1, 100])
    assert lane.replays.recent(5) == []
    replay_id = lane.replays.begin(DEAD, "ana", lane.clock.now_ms()).replay_id
    with pytest.raises(BadValue):
        lane.replays.set_share(replay_id, share)
    assert found(lane, replay_id).share_percent == 50


@pytest.mark.parametrize(("max_count", "share", "slice_messages"), [(1000, 100, 1000), (1000, 25, 250), (1000, 1, 100)])
def test_a_slice_is_never_less_than_a_full_call(max_count: int, share: int, slice_messages: int) -> None:
    assert slice_of(max_count, share) == slice_messages


def listed(lane: Lane, replay_id: int, **more: object) -> list[int]:
    """The positions of the messages that a replay's number leads to."""
    message_filter = MessageFilter(replay_id=replay_id, limit=100)
    return [message.position for message in lane.queries.messages(msgspec.structs.replace(message_filter, **more))]


def test_each_count_of_a_replay_leads_to_as_many_messages(lane: Lane) -> None:
    earlier = lane.replays.begin(DEAD, "ana", lane.clock.now_ms(), [(lane.lane_id, lane.at[5])])
    lane.step()
    replay_id = lane.replays.begin(
        DEAD, "ana", lane.clock.now_ms(), [(lane.lane_id, at) for at in lane.at[:6]]
    ).replay_id
    lane.replays.pause(earlier.replay_id, lane.clock.now_ms())
    lane.settle({}, due=lane.due())
    assert lane.step() == 4
    lane.settle({lane.at[0]: State.DEAD}, due=lane.due())
    assert lane.step() == 1
    counts = {(count.part, count.state): count.count for count in found(lane, replay_id).counts}
    put_back, left_alone = ReplayPart.REPLAYED, ReplayPart.LEFT_ALONE
    states: dict[tuple[ReplayPart, State | None], int] = {
        (put_back, State.DEAD): 1,
        (put_back, State.DELIVERED): 3,
        (put_back, State.PENDING): 1,
    }
    assert counts == {(left_alone, None): 1, **states}
    for (part, state), count in counts.items():
        assert len(listed(lane, replay_id, replay_part=part, state=state, destination_id=lane.lane_id)) == count
    assert listed(lane, replay_id) == sorted(lane.at[:6], reverse=True)
    assert listed(lane, replay_id, replay_part=ReplayPart.LEFT_ALONE) == [lane.at[5]]
    assert listed(lane, replay_id, state=State.DEAD) == [lane.at[0]]
    assert listed(lane, replay_id, destination_id=99) == []
    assert listed(lane, 99) == []
    again = lane.queries.targets(MessageFilter(replay_id=replay_id, state=State.DELIVERED, destination_id=lane.lane_id))
    assert {position for _, position in again} == {*lane.at[1:4], lane.at[5]}


def test_what_a_replay_has_not_put_back_is_listed_page_by_page(lane: Lane) -> None:
    replay_id = lane.replays.begin(DEAD, "ana", lane.clock.now_ms()).replay_id
    lane.step()
    waiting = listed(lane, replay_id, replay_part=ReplayPart.WAITING)
    assert waiting == [lane.at[5], lane.at[4]]
    assert listed(lane, replay_id, limit=4) == sorted(lane.at[2:6], reverse=True)
    assert listed(lane, replay_id, before=lane.at[2]) == [lane.at[1], lane.at[0]]


def test_what_has_moved_meanwhile_is_left_alone(lane: Lane) -> None:
    first = lane.replays.begin(DEAD, "ana", lane.clock.now_ms())
    second = lane.replays.begin(DEAD, "bo", lane.clock.now_ms())
    assert lane.step(slice_messages=100) == 6
    lane.settle({}, due=lane.due())
    assert lane.step(slice_messages=100) == 0
    assert lane.step(slice_messages=100) is None
    passed = {row.replay_id: (row.passed_count, row.outcomes) for row in lane.replays.recent(10)}
    assert passed == {first.replay_id: (0, {"delivered": 6}), second.replay_id: (6, {})}


def test_a_delivered_message_without_a_row_is_put_back(lane: Lane) -> None:
    message_filter = MessageFilter(state=State.DELIVERED)
    lane.replays.begin(message_filter, "ana", lane.clock.now_ms(), targets=[(lane.lane_id, lane.at[8])])
    assert lane.step() == 1
    assert lane.due() == (lane.at[8],)
    (status,) = lane.queries.lanes(lane.clock.now_ms())
    assert (status.taken, status.delivered, status.pending, status.dead) == (10, 3, 1, 6)


def test_an_empty_replay_is_done_and_a_state_is_needed(lane: Lane) -> None:
    nothing = lane.replays.begin(MessageFilter(state=State.HELD), "ana", lane.clock.now_ms())
    assert nothing.state is ReplayState.DONE
    with pytest.raises(SettingsError, match="replay needs a state"):
        lane.replays.begin(MessageFilter(), "ana", lane.clock.now_ms())
    assert [row.replay_id for row in lane.replays.recent(5)] == [nothing.replay_id]


def fates(lane: Lane) -> dict[int, tuple[str, str | None, str]]:
    """position -> state, reason and detail of what has a row."""
    rows = lane.database.connection.execute("SELECT position, state, reason, detail FROM delivery").fetchall()
    return {position: (state, reason, detail) for position, state, reason, detail in rows}


def test_a_person_discards_what_is_dead_and_replays_it_after_all(lane: Lane) -> None:
    chosen = [(lane.lane_id, at) for at in lane.at[:2]]
    done = lane.replays.discard(DEAD, lane.clock.now_ms(), chosen)
    assert (done.count, done.passed_count) == (2, 0)
    assert fates(lane)[lane.at[0]] == ("discarded", "discarded-by-person", "it was dead (invalid-input)")
    (status,) = lane.queries.lanes(lane.clock.now_ms())
    assert (status.taken, status.delivered, status.dead, status.discarded) == (10, 4, 4, 2)
    assert lane.replays.discard(DEAD, lane.clock.now_ms()).count == 4
    assert lane.queries.failures() == []
    lane.replays.begin(MessageFilter(state=State.DISCARDED, reason="discarded-by-person"), "ana", lane.clock.now_ms())
    assert lane.step(slice_messages=100) == 6
    lane.settle({}, due=lane.due())
    (status,) = lane.queries.lanes(lane.clock.now_ms())
    assert (status.delivered, status.discarded) == (10, 0)


def test_a_discard_says_why_in_the_persons_own_words(lane: Lane) -> None:
    first = [(lane.lane_id, lane.at[0])]
    lane.replays.discard(DEAD, lane.clock.now_ms(), first, note="  test data\n of the first import ")
    text = "because: test data of the first import; it was dead (invalid-input)"
    assert fates(lane)[lane.at[0]] == ("discarded", "discarded-by-person", text)
    for note in ("x" * 201, "a\x00b", "\u202e"):
        with pytest.raises(BadValue) as caught:
            lane.replays.discard(DEAD, lane.clock.now_ms(), note=note)
        assert caught.value.field == "note"
    assert lane.replays.discard(DEAD, lane.clock.now_ms(), note="x" * 200).count == 5


def test_a_discard_leaves_alone_what_has_moved_meanwhile(lane: Lane) -> None:
    targets = [(lane.lane_id, at) for at in lane.at]
    lane.replays.begin(DEAD, "ana", lane.clock.now_ms(), targets[:1])
    lane.step()
    done = lane.replays.discard(DEAD, lane.clock.now_ms(), targets)
    assert (done.count, done.passed_count) == (5, 5)
    assert lane.due() == (lane.at[0],)


def test_what_is_held_is_discarded_with_its_hold_and_no_identify_releases_it(lane: Lane) -> None:
    lane.hold(lane.at[6:9])
    assert lane.replays.discard(HELD, lane.clock.now_ms(), [(lane.lane_id, lane.at[6])]).count == 1
    lane.identify()
    assert lane.due() == tuple(lane.at[7:9])
    assert fates(lane)[lane.at[6]] == ("discarded", "discarded-by-person", "it was held (unknown-person)")


def test_what_is_held_and_due_is_its_lanes_unless_nobody_drives_it(lane: Lane) -> None:
    lane.hold(lane.at[6:7], seconds=3)
    lease = lane.record.lease_lane(lane.lane_id, "worker", lane.clock.now_ms(), 60)
    assert lease is not None
    done = lane.replays.discard(HELD, lane.clock.now_ms())
    assert (done.count, done.passed_count) == (0, 1)
    lane.record.release(lease)
    assert lane.replays.discard(HELD, lane.clock.now_ms()).count == 1


@pytest.mark.parametrize("state", [None, *(state for state in State if state not in (State.DEAD, State.HELD))])
def test_only_what_is_dead_or_held_is_discarded(lane: Lane, state: State | None) -> None:
    before = fates(lane)
    with pytest.raises(SettingsError, match="discard needs a state: dead or held"):
        lane.replays.discard(MessageFilter(state=state), lane.clock.now_ms())
    assert fates(lane) == before

"""A day of one portal with a daily budget of calls, in simulated time: a real lane against the emulator with all its
limits on, traffic that rises and falls with the hours, and others who spend of the same budget."""

from __future__ import annotations

import json
import math
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from tests.support.world import World

from hubwire.delivery import FINAL
from hubwire.message import Entry
from hubwire.record.protocol import CycleOutcome, Lease, Record

HOUR_SECONDS = 3600
DAY_SECONDS = 24 * HOUR_SECONDS
ZONE = "America/New_York"
MIDNIGHT_MS = round(datetime(2026, 1, 15, tzinfo=ZoneInfo(ZONE)).timestamp() * 1000)


@dataclass(frozen=True)
class Traffic:
    """What arrives in a day. Shares are parts of all messages; of the identifies, and of those of known people.

    Shape: twenty times as much comes at two in the afternoon as at two in the night, and one twentieth of all at once,
    in the five minutes after ten.
    """

    messages: int
    track_share: float = 0.6
    identify_share: float = 0.25
    group_share: float = 0.05
    new_share: float = 0.35
    changed_share: float = 0.5
    held_share: float = 0.005
    """Of the tracks: of somebody whose identify comes minutes later."""

    def per_second(self, second: int) -> float:
        """Messages that arrive in this second of the day."""
        of_day = second % DAY_SECONDS
        height = 1 + 19 * (1 + math.cos((of_day / DAY_SECONDS - 14 / 24) * 2 * math.pi)) / 2
        steady = 0.95 * self.messages * height / (10.5 * DAY_SECONDS)
        is_burst = 10 * HOUR_SECONDS <= of_day < 10 * HOUR_SECONDS + 300
        return steady + (0.05 * self.messages / 300 if is_burst else 0.0)


@dataclass(frozen=True)
class Others:
    """Whoever else calls this portal: a synchronisation at night, and people at work from nine to six."""

    nightly_calls: int
    office_calls: int

    def calls_by(self, second: int) -> int:
        """How many of their calls have been made by this second of the day."""
        night = min(max(second - 2 * HOUR_SECONDS, 0) / 1200, 1.0)
        office = min(max(second - 9 * HOUR_SECONDS, 0) / (9 * HOUR_SECONDS), 1.0)
        return round(self.nightly_calls * night + self.office_calls * office)


@dataclass
class Hour:
    """What one hour saw; messages count in the hour in which they came."""

    messages: int = 0
    cycles: int = 0
    calls: int = 0
    calls_of_others: int = 0
    remaining: int = 0
    identify_lags: array[float] = field(default_factory=lambda: array("f"))
    track_lags: array[float] = field(default_factory=lambda: array("f"))


class Day:
    """Runs from midnight to midnight and past it. `hours` and the rest say what came of it."""

    def __init__(
        self, folder: Path, traffic: Traffic, others: Others, *, daily: int, turn_seconds: float = 1.0, seed: int = 1
    ) -> None:
        """Units: `turn_seconds` is how often the lane's driver looks whether anything is to be done."""
        self.traffic = traffic
        self.others = others
        self._turn_seconds = turn_seconds
        self.world = World(
            folder, now_ms=MIDNIGHT_MS, time_zone=ZONE, daily=daily, burst=100, keep_events=0, keep_requests=1,
            keep_history=1,
        )  # fmt: skip
        self.world.register()
        self.daily = daily
        self.hours: list[Hour] = []
        self.exhausted_at_ms: int | None = None
        self.least_calls_at_once = 0
        """How many calls the day would have needed, at least, had every second's messages gone in it."""
        self.delivered = 0
        self._random = Random(seed)
        self._people = self._devices = 0
        self._arrived_seconds = 0
        self._arrived = 0.0
        self._unnamed: list[tuple[int, int]] = []
        self._received_at_ms = array("q", [0])
        self._kinds = bytearray(1)
        self._open: set[int] = set()
        self._cursor = 0
        self._calls = self._calls_of_others = 0

    @property
    def second(self) -> float:
        """Since the first midnight."""
        return (self.world.clock.now_ms() - MIDNIGHT_MS) / 1000

    async def run(self, seconds: int = DAY_SECONDS + HOUR_SECONDS) -> None:
        """Let the time pass."""
        world = self.world
        driver = world.driver("a", Watched(world.record, self))
        while self.second < seconds:
            self._arrive()
            self._look()
            wait = await driver.turn()
            if wait.seconds > 0:
                world.clock.advance(self._turn_seconds)
        await driver.end()

    def seen(self, outcome: CycleOutcome) -> None:
        """A cycle was recorded: how long its messages had waited."""
        self._hour(self.second).cycles += 1
        unfinished = {row.position for row in outcome.settled if row.state not in FINAL}
        passed = range(self._cursor + 1, outcome.lane.live_cursor + 1)
        late = self._open - unfinished
        late &= {*outcome.finished, *(row.position for row in outcome.settled)}
        self._cursor = outcome.lane.live_cursor
        self._open = (self._open | unfinished) - late
        for position in passed:
            if position not in unfinished:
                self._settled(position, outcome.ended_at_ms)
        for position in late:
            self._settled(position, outcome.ended_at_ms)

    def _settled(self, position: int, at_ms: int) -> None:
        self.delivered += 1
        received_at_ms, kind = self._received_at_ms[position], self._kinds[position]
        if kind:
            hour = self._hour((received_at_ms - MIDNIGHT_MS) / 1000)
            lags = hour.identify_lags if kind == 1 else hour.track_lags
            lags.append((at_ms - received_at_ms) / 1000)

    def _hour(self, second: float) -> Hour:
        number = int(second // HOUR_SECONDS)
        while len(self.hours) <= number:
            self.hours.append(Hour())
        return self.hours[number]

    # -- what is spent

    def _look(self) -> None:
        """Let the others spend, and note where the budget stands."""
        hour, emulator = self._hour(self.second), self.world.emulator
        limiter = emulator.state.limiter
        more = self.others.calls_by(int(self.second)) - self._calls_of_others
        if more > 0:
            hour.calls_of_others += more
            self._calls_of_others += more
            emulator.set_limits(daily_used=limiter.daily_used + more)
        calls = emulator.state.stats.calls.total()
        hour.calls += calls - self._calls
        self._calls = calls
        hour.remaining = self.daily - limiter.daily_used
        if hour.remaining <= 0 and self.exhausted_at_ms is None:
            self.exhausted_at_ms = self.world.clock.now_ms()

    # -- what arrives

    def _arrive(self) -> None:
        """Journal what has come by now."""
        while self._arrived_seconds < self.second:
            second, self._arrived_seconds = self._arrived_seconds, self._arrived_seconds + 1
            self._arrived += self.traffic.per_second(second)
            count, self._arrived = int(self._arrived), self._arrived % 1
            if count:
                self._append(second, list(self._messages(second, count)))

    def _append(self, second: int, messages: Sequence[tuple[int, dict[str, Any]]]) -> None:
        at_ms = MIDNIGHT_MS + second * 1000
        moment = datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        entries = []
        for number, (kind, message) in enumerate(messages):
            position = len(self._received_at_ms)
            self._received_at_ms.append(at_ms)
            self._kinds.append(kind)
            message |= {"messageId": f"m{position}", "timestamp": f"{moment}.{number % 1000:03d}Z"}
            entries.append(Entry(1, f"m{position}", at_ms, json.dumps(message).encode()))
        self.world.journal.append(entries)
        self._hour(second).messages += len(messages)

    def _messages(self, second: int, count: int) -> Iterator[tuple[int, dict[str, Any]]]:
        """Messages, and whether their lag is measured: 1 identify, 2 track, 0 not."""
        traffic, choose = self.traffic, self._random.random
        contacts = events = 0
        while self._unnamed and self._unnamed[0][0] <= second:
            _, number = self._unnamed.pop(0)
            traits = {"email": f"device{number}@example.com"}
            yield 0, {"type": "identify", "anonymousId": f"device{number}", "traits": traits}
        for _ in range(count):
            share = choose()
            if share < traffic.identify_share or not self._people:
                is_new = choose() < traffic.new_share or not self._people
                number = self._new_person() if is_new else self._person()
                is_changed = is_new or choose() < traffic.changed_share
                contacts += is_changed
                more = {} if is_new or not is_changed else {"city": f"City {self._random.randrange(10**6)}"}
                yield 1, {"type": "identify", "userId": f"u{number}", "traits": {**_traits(number), **more}}
            elif share < traffic.identify_share + traffic.track_share:
                events += 1
                yield self._track(second)
            elif share < traffic.identify_share + traffic.track_share + traffic.group_share:
                number = self._person()
                company = f"company{number % 500}.example.com"
                traits = {"website": company, "name": company}
                yield 0, {"type": "group", "userId": f"u{number}", "groupId": company, "traits": traits}
            else:
                yield 0, {"type": "page", "userId": f"u{self._person()}", "name": "Home"}
        self.least_calls_at_once += math.ceil(contacts / 100) + math.ceil(events / 500)

    def _track(self, second: int) -> tuple[int, dict[str, Any]]:
        event = {"type": "track", "event": "Seen", "properties": {"number": self._random.randrange(1000)}}
        if self._random.random() < self.traffic.held_share:
            number = self._devices = self._devices + 1
            self._unnamed.append((second + 300, number))
            return 0, {**event, "anonymousId": f"device{number}"}
        return 2, {**event, "userId": f"u{self._person()}"}

    def _new_person(self) -> int:
        self._people += 1
        return self._people - 1

    def _person(self) -> int:
        return self._random.randrange(self._people)


class Watched:
    """A record that tells what each cycle came to."""

    def __init__(self, record: Record, day: Day) -> None:
        self._record = record
        self._day = day

    def __getattr__(self, name: str) -> Any:
        return getattr(self._record, name)

    def commit_cycle(self, lease: Lease, outcome: CycleOutcome) -> int:
        released = self._record.commit_cycle(lease, outcome)
        self._day.seen(outcome)
        return released


def quantile(lags: Sequence[float], share: float) -> float:
    """The lag that this share of the messages did not exceed; 0 of none."""
    return sorted(lags)[min(len(lags) - 1, int(share * len(lags)))] if lags else 0.0


def refused(day: Day) -> Counter[str]:
    """What the emulator refused, by status."""
    return Counter(day.world.emulator.stats()["refused"])


def _traits(number: int) -> dict[str, Any]:
    return {"email": f"person{number}@example.com", "firstName": f"P{number}"}

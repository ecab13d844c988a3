"""The faults of a soak: which one comes next, what it does, and when it is over."""

from __future__ import annotations

import heapq
import itertools
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress

from tests.servers import NatsServer
from tests.support.bad_days import random_faults
from tests.support.soak import Soak

SAMPLE_SECONDS = 10.0
MAX_BACK_SECONDS = 20 * 60
"""Less than the age of the messages, so that a receiver never takes their times for the future."""
MAX_AHEAD_SECONDS = 6 * 3600
"""Far less than the 72 hours after which a hold ends."""


class Faults:
    """Disturbs a soak until told to stop. `counts` has the number of faults of each kind."""

    def __init__(self, soak: Soak) -> None:
        self.counts: Counter[str] = Counter()
        self.failed_starts = 0
        """How often a process could not start because a server was away, and was started again, as systemd does."""
        self._soak = soak
        self._random = soak.random
        self._ends: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._busy: set[str] = set()
        self._restarts: list[threading.Thread] = []
        self._kinds: list[tuple[int, Callable[[], str | None]]] = [
            (10, self._kill_process),
            (12, self._pause_process),
            (3, self._kill_node),
            (5, self._pause_node),
            (1, self._crash_postgres),
            (2, self._kill_backend),
            (4, self._pause_postgres),
            (14, self._lose_packets),
            (12, self._silence),
            (12, self._cut),
            (12, self._step_clock),
            (13, self._hubspot),
        ]

    def run(self, seconds: float, mean_pause_seconds: float, tell: Callable[[str], None]) -> None:
        """Faults at random times for so long; then everything is made well."""
        end, sample_at, tell_at = time.monotonic() + seconds, 0.0, time.monotonic() + 60
        while (now := time.monotonic()) < end:
            self._end_what_is_over(now)
            if now >= sample_at:
                self._soak.memory.take(self._soak.fleet)
                sample_at = now + SAMPLE_SECONDS
            if now >= tell_at:
                sent = sum(len(sender.acknowledged) for sender in self._soak.senders)
                tell(f"{round((end - now) / 60)} min left: {self.counts.total()} faults, {sent} acknowledged")
                tell_at = now + 60
            self._cause_fault()
            time.sleep(self._random.uniform(0, 2 * mean_pause_seconds))
        self.end()

    def end(self) -> None:
        """End every fault that goes on."""
        self._end_what_is_over(float("inf"))
        for link in self._soak.links.values():
            link.heal()
        for thread in self._restarts:  # they wait for servers, which must be there by now
            thread.join()
        for name in (*self._soak.names, "postgres"):
            self._soak.clocks.set_lead(name, 0.0)
        for emulator in self._soak.portals.emulators:
            emulator.clear_faults()

    def _cause_fault(self) -> None:
        weights = [weight for weight, _ in self._kinds]
        for _ in range(20):
            [(_, act)] = self._random.choices(self._kinds, weights)
            kind = act()
            if kind is not None:
                self.counts[kind] += 1
                return

    def _end_what_is_over(self, now: float) -> None:
        while self._ends and self._ends[0][0] <= now:
            heapq.heappop(self._ends)[2]()

    def _later(self, min_seconds: float, max_seconds: float, act: Callable[[], None]) -> None:
        at = time.monotonic() + self._random.uniform(min_seconds, max_seconds)
        heapq.heappush(self._ends, (at, next(self._numbers), act))

    def _take(self, name: str) -> bool:
        """Whether nothing else is done to it at the moment."""
        if name in self._busy:
            return False
        self._busy.add(name)
        return True

    def _in_background(self, name: str, act: Callable[[], None]) -> None:
        def run() -> None:
            try:
                act()
            finally:
                self._busy.discard(name)

        thread = threading.Thread(target=run)
        thread.start()
        self._restarts = [restart for restart in self._restarts if restart.is_alive()] + [thread]

    # -- processes

    def _kill_process(self) -> str | None:
        fleet = self._soak.fleet
        name = self._random.choice([name for name in self._soak.names if name not in Soak.LASTING])
        if not self._take(name):
            return None

        def restart() -> None:
            fleet.kill(name)
            while True:
                try:
                    return fleet.start(name)
                except AssertionError:
                    self.failed_starts += 1

        self._in_background(name, restart)
        return f"kill -9 of a process that {'receives' if name.startswith('receive') else 'delivers'}"

    def _pause_process(self) -> str | None:
        name = self._random.choice(self._soak.names)
        if not self._take(name):
            return None
        process = self._soak.fleet.processes[name]
        process.send_signal(signal.SIGSTOP)

        def resume() -> None:
            process.send_signal(signal.SIGCONT)
            self._busy.discard(name)

        self._later(1, 20, resume)
        return f"pause of a process that {'receives' if name.startswith('receive') else 'delivers'}"

    # -- JetStream and PostgreSQL

    def _node(self) -> tuple[str, NatsServer] | None:
        number = self._random.randrange(len(self._soak.nats.nodes))
        name = f"node-{number}"
        return (name, self._soak.nats.nodes[number]) if self._take(name) else None

    def _kill_node(self) -> str | None:
        found = self._node()
        if found is None:
            return None
        name, node = found

        def restart() -> None:
            node.stop(signal.SIGKILL)
            node.start()

        self._in_background(name, restart)
        return "kill -9 of a JetStream node"

    def _pause_node(self) -> str | None:
        found = self._node()
        if found is None:
            return None
        name, node = found
        os.kill(node.pid, signal.SIGSTOP)

        def resume() -> None:
            os.kill(node.pid, signal.SIGCONT)
            self._busy.discard(name)

        self._later(1, 12, resume)
        return "pause of a JetStream node"

    def _crash_postgres(self) -> str | None:
        if not self._take("postgres"):
            return None

        def restart() -> None:
            self._soak.postgres.stop(signal.SIGQUIT)
            self._soak.postgres.start()

        self._in_background("postgres", restart)
        return "crash of PostgreSQL"

    def _kill_backend(self) -> str | None:
        children = self._soak.postgres.children() if "postgres" not in self._busy else []
        if not children:
            return None
        with suppress(ProcessLookupError):
            os.kill(self._random.choice(children), signal.SIGKILL)
        return "kill -9 of a process of PostgreSQL"

    def _pause_postgres(self) -> str | None:
        if not self._take("postgres"):
            return None
        frozen = ExitStack()
        frozen.enter_context(self._soak.postgres.frozen())

        def resume() -> None:
            frozen.close()
            self._busy.discard("postgres")

        self._later(1, 10, resume)
        return "pause of PostgreSQL"

    # -- the network, clocks, HubSpot

    def _lose_packets(self) -> str | None:
        name = self._random.choice(list(self._soak.links))
        if not self._take(name):
            return None
        link = self._soak.links[name]
        link.loss = self._random.uniform(0.05, 0.3)
        self._later(3, 15, lambda: self._heal(name))
        return f"packet loss: {_group(name)}"

    def _silence(self) -> str | None:
        name = self._random.choice(list(self._soak.links))
        if not self._take(name):
            return None
        self._soak.links[name].fall_silent()
        self._later(1, 12, lambda: self._heal(name))
        return f"silence: {_group(name)}"

    def _heal(self, name: str) -> None:
        self._soak.links[name].heal()
        self._busy.discard(name)

    def _cut(self) -> str | None:
        name = self._random.choice(list(self._soak.links))
        self._soak.links[name].cut()
        return f"connections cut: {_group(name)}"

    def _step_clock(self) -> str | None:
        name = self._random.choice([*self._soak.names, "postgres"])
        lead = self._random.choice([0.0, *(self._random.uniform(-MAX_BACK_SECONDS, MAX_AHEAD_SECONDS) for _ in "123")])
        self._soak.clocks.set_lead(name, lead)
        return f"clock step: {name.partition('-')[0]}"

    def _hubspot(self) -> str | None:
        emulator = self._random.choice(self._soak.portals.emulators)
        for fault in random_faults(self._random):
            emulator.fault(**fault)
        return "HubSpot misbehaves"


def _group(name: str) -> str:
    """The kind of a link."""
    return (
        "between JetStream nodes"
        if name.startswith("nodes")
        else name.rstrip("0123456789- ").replace("-0", "").replace("-1", "")
    )

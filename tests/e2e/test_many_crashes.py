"""kill -9 of a real process at random times, many times, while HubSpot misbehaves and messages are replayed: in the end
HubSpot's contacts, companies, events, orders and line items are what the oracles say, and every acknowledged message is
in exactly one final state, or held."""

from __future__ import annotations

import base64
import http.client
import json
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.figures import Record
from tests.support import oracle
from tests.support.bad_days import HubSpot, hubspot_process
from tests.support.orders import PIPELINES, RULES_TABLE, corpus, expected_orders, orders_in, shuffled, stages_of
from tests.support.process import WRITE_KEY, HubwireProcess
from tests.support.traffic import anything

from hubwire.backends.store import Store, open_store
from hubwire.clock import SystemClock
from hubwire.settings import load

INSTALLATIONS = 4
"""Side by side: after a crash a lane rests for ten seconds, until HubSpot counts none of the dead process's calls."""
ROUNDS = 13
"""Of each installation."""
PEOPLE = 40
ORDERS = (30, 120, 0)
"""People who order, their orders, and other events."""
DESTINATION = f"""
[[destination]]
name = "hubspot"
token_env = "HUBSPOT_ACCESS_TOKEN"
[destination.mapping]
create_properties = true
{RULES_TABLE}
"""
WORKS_SECONDS = 30.0
"""How long to wait for the first call of a process that may well find its line stopped for a while."""
AGAIN_SECONDS = 0.05
SETTLED_SECONDS = 240


class Sender:
    """Uploads messages one after another, each until it was acknowledged, as SDKs do."""

    def __init__(self, url: str, random: Random, orders: list[dict[str, Any]]) -> None:
        """`orders` are messages that go among the others; all of them are sent in the end."""
        self.acknowledged: list[dict[str, Any]] = []
        self.url = url
        self._orders = orders
        self._random = random
        self._ending = threading.Event()
        self._is_given_up = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        """What is under way is acknowledged first: a server must be up."""
        self._ending.set()
        self._thread.join()

    def give_up(self) -> None:
        """End whatever there is of acknowledgements."""
        self._is_given_up = True
        self.stop()

    def _run(self) -> None:
        while self._orders or not self._ending.is_set():
            begin = len(self.acknowledged)
            upload = [anything(begin + index, PEOPLE, self._random) for index in range(self._random.randint(1, 20))]
            count = self._random.randint(0, 6)
            upload += self._orders[:count]
            del self._orders[:count]
            while not self._send(upload):
                if self._is_given_up:
                    return
                time.sleep(AGAIN_SECONDS)
            self.acknowledged += upload
            self._ending.wait(self._random.uniform(0.0, 0.2))

    def _send(self, upload: list[dict[str, Any]]) -> bool:
        credentials = base64.b64encode(f"{WRITE_KEY}:".encode()).decode()
        headers, content = {"authorization": f"Basic {credentials}"}, json.dumps({"batch": upload}).encode()
        try:
            request = urllib.request.Request(f"{self.url}/v1/batch", content, headers)
            with urllib.request.urlopen(request, timeout=10) as answer:
                return bool(answer.status == 200)
        except (OSError, http.client.HTTPException):
            return False


def messages_about_orders(seed: int) -> list[dict[str, Any]]:
    """Orders of people who are in no other message, in any order and some twice; each event has a number of its own."""
    messages = []
    for message in shuffled(corpus(seed, *ORDERS), seed):
        message_id = f"order-{message['messageId']}"
        fields = {"properties": {**message["properties"], "number": message_id}} if "properties" in message else {}
        messages.append({**message, **fields, "messageId": message_id})
    return messages


def crash(folder: Path, hubspot: HubSpot, sender: Sender, random: Random, *, replays: bool) -> bool:
    """One life of a process: mostly it ends while its lane works, sometimes before. Whether a cycle was cut off."""
    hubspot.misbehave(random)
    before = hubspot.calls()
    process = HubwireProcess(folder, hubspot.url).start()
    sender.url = process.url
    if replays:
        process.run("replay", "--state", random.choice(["delivered", "discarded"]), "--yes")
    if random.random() < 0.2:
        time.sleep(random.uniform(0, 5))
    else:
        deadline = time.monotonic() + WORKS_SECONDS
        while hubspot.calls() == before and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(random.uniform(0, 1.5))
    process.kill()
    with opened(process) as store:
        return store.record.lane(1).open_attempts > 0


@contextmanager
def opened(process: HubwireProcess) -> Iterator[Store]:
    """The store of a process that has ended."""
    store = open_store(load(process.environment), SystemClock(), appends=False)
    try:
        yield store
    finally:
        store.close()


def live_through(folder: Path, seed: int) -> tuple[int, int]:
    """One installation through all its crashes, and the checks; how many messages there were, and cycles cut off."""
    random = Random(seed)
    cut_off = 0
    with hubspot_process() as hubspot:
        (folder / "hubwire.toml").write_text(DESTINATION)
        HubwireProcess(folder, hubspot.url).run("apply", "hubwire.toml", "--yes")
        sender = Sender("http://127.0.0.1:9", Random(random.random()), messages_about_orders(seed))
        try:
            for number in range(ROUNDS):
                cut_off += crash(folder, hubspot, sender, random, replays=number % 5 == 3)
            hubspot.behave()
            with HubwireProcess(folder, hubspot.url) as hubwire:
                sender.url = hubwire.url
                sender.stop()
                hubwire.run("destination", "resume", "hubspot")
                hubwire.run("status", "--wait-drained", "--timeout", str(SETTLED_SECONDS))
        finally:
            sender.give_up()
        end = oracle.expected(sender.acknowledged)
        oracle.check(hubspot.shown(), end)
        assert orders_in(hubspot) == expected_orders(sender.acknowledged, stages_of(hubspot.read(PIPELINES)))
    with opened(hubwire) as store:
        check_fates(store, end)
    return len(sender.acknowledged), cut_off


def check_fates(store: Store, end: oracle.Expected) -> None:
    states = {}
    for message_id in end.states:
        [detail] = store.queries.message(message_id)
        [fate] = detail.summary.fates
        states[message_id] = fate.state.value
    assert states == end.states
    [lane] = store.queries.lanes(time.time_ns() // 1_000_000)
    counts = Counter(end.states.values())
    assert (lane.taken, lane.dead, lane.retrying, lane.pending) == (len(states), 0, 0, 0)
    assert (lane.delivered, lane.held) == (counts["delivered"], counts["held"])


@pytest.mark.slow
def test_fifty_crashes_at_random_times_lose_and_double_nothing(tmp_path: Path, figures: Record) -> None:
    seed = Random().randrange(1 << 32)
    print(f"seed {seed}")
    folders = [tmp_path / str(number) for number in range(INSTALLATIONS)]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor(INSTALLATIONS) as pool:
        lives = [pool.submit(live_through, folder, seed + number) for number, folder in enumerate(folders)]
        messages, cut_off = (sum(counts) for counts in zip(*(life.result() for life in lives), strict=True))
    figures(crashes=INSTALLATIONS * ROUNDS, crashes_within_a_cycle=cut_off, messages=messages, lost=0, doubled=0)
    assert cut_off >= 10
    assert messages > 1_000 * INSTALLATIONS

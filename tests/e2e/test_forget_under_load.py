"""Deletion requests while messages of the same people keep coming in, deliveries go on and the process dies: who was
forgotten does not come back."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from tests.e2e.test_flood import post
from tests.figures import Record
from tests.support.bad_days import FAULTS, PATHS
from tests.support.process import TOKEN, WRITE_KEY, HubwireProcess

from hubwire.testing import Emulator, running_emulator

PEOPLE = 30
FORGOTTEN = 10
SECONDS_BETWEEN = 0.5


def email(number: int) -> str:
    return f"person{number}@example.com"


def upload(random: Random, count: int) -> bytes:
    """Messages of random people, each of which names its person by address, id or device."""
    batch = []
    for _ in range(10):
        number, count = random.randrange(PEOPLE), count + 1
        ids = {"userId": f"user{number}", "anonymousId": f"device{number}", "messageId": f"m{count}"}
        traits = {"email": email(number), "city": f"City {count}"}
        event = {"event": "Seen", "properties": {"number": count}}
        kinds = [{"type": "identify", "traits": traits}, {"type": "track", **event}, {"type": "track", **event}]
        batch.append({**ids, **random.choice(kinds)})
    return json.dumps({"batch": batch}).encode()


class Sending:
    """Uploads from a thread until the end; what a dead process did not take is sent again."""

    def __init__(self, hubwire: HubwireProcess, random: Random) -> None:
        self.acknowledged = 0
        self._hubwire = hubwire
        self._random = random
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)

    @contextmanager
    def running(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._ending.set()
            self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(0.05):
            body = upload(self._random, self.acknowledged)
            while not self._ending.is_set():
                try:
                    if post(f"{self._hubwire.url}/v1/batch", WRITE_KEY, body) == 200:
                        self.acknowledged += 10
                        break
                except OSError:
                    self._ending.wait(0.1)


def forget_some(hubwire: HubwireProcess, emulator: Emulator, random: Random) -> list[int]:
    """Forget people one after another; HubSpot misbehaves, and every third time the process dies right after."""
    forgotten = random.sample(range(PEOPLE), FORGOTTEN)
    for turn, number in enumerate(forgotten):
        time.sleep(random.uniform(0, SECONDS_BETWEEN))
        emulator.fault(**random.choice(FAULTS), path=random.choice(PATHS), times=1)
        ran = hubwire.run("forget", email(number), "--yes", "--json", check=False)
        assert ran.returncode in (0, 1), ran.stderr
        if turn % 3 == 2:
            hubwire.kill()
            hubwire.start()
    return forgotten


@pytest.mark.slow
def test_a_person_who_is_forgotten_while_messages_come_in_does_not_come_back(tmp_path: Path, figures: Record) -> None:
    seed = Random().randrange(1 << 32)
    print(f"seed {seed}")
    random = Random(seed)
    with running_emulator(access_token=TOKEN, portal_id=1234567, tier="enterprise") as emulator:
        hubwire = HubwireProcess(tmp_path, emulator.base_url, HUBWIRE_ADMIN_TOKEN="an-admin-token").start()
        try:
            sending = Sending(hubwire, Random(seed + 1))
            with sending.running():
                time.sleep(2)
                forgotten = forget_some(hubwire, emulator, random)
                time.sleep(2)
            emulator.clear_faults()
            hubwire.run("destination", "resume", "hubspot")
            for number in forgotten:  # a request that HubSpot's faults left open is repeated, as the receipt says
                hubwire.run("forget", email(number), "--yes", "--json")
            hubwire.drained()
            there = {contact["properties"]["email"] for contact in emulator.contacts()}
            database = (tmp_path / "data" / "hubwire.db").read_bytes()
            for number in forgotten:
                assert email(number) not in there
                assert json.loads(hubwire.run("messages", "--user", f"user{number}", "--json").stdout) == []
                assert email(number).encode() not in database
            kept = {email(number) for number in range(PEOPLE) if number not in forgotten}
            assert kept <= there
        finally:
            hubwire.stop()
    assert not [number for number in forgotten if email(number) in hubwire.output]
    figures(forgotten_people=FORGOTTEN, messages=sending.acknowledged, came_back=0)

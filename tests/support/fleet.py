"""A fleet under load: receivers and deliverers as processes of their own, and senders that repeat what was not
acknowledged, as SDKs do."""

from __future__ import annotations

import base64
import json
import random
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.support.portals import FIRST_HUB_ID, TOKEN, Portals
from tests.support.process import HubwireProcess
from tests.support.waiting import until

from hubwire.backends.store import Store, open_store
from hubwire.clock import SystemClock
from hubwire.destination import Destination, Source
from hubwire.secret import Secret
from hubwire.settings import Settings, load

SECRET_KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()
UPLOAD_SECONDS = 10.0
AGAIN_SECONDS = 0.1


@dataclass(frozen=True)
class Plan:
    """What a fleet consists of: `sources` feed `portals / sources` portals each."""

    database_url: str
    journal_url: str | None
    receivers: int = 2
    deliverers: int = 3
    portals: int = 20
    sources: int = 4
    lease_seconds: float = 8.0

    @property
    def environment(self) -> dict[str, str]:
        """The settings that every process shares."""
        shared = {
            "HUBWIRE_DATABASE_URL": self.database_url,
            "HUBWIRE_SECRET_KEY": SECRET_KEY,
            "HUBWIRE_ADMIN_TOKEN": "admin-token-of-the-test",
            "HUBWIRE_LEASE_SECONDS": str(self.lease_seconds),
            "HUBWIRE_LINGER_SECONDS": "0.3",
            "HUBWIRE_LOG_FORMAT": "json",
            "HUBSPOT_ACCESS_TOKEN": TOKEN,
        }
        return shared if self.journal_url is None else {**shared, "HUBWIRE_JOURNAL_URL": self.journal_url}

    def settings(self, folder: Path) -> Settings:
        """The same, for looking into the store."""
        return load({**self.environment, "HUBWIRE_DATA": str(folder)})


class Fleet:
    """Processes by name: `receive-0`, `deliver-2`."""

    def __init__(self, plan: Plan, folder: Path, own: Callable[[str], Mapping[str, str]] = lambda name: {}) -> None:
        self.plan = plan
        self.own_environment = own
        """What a process has in its environment beside the plan's, by its name."""
        self.folder = folder
        self.processes: dict[str, HubwireProcess] = {}
        self.ended_output = ""
        """What processes that are gone had said."""

    def names(self, role: str) -> list[str]:
        count = self.plan.receivers if role == "receive" else self.plan.deliverers
        return [f"{role}-{number}" for number in range(count)]

    def start(self, name: str) -> None:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        role = name.partition("-")[0]
        environment = {**self.plan.environment, **self.own_environment(name), "HUBWIRE_ROLE": role}
        self.processes[name] = HubwireProcess(folder, None, **environment).start()

    def start_all(self) -> None:
        threads = [
            threading.Thread(target=self.start, args=(name,))
            for role in ("receive", "deliver")
            for name in self.names(role)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def kill(self, name: str) -> None:
        """kill -9."""
        process = self.processes.pop(name)
        process.kill()
        self.ended_output += process.output

    def stop(self) -> None:
        """All of them. What they have said is in the file `log`."""
        for name in list(self.processes):
            process = self.processes.pop(name)
            process.stop()
            self.ended_output += process.output
        (self.folder / "log").write_text(self.ended_output)

    def receiver_urls(self) -> list[str]:
        return [process.url for name, process in list(self.processes.items()) if name.startswith("receive")]

    def deliverer_pids(self) -> list[int]:
        return [process.pid for name, process in list(self.processes.items()) if name.startswith("deliver")]

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Every log line of an event, of all processes, with its time in seconds as `at`."""
        output = self.ended_output + "".join(process.output for process in list(self.processes.values()))
        return [line for line in _logged(output) if line["event"] == event]

    def lanes_of(self, name: str) -> list[str]:
        """The lanes that a deliverer has now, as the database knows it. (What it said lags behind.)"""
        import psycopg

        with psycopg.connect(self.plan.database_url) as db:
            found = db.execute(
                "SELECT name FROM lane JOIN destination USING (destination_id)"
                " WHERE split_part(lease_owner, ':', 2) = %s",
                (str(self.processes[name].pid),),
            ).fetchall()
        return [lane for (lane,) in found]


def _logged(output: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in output.splitlines() if re.match(r"\{.*\}$", line)]
    return [{**line, "at": datetime.fromisoformat(line["timestamp"]).timestamp()} for line in lines]


@contextmanager
def opened(plan: Plan, folder: Path) -> Iterator[Store]:
    """The fleet's store, to set it up and to look into it."""
    store = open_store(plan.settings(folder), SystemClock(), appends=False)
    try:
        yield store
    finally:
        store.close()


def set_up(store: Store, plan: Plan, portals: Portals) -> list[str]:
    """Sources, each of which feeds its own portals; their write keys."""
    keys = []
    for number in range(plan.sources):
        source = store.registry.save_source(Source(source_id=0, name=f"source-{number}", identity_space=f"s{number}"))
        keys.append(f"wk_fleet_test_{number}")
        store.registry.add_write_key(source.source_id, Secret(keys[-1]))
        for portal in range(number, plan.portals, plan.sources):
            destination = store.registry.save_destination(
                Destination(
                    destination_id=0,
                    name=f"portal-{portal}",
                    hub_id=str(FIRST_HUB_ID + portal),
                    base_url=portals.urls[portal],
                    source_ids=(source.source_id,),
                )
            )
            store.registry.set_token(destination.destination_id, Secret(TOKEN))
    return keys


class Sender:
    """Sends uploads from a thread until `stop()`; what got a 200 is in `acknowledged`, by source.

    Shape: `receiver_urls` says who receives at the moment; `longest_seconds` is what an upload has taken at most.
    """

    def __init__(
        self,
        receiver_urls: Callable[[], list[str]],
        write_key: str,
        name: str,
        *,
        upload_messages: int,
        pause_seconds: float,
    ) -> None:
        self.write_key = write_key
        self.acknowledged: list[str] = []
        self.refusal: str | None = None
        """An answer after which an SDK would drop the upload: there must be none."""
        self.longest_seconds = 0.0
        self._receiver_urls = receiver_urls
        self._name = name
        self._upload_messages = upload_messages
        self._pause_seconds = pause_seconds
        self._ending = threading.Event()
        self._random = random.Random(name)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """What is under way is still sent until it is acknowledged."""
        self._ending.set()
        self._thread.join(120)
        assert self.refusal is None, self.refusal
        assert not self._thread.is_alive(), "an upload was not acknowledged in two minutes"

    def _run(self) -> None:
        number = 0
        while not self._ending.wait(self._pause_seconds):
            upload = [self._message(number + index) for index in range(self._upload_messages)]
            number += len(upload)
            body = json.dumps({"batch": upload, "writeKey": self.write_key}).encode()
            begun_at = time.monotonic()
            while not self._post(body):
                time.sleep(AGAIN_SECONDS)
            self.longest_seconds = max(self.longest_seconds, time.monotonic() - begun_at)
            self.acknowledged += [message["messageId"] for message in upload]

    def _post(self, body: bytes) -> bool:
        urls = self._receiver_urls()
        if not urls:
            return False
        request = urllib.request.Request(f"{self._random.choice(urls)}/v1/batch", data=body)
        try:
            with urllib.request.urlopen(request, timeout=UPLOAD_SECONDS) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as exc:
            if exc.code != 429 and exc.code < 500:
                self.refusal = f"{exc.code}: {exc.read()!r}"
                raise
            return False
        except OSError:
            return False

    def _message(self, number: int) -> dict[str, Any]:
        user = f"{self._name}-{number // 5}"
        message: dict[str, Any] = {"messageId": f"{self._name}-m{number}", "userId": user}
        if number % 5 == 0:
            return {**message, "type": "identify", "traits": {"email": f"{user}@example.com", "firstname": user}}
        return {**message, "type": "track", "event": "Order Completed", "properties": {"total": number}}


def sent_by(senders: Sequence[Sender]) -> list[str]:
    """Every acknowledged message id."""
    return [message_id for sender in senders for message_id in sender.acknowledged]


def wait_drained(store: Store, seconds: float) -> None:
    """Until every lane has passed everything and nothing is to be tried again."""

    def left() -> dict[str, tuple[int, str | None]]:
        lanes = store.queries.lanes(time.time_ns() // 1_000_000)
        return {
            lane.name: (lane.backlog_count + lane.pending + lane.retrying, lane.stopped_reason)
            for lane in lanes
            if not lane.is_drained
        }

    until(lambda: not left(), seconds, left)

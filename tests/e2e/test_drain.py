"""SIGTERM: what goes on without an end is ended properly, and does not hold up the end of the process."""

from __future__ import annotations

import base64
import signal
import socket
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
from tests.support.process import TOKEN, WRITE_KEY, HubwireProcess
from tests.support.waiting import until

from hubwire.testing import Emulator, running_emulator

ADMIN_TOKEN = "the-admin-token-of-this-test"


def test_somebody_who_watches_live_does_not_keep_the_process_from_ending(tmp_path: Path) -> None:
    """Ended by the server's grace time instead, the stream would break off in the middle and raise."""
    has_begun, lines, problems = threading.Event(), list[str](), list[Exception]()

    def watch(url: str) -> None:
        headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}
        try:
            with httpx2.stream("GET", f"{url}/live/changes", headers=headers, timeout=60) as answer:
                for line in answer.iter_lines():
                    lines.append(line)
                    has_begun.set()
        except httpx2.HTTPError as problem:
            problems.append(problem)
            has_begun.set()

    with HubwireProcess(tmp_path, HUBWIRE_ADMIN_TOKEN=ADMIN_TOKEN) as process:
        watching = threading.Thread(target=watch, args=(process.url,))
        watching.start()
        assert has_begun.wait(60)
        process.stop()
        watching.join()
    assert problems == []
    assert lines[0] == ": nothing new"


HANGS_SECONDS = 60.0
AT_ONCE_SECONDS = 10.0
"""Less than the time that uvicorn and the lanes give what is under way, and enough for a busy machine."""


def hang(hubspot: Emulator, process: HubwireProcess) -> None:
    """A message for a HubSpot that does not answer, and the call under way."""
    hubspot.fault(method="POST", path="*contacts/batch/upsert*", latency_ms=int(1000 * HANGS_SECONDS))
    message = {"type": "identify", "userId": "u1", "messageId": "m1", "traits": {"email": "paula@example.org"}}
    answer = httpx2.post(f"{process.url}/v1/identify", json=message, auth=(WRITE_KEY, ""))
    assert answer.status_code == 200
    until(
        lambda: any("contacts/batch/upsert" in request["path"] for request in hubspot.requests()),
        60,
        lambda: process.output,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_it_waits_for_is_said_and_a_second_signal_ends_it_at_once(tmp_path: Path, number: signal.Signals) -> None:
    with running_emulator(access_token=TOKEN) as hubspot:
        with HubwireProcess(tmp_path, hubspot.base_url) as process:
            hang(hubspot, process)
            process.send_signal(number)
            process.await_output("Stopping: HubSpot has not answered everything yet (hubspot). Press Ctrl-C again")
            began_at = time.monotonic()
            process.send_signal(number)
            assert process.wait() == 0
            assert time.monotonic() - began_at < AT_ONCE_SECONDS
            assert "Traceback" not in process.output
        hubspot.clear_faults()
        with HubwireProcess(tmp_path, hubspot.base_url) as process:
            assert process.drained()["delivered"] == 1
            [contact] = hubspot.contacts()
            assert contact["properties"]["email"] == "paula@example.org"


def test_a_request_that_hangs_is_told_and_does_not_outlast_a_second_signal(tmp_path: Path) -> None:
    headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}
    with (
        running_emulator(access_token=TOKEN) as hubspot,
        HubwireProcess(tmp_path, hubspot.base_url, HUBWIRE_ADMIN_TOKEN=ADMIN_TOKEN) as process,
    ):
        hubspot.fault(method="GET", path="/account-info*", latency_ms=int(1000 * HANGS_SECONDS))
        thread = threading.Thread(target=_ask, args=(f"{process.url}/api/v1/destinations/1/test", headers))
        thread.start()
        until(
            lambda: any("account-info" in request["path"] for request in hubspot.requests()), 60, lambda: process.output
        )
        process.send_signal(signal.SIGINT)
        process.await_output("Stopping: 1 request is still being answered")
        began_at = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0
        assert time.monotonic() - began_at < AT_ONCE_SECONDS
        thread.join()


def _ask(url: str, headers: dict[str, str]) -> None:
    with httpx2.Client(timeout=60) as client:
        try:
            client.post(url, headers=headers)
        except httpx2.HTTPError:
            return


def test_an_upload_that_waits_for_a_stalled_disk_at_the_end_is_told_and_answered(tmp_path: Path) -> None:
    body = b'{"userId":"u1","event":"Bought","messageId":"m1"}'
    authorization = base64.b64encode(f"{WRITE_KEY}:".encode())
    with HubwireProcess(tmp_path) as process:
        port = int(process.url.rpartition(":")[2])
        disk = sqlite3.connect(tmp_path / "data" / "hubwire.db", isolation_level=None)
        with closing(disk), closing(socket.create_connection(("127.0.0.1", port), timeout=60)) as caller:
            disk.execute("BEGIN IMMEDIATE")
            head = b"POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %b\r\nContent-Length: %d\r\n\r\n"
            caller.sendall(head % (authorization, len(body)) + body)
            # Whoever asks now is behind it.
            assert httpx2.get(f"{process.url}/health").status_code == 200
            process.send_signal(signal.SIGTERM)
            process.await_output("Stopping: 1 request is still being answered")
            disk.execute("ROLLBACK")
            answer = b"".join(iter(lambda: caller.recv(4096), b""))
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
            assert b"\r\nconnection: close\r\n" in answer
            assert process.wait() == 0
            assert [row[0] for row in disk.execute("SELECT message_id FROM journal")] == ["m1"]


def test_under_load_every_upload_that_was_answered_is_kept(tmp_path: Path) -> None:
    """SIGTERM as systemd sends it, while eight senders send: what was answered 200 is in the journal, once."""
    answered: list[str] = []
    stops = threading.Event()

    def send(sender: int) -> None:
        with httpx2.Client(timeout=30, auth=(WRITE_KEY, "")) as client:
            for number in range(100_000):
                message_id = f"{sender}-{number}"
                body = {"userId": f"u{sender}", "event": "Load", "messageId": message_id, "timestamp": "2026-01-15"}
                try:
                    if client.post(f"{process.url}/v1/track", json=body).status_code != 200:
                        return
                except httpx2.HTTPError:
                    return
                answered.append(message_id)
                if len(answered) > 400:
                    stops.set()

    with HubwireProcess(tmp_path) as process:
        senders = [threading.Thread(target=send, args=(number,)) for number in range(8)]
        for each_sender in senders:
            each_sender.start()
        assert stops.wait(60)
        began_at = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
        assert time.monotonic() - began_at < 30
        for each_sender in senders:
            each_sender.join()
        assert "Traceback" not in process.output
    with HubwireProcess(tmp_path, HUBWIRE_ADMIN_TOKEN=ADMIN_TOKEN) as process:
        headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}
        kept = httpx2.get(f"{process.url}/api/v1/status", headers=headers).json()["last_position"]
    assert len(answered) <= kept <= len(answered) + len(senders), "those whose answer was lost may be there too"

"""SIGTERM: what goes on without an end is ended properly, and does not hold up the end of the process."""

from __future__ import annotations

import threading
from pathlib import Path

import httpx2
from tests.support.process import HubwireProcess

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
        assert has_begun.wait(30)
        process.stop()
        watching.join()
    assert problems == []
    assert lines[0] == ": nothing new"

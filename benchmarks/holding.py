"""Processes that are held to a part of a core, so that shared cores are not the limit."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

PERIOD_SECONDS = 0.02


@contextmanager
def held(pids: Iterable[int], share: float) -> Iterator[None]:
    """Each process runs for this share of every 20 ms and is stopped else, one at another moment than the other."""
    pids = list(pids)
    with ExitStack() as stack:
        for number, pid in enumerate(pids):
            ending = threading.Event()
            thread = threading.Thread(target=_hold, args=(pid, share, number / len(pids), ending))
            thread.start()
            stack.callback(thread.join)
            stack.callback(ending.set)
        yield


def _hold(pid: int, share: float, phase: float, ending: threading.Event) -> None:
    try:
        ending.wait(phase * PERIOD_SECONDS)
        while not ending.is_set():
            os.kill(pid, signal.SIGSTOP)
            ending.wait((1 - share) * PERIOD_SECONDS)
            os.kill(pid, signal.SIGCONT)
            ending.wait(share * PERIOD_SECONDS)
    finally:
        os.kill(pid, signal.SIGCONT)

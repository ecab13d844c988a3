"""The thread that renews leases: whatever fails in it, it goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import pytest
import structlog

from hubwire.deliver.lanes.leases import LeaseRenewer
from hubwire.errors import BackendUnavailable


@pytest.mark.parametrize("failure", [BackendUnavailable("away"), RuntimeError("a bug"), KeyError(7)])
def test_no_failure_ends_the_renewing(failure: Exception) -> None:
    lost, beats, renewals = threading.Event(), [failure], [failure]

    def beat() -> None:
        if beats:
            raise beats.pop()

    def renew() -> Iterable[int]:
        if renewals:
            raise renewals.pop()
        return [7]

    def call_soon(call: Callable[[], object]) -> None:
        call()

    renewer = LeaseRenewer(renew, beat, call_soon, lost.set, 0.001)
    with structlog.testing.capture_logs() as logs:
        renewer.start()
        assert lost.wait(10)
        renewer.stop()
    assert [line["event"] for line in logs if line["event"] != "lease.lost"] == [
        "lease.not-renewed" if isinstance(failure, BackendUnavailable) else "lease.failed"
    ] * 2

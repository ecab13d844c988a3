"""Three nodes that know each other, and journals on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.servers import NatsCluster, NatsServer

pytest.importorskip("nats", reason="nats-py is not installed: no test runs on JetStream")

from hubwire.backends.nats.client import NatsClient, NatsUrl
from hubwire.backends.nats.journal import NatsJournal

OpenJournal = Callable[[str], NatsJournal]


@pytest.fixture
def open_journal() -> Iterator[OpenJournal]:
    """Opens journals, which are closed afterwards."""
    opened: list[NatsJournal] = []

    def open_it(url: str) -> NatsJournal:
        opened.append(NatsJournal(NatsClient(NatsUrl.parse(url)), dedupe_hours=24))
        return opened[-1]

    yield open_it
    for journal in opened:
        journal.close()


@pytest.fixture
def cluster() -> Iterator[NatsCluster]:
    missing = NatsServer.why_not()
    if missing is not None:
        pytest.skip(missing)
    new_cluster = NatsCluster()
    try:
        new_cluster.start()
        yield new_cluster
    finally:
        new_cluster.remove()

"""One of three nodes dies: what was acknowledged stays, and appending and reading go on."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
from tests.figures import Record
from tests.integration.nats.conftest import OpenJournal
from tests.servers import NatsCluster, NatsServer
from tests.support.waiting import until

from hubwire.backends.nats.journal import NatsJournal
from hubwire.errors import BackendUnavailable
from hubwire.message import Entry

# nats-py leaves the socket of a try to reconnect that failed half way to the collector, which closes it.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <StreamWriter:ResourceWarning")

NOW = 1_790_000_000_000
GROUPS = 60
MAX_APPEND_SECONDS = 25.0
"""An upload waits 15 seconds for JetStream, and a little for its connection."""


def test_nothing_acknowledged_is_lost_when_a_node_dies(
    cluster: NatsCluster, open_journal: OpenJournal, figures: Record
) -> None:
    url = f"{cluster.url}?replicas=3"
    journal, reader = open_journal(url), open_journal(url)
    acknowledged: list[str] = []
    third, two_thirds = threading.Event(), threading.Event()

    def append() -> None:
        for number in range(GROUPS):
            names = [f"m{number}-{index}" for index in range(5)]
            group = [Entry(1, name, NOW, b"{}") for name in names]
            try:
                journal.append(group)
            except BackendUnavailable:
                journal.append(group)
            acknowledged.extend(names)
            if number == GROUPS // 3:
                third.set()
            if number == 2 * GROUPS // 3:
                two_thirds.set()

    appending = threading.Thread(target=append)
    appending.start()
    assert third.wait(60)
    cluster.nodes[0].stop(signal.SIGKILL)
    assert two_thirds.wait(60)
    cluster.nodes[0].start()
    appending.join(60)
    assert len(acknowledged) == 5 * GROUPS
    for each_journal in (reader, open_journal(url)):
        rows = each_journal.read(0, 10_000, is_backfill=False)
        assert [row.message_id for row in rows] == acknowledged
        assert each_journal.count_after(0)[0] == len(acknowledged)
    figures(nats_server=NatsServer.version(), acknowledged_messages=len(acknowledged), lost=0, doubled=0)


@pytest.mark.slow
def test_a_stream_keeps_its_name_whoever_leads_it(cluster: NatsCluster, open_journal: OpenJournal) -> None:
    url = f"{cluster.url}?replicas=3"
    names = {open_journal(url).name}
    for node in cluster.nodes:
        node.stop(signal.SIGKILL)
        names.add(open_journal(url).name)
        node.start()
    for node in cluster.nodes:
        node.stop()
    for node in cluster.nodes:
        node.start()
    names.add(open_journal(url).name)
    [name] = names
    assert name.startswith("stream hubwire of 20")


@pytest.mark.slow
def test_an_append_to_nodes_that_hang_ends_in_time_and_is_kept_once(
    cluster: NatsCluster, open_journal: OpenJournal
) -> None:
    journal = open_journal(f"{cluster.url}?replicas=3")
    group = [Entry(1, f"m{number}", NOW, b"{}") for number in range(5)]
    journal.append(group[:1])
    for node in cluster.nodes:
        os.kill(node.pid, signal.SIGSTOP)
    try:
        began_at = time.monotonic()
        with pytest.raises(BackendUnavailable):
            journal.append(group)
        assert time.monotonic() - began_at < MAX_APPEND_SECONDS
    finally:
        for node in cluster.nodes:
            os.kill(node.pid, signal.SIGCONT)
    until(lambda: _appended(journal, group), MAX_APPEND_SECONDS)
    rows = open_journal(f"{cluster.url}?replicas=3").read(0, 100, is_backfill=False)
    assert sorted(row.message_id for row in rows) == [entry.message_id for entry in group]


def _appended(journal: NatsJournal, group: list[Entry]) -> bool:
    try:
        journal.append(group)
    except BackendUnavailable:
        return False
    return True

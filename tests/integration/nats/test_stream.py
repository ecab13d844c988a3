"""The stream itself: one that an operator made must be safe, and a full one refuses instead of forgetting."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import nats
import pytest
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from tests.integration.nats.conftest import OpenJournal

from hubwire.backends.nats.client import PATIENCE_SECONDS, NatsUrl
from hubwire.errors import BackendUnavailable, SettingsError
from hubwire.message import Entry

NOW = 1_790_000_000_000
SAFE: dict[str, Any] = {"storage": StorageType.FILE, "discard": DiscardPolicy.NEW}


def make(url: str, **config: Any) -> None:
    """What an operator does before Hubwire comes."""
    parsed = NatsUrl.parse(url)
    name = parsed.stream

    async def run() -> None:
        connection = await nats.connect(list(parsed.servers))
        expected = {"subjects": [f"{name}.groups"], **SAFE, **config}
        await connection.jetstream().add_stream(StreamConfig(name=name, **expected))
        await connection.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"storage": StorageType.MEMORY}, "storage is memory, not file"),
        ({"retention": RetentionPolicy.WORK_QUEUE}, "retention is workqueue, not limits"),
        ({"discard": DiscardPolicy.OLD, "max_bytes": 1 << 20}, "discard is old, not new"),
        ({"max_age": 3600}, "max_age is 3600"),
        ({"max_msgs_per_subject": 5}, "max_msgs_per_subject is 5"),
        ({"subjects": ["orders.*"]}, r"subjects is \['orders.\*'\], not test"),
    ],
)
def test_a_stream_that_would_lose_messages_is_refused(
    open_journal: OpenJournal, nats_url: str, config: dict[str, Any], words: str
) -> None:
    make(nats_url, **config)
    with pytest.raises(SettingsError, match=words):
        open_journal(nats_url)


def test_a_stream_with_fewer_replicas_than_wanted_is_refused(open_journal: OpenJournal, nats_url: str) -> None:
    make(nats_url)
    with pytest.raises(SettingsError, match=r"replicas is 1, not 3"):
        open_journal(f"{nats_url}&replicas=3")
    open_journal(nats_url)


def test_a_full_stream_refuses_at_once_and_forgets_nothing(open_journal: OpenJournal, nats_url: str) -> None:
    make(nats_url, max_bytes=20_000)
    journal = open_journal(nats_url)
    kept = journal.append([Entry(1, "a", NOW, bytes(10_000))])
    begun_at = time.monotonic()
    with pytest.raises(BackendUnavailable, match="maximum bytes exceeded"):
        journal.append([Entry(1, "b", NOW, bytes(12_000))])
    assert time.monotonic() - begun_at < PATIENCE_SECONDS
    assert [row.position for row in journal.read(0, 9, is_backfill=False)] == kept
    assert journal.remove_through(kept[0] or 0, 10) == 1
    assert journal.append([Entry(1, "b", NOW, bytes(12_000))]) != [None]


def test_nodes_that_came_back_empty_are_explained(open_journal: OpenJournal, nats_url: str) -> None:
    journal = open_journal(nats_url)
    parsed = NatsUrl.parse(nats_url)

    async def lose_the_stream() -> None:
        connection = await nats.connect(list(parsed.servers))
        await connection.jetstream().delete_stream(parsed.stream)
        await connection.close()

    asyncio.run(lose_the_stream())
    with pytest.raises(BackendUnavailable, match=r"no node has stream .* with empty folders.*store_dir"):
        journal.extent()

"""Several appenders on one stream: of one message one copy counts, and every reader agrees which."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.integration.nats.conftest import OpenJournal
from tests.support.waiting import until

from hubwire.backends.nats.group import Head, place_of
from hubwire.backends.nats.journal import NatsJournal
from hubwire.backends.nats.tail import Tail
from hubwire.errors import BackendError
from hubwire.message import Entry

NOW = 1_790_000_000_000
APPENDERS = 3


def entries(*names: str, source_id: int = 1) -> list[Entry]:
    return [Entry(source_id, name, NOW, b'{"messageId":"%s"}' % name.encode()) for name in names]


def ids(journal: NatsJournal) -> list[str]:
    return [row.message_id for row in journal.read(0, 10_000, is_backfill=False)]


def test_of_the_same_messages_from_several_appenders_one_copy_counts(open_journal: OpenJournal, nats_url: str) -> None:
    journals = [open_journal(nats_url) for _ in range(APPENDERS)]
    names = [f"m{number}" for number in range(600)]
    together = threading.Barrier(APPENDERS)

    def append(journal: NatsJournal) -> list[int | None]:
        places: list[int | None] = []
        for start in range(0, len(names), 20):
            together.wait(20)
            places += journal.append(entries(*names[start : start + 20]))
        return places

    with ThreadPoolExecutor(APPENDERS) as threads:
        places = list(threads.map(append, journals))
    kept = [place for of_one in places for place in of_one if place is not None]
    assert len(kept) == len(set(kept)) == len(names)
    groups = {place_of(place)[0] for place in kept}
    assert open_journal(nats_url).extent().last >> 12 > len(groups), "no two appends met: the test shows nothing"
    for journal in [*journals, open_journal(nats_url)]:
        assert sorted(ids(journal)) == sorted(names)
        assert {row.position for row in journal.read(0, 10_000, is_backfill=False)} == set(kept)
        assert journal.count_after(0)[0] == len(names)


def test_an_appender_knows_what_another_one_appended(open_journal: OpenJournal, nats_url: str) -> None:
    first, second = open_journal(nats_url), open_journal(nats_url)
    second.append([])
    assert None not in first.append(entries("a", "b"))
    assert second.append(entries("b", "c"))[0] is None
    assert [row.message_id for row in first.read(0, 9, is_backfill=False)] == ["a", "b", "c"]


def test_an_append_goes_on_while_the_newest_group_is_not_shown(
    open_journal: OpenJournal, nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As a stream does that has lost its leader right after it acknowledged: the group comes with the next one.
    shown = Tail._insist

    async def held(tail: Tail, sequence: int, head: Head) -> None:
        while (await tail._client.state()).last_seq == 1:
            pass
        await shown(tail, sequence, head)

    monkeypatch.setattr(Tail, "_insist", held)
    journal = open_journal(nats_url)
    assert None not in journal.append(entries("a", "b"))
    first, second = journal.append(entries("b", "c"))
    assert (first, second is None) == (None, False)
    for each_journal in (journal, open_journal(nats_url)):
        assert ids(each_journal) == ["a", "b", "c"]


def test_a_large_append_is_cut_into_groups(open_journal: OpenJournal, nats_url: str) -> None:
    journal = open_journal(nats_url)
    large = [Entry(1, f"m{number}", NOW, bytes(30_000)) for number in range(100)]
    places = journal.append(large)
    assert len({place_of(place)[0] for place in places if place is not None}) > 1
    assert [row.position for row in journal.read(0, 1000, is_backfill=False)] == places


def test_a_message_that_the_server_does_not_take_is_refused_at_once(open_journal: OpenJournal, nats_url: str) -> None:
    journal = open_journal(nats_url)
    with pytest.raises(BackendError, match="larger than the NATS server accepts"):
        journal.append([Entry(1, "a", NOW, bytes(1 << 20))])
    assert journal.append(entries("b")) != [None]


def test_what_is_forgotten_is_hidden_from_every_process(open_journal: OpenJournal, nats_url: str) -> None:
    journal, other = open_journal(nats_url), open_journal(nats_url)
    [_, place, _] = journal.append(entries("a", "b", "c"))
    assert place is not None
    assert other.count_after(0)[0] == 3
    assert journal.redact([place]) == 1
    assert ids(open_journal(nats_url)) == ["a", "c"]
    assert open_journal(nats_url).count_after(0)[0] == 2
    assert b"messageId" not in open_journal(nats_url).find("b")[0].body


def test_a_process_hears_of_appends(open_journal: OpenJournal, nats_url: str) -> None:
    journal, other = open_journal(nats_url), open_journal(nats_url)
    heard = threading.Event()
    journal.count_after(0)
    listener = journal.listener(heard.set)
    listener.start()
    other.append(entries("a"))
    assert heard.wait(20)
    listener.stop()


def test_a_reader_that_could_not_follow_the_stream_leaves_no_follower(
    open_journal: OpenJournal, nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubwire.backends.nats.reading.LOAD_SECONDS", 0.05)
    journal = open_journal(nats_url)
    before = len(journal._client._tasks)
    for _ in range(3):
        with pytest.raises(BackendError):
            journal._reading.read(0, 10, None, False, must_see=99)
    journal.append(entries("a"))
    until(lambda: len(journal._client._tasks) <= before + 1, explain=lambda: journal._client._tasks)
    assert ids(journal) == ["a"]

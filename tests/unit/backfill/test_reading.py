"""History read from files: numbering, groups, tables of people, times of exports, bookmarks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.backfill.conftest import Read, Write, read_all

from hubwire.backfill import reading
from hubwire.backfill.bookmarks import Bookmarks
from hubwire.backfill.formats.compressed import Part
from hubwire.backfill.history import as_history
from hubwire.backfill.looking import look_at
from hubwire.backfill.records import ReadOptions
from hubwire.decoding import read_message
from hubwire.errors import SettingsError
from hubwire.message import JournalRow
from hubwire.times import iso_text


def page(number: int) -> bytes:
    return json.dumps({"type": "page", "userId": "u", "messageId": f"m{number}"}).encode()


def chunks(name: str, after: int = 0) -> list[reading.Chunk]:
    return list(reading.chunks(look_at([name], ReadOptions()).seen[0], after))


def numbers(name: str, after: int = 0) -> list[int]:
    return [line.number for chunk in chunks(name, after) for line in chunk.lines]


# -- files


@pytest.mark.parametrize("name", ["a.ndjson", "a.ndjson.gz", "a.json", "no-ending"])
def test_rows_have_the_numbers_of_their_lines(write: Write, name: str) -> None:
    write(name, page(1) + b"\r\n\n  " + page(3) + b"  \n" + page(4))
    assert numbers(name) == [1, 3, 4]
    assert numbers(name, after=2) == [3, 4]
    assert numbers(name, after=9) == []


def test_groups_tell_how_far_in_the_file_they_are(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LINES_PER_CHUNK", 2)
    body = b"\n".join(page(number) for number in range(3))
    found = chunks(write("a.ndjson", body))
    assert [(len(chunk.lines), chunk.rows, chunk.skipped) for chunk in found] == [(2, 2, 0), (1, 1, 0)]
    assert found[-1].bytes_done == len(body)
    assert [(chunk.rows, chunk.skipped) for chunk in chunks("a.ndjson", after=2)] == [(1, 2)]


def test_a_line_without_end_is_named_and_not_kept_in_memory(read: Read) -> None:
    table = read("a.ndjson", page(1) + b"\n" + b"x" * 2_000_000 + b"\n" + page(3))
    assert [message["messageId"] for message in table.messages] == ["m1", "m3"]
    assert table.faults == ["a.ndjson:2: a line of 2,000,000 bytes; a message has at most 1,048,576"]


def test_a_folder_stands_for_the_files_in_it_in_order(write: Write) -> None:
    for number, name in enumerate(("export/2/b.json.gz", "export/1/a.ndjson", "other.ndjson")):
        write(name, page(number))
    found = read_all("export", "other.ndjson")
    assert [seen.part.path for seen in found.history.seen] == [
        "export/1/a.ndjson",
        "export/2/b.json.gz",
        "other.ndjson",
    ]


@pytest.mark.parametrize("name", ["nowhere.ndjson", "empty"])
def test_a_name_that_stands_for_nothing_is_an_error(write: Write, name: str) -> None:
    write("empty/.hidden", b"x")
    with pytest.raises(SettingsError, match=name.partition(".")[0]):
        read_all(name)


# -- people


def test_a_csv_of_people_becomes_identifies(read: Read) -> None:
    table = read(
        "people.csv",
        "\ufeffUser ID;E-mail;email;First Name;address.city;traits.plan;Timestamp;\n"
        '1;;anna@example.com;"An;na";Köln;gold;2026-01-31T10:00:00Z;x\n'
        ";;ben@example.com; ;;;;\n"
        ";;;;;;;\n",
    )
    assert [without_id(message) for message in table.messages] == [
        {
            "type": "identify",
            "userId": "1",
            "timestamp": "2026-01-31T10:00:00.000Z",
            "traits": {
                "email": "anna@example.com",
                "First Name": "An;na",
                "address": {"city": "Köln"},
                "plan": "gold",
            },
        },
        {"type": "identify", "userId": "ben@example.com", "traits": {"email": "ben@example.com"}},
    ]
    assert table.uses[""] == "the column has no name"


def without_id(message: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name != "messageId"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_header_tells_the_delimiter(read: Read, delimiter: str) -> None:
    table = read("a.csv", delimiter.join(["user_id", "plan"]) + "\n" + delimiter.join(["1", "x"]))
    assert [without_id(message) for message in table.messages] == [
        {"type": "identify", "userId": "1", "traits": {"plan": "x"}}
    ]


def test_a_cell_may_hold_a_line_break(write: Write) -> None:
    name = write("a.csv.gz", b'email,note\nanna@example.com,"one\ntwo"\nben@example.com,x\n')
    assert [message["traits"]["note"] for message in read_all(name).messages] == ["one\ntwo", "x"]
    assert numbers(name) == [2, 4]
    assert numbers(name, after=2) == [4]


def test_a_trait_that_is_both_a_value_and_a_group_keeps_the_first(read: Read) -> None:
    table = read("a.csv", "userId,address,address.city\n1,Road 1,Turin\n")
    assert table.messages[0]["traits"] == {"address": "Road 1"}


# -- exports


def test_an_exported_message_loses_what_belonged_to_its_sending() -> None:
    message = {
        "type": "track",
        "messageId": "m",
        "timestamp": "2026-01-31T10:00:05.000Z",
        "originalTimestamp": "2026-01-31T09:00:00.000Z",
        "sentAt": "2026-01-31T09:00:01.000Z",
        "receivedAt": "2026-01-31T10:00:06.000Z",
        "projectId": "p",
        "writeKey": "k",
        "context": {},
    }
    as_history(message)
    assert message == {"type": "track", "messageId": "m", "timestamp": "2026-01-31T10:00:05.000Z", "context": {}}


@pytest.mark.parametrize(
    ("times", "moment"),
    [
        ({"originalTimestamp": "2026-01-31T09:00:00Z", "timestamp": ""}, "2026-01-31T09:00:00.000Z"),
        ({"sentAt": "2026-01-31T09:00:00Z"}, "2026-01-31T09:00:00.000Z"),
        ({"receivedAt": "2026-01-31T09:00:00Z"}, "2026-01-31T09:00:00.000Z"),
        (
            {
                "originalTimestamp": "2026-01-31T09:00:00Z",
                "sentAt": "2026-01-31T09:00:10Z",
                "receivedAt": "2026-01-31T10:00:10Z",
            },
            "2026-01-31T10:00:00.000Z",
        ),
    ],
)
def test_without_a_timestamp_the_archives_other_times_count(times: dict[str, str], moment: str) -> None:
    message: dict[str, Any] = dict(times)
    assert as_history(message) is None
    assert message == {"timestamp": moment}


def test_a_time_that_cannot_be_read_stays_to_be_reported_when_another_counts() -> None:
    message: dict[str, Any] = {"type": "track", "timestamp": "soon", "receivedAt": "2022-01-02T00:00:00Z"}
    assert as_history(message) is None
    assert message == {"type": "track", "timestamp": "2022-01-02T00:00:00.000Z", "originalTimestamp": "soon"}
    read = read_message(JournalRow(1, 1, "m", 1_796_000_000_000, json.dumps(message).encode(), None, True, None))
    assert iso_text(read.timestamp_ms) == "2022-01-02T00:00:00.000Z"
    assert [(note.field, note.detail) for note in read.notes] == [("originalTimestamp", "'soon' is no time")]


def test_a_time_after_the_arrival_is_not_true_and_never_becomes_the_present() -> None:
    wrong_clock = {"timestamp": "2036-11-30T07:00:00Z"}
    archived: dict[str, Any] = {**wrong_clock, "receivedAt": "2022-01-02T00:00:00Z"}
    assert as_history(archived) is None
    assert archived == {"timestamp": "2022-01-02T00:00:00.000Z"}
    problem = as_history(dict(wrong_clock), ReadOptions(now_ms=1_796_000_000_000))
    assert problem == "timestamp: 2036-11-30T07:00:00.000Z is in the future, after the message arrived"
    local = {"timestamp": "2026-11-30T22:00:00+00:00"}
    assert as_history(dict(local), ReadOptions(now_ms=1_796_000_000_000)) is None


def test_a_message_without_any_time_has_none() -> None:
    message = {"type": "track", "timestamp": None}
    assert as_history(message) is None
    assert message == {"type": "track"}


# -- bookmarks


def test_a_bookmark_is_for_one_source_and_one_state_of_the_file(write: Write, tmp_path: Path) -> None:
    name = Part(write("a.ndjson", b"{}\n" * 10))
    Bookmarks(tmp_path, "api").set(name, 7)
    assert Bookmarks(tmp_path, "api").line(name) == 7
    assert Bookmarks(tmp_path, "website").line(name) == 0
    write("a.ndjson", b"{}\n" * 11)
    assert Bookmarks(tmp_path, "api").line(name) == 0


def test_bookmarks_go_when_the_import_has_ended(write: Write, tmp_path: Path) -> None:
    part, two = Part(write("a.ndjson", b"{}")), Part(write("b.ndjson", b"{}"))
    marks = Bookmarks(tmp_path, "api")
    marks.set(part, 1)
    marks.set(two, 1)
    marks.set(Part("-"), 5)
    marks.clear([part, Part("-")])
    assert (Bookmarks(tmp_path, "api").line(part), Bookmarks(tmp_path, "api").line(two)) == (0, 1)
    marks.clear([two])
    assert not (tmp_path / "imports.json").exists()


def test_damaged_bookmarks_are_none(tmp_path: Path, write: Write) -> None:
    (tmp_path / "imports.json").write_text("{")
    assert Bookmarks(tmp_path, "api").line(Part(write("a.ndjson", b"{}"))) == 0

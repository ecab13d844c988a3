"""What is read from files of history: formats, numbering, people in CSV, exports, bookmarks."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hubwire.backfill import reading
from hubwire.backfill.bookmarks import Bookmarks
from hubwire.backfill.history import as_history
from hubwire.backfill.people import Columns, row_message
from hubwire.backfill.reading import Line, chunks, files_of
from hubwire.errors import SettingsError

Write = Callable[[str, bytes], str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.chdir(tmp_path)

    def made(name: str, body: bytes) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(body) if name.endswith(".gz") else body)
        return name

    return made


def lines(name: str, after: int = 0) -> list[Line]:
    return [line for chunk in chunks(name, after) for line in chunk.lines]


def rows(name: str) -> list[Any]:
    return [json.loads(line.text) for line in lines(name)]


# -- files


@pytest.mark.parametrize("name", ["a.ndjson", "a.ndjson.gz", "a.json", "no-ending"])
def test_lines_are_numbered_and_empty_ones_are_counted(write: Write, name: str) -> None:
    write(name, b'{"a":1}\r\n\n  {"a":3}  \n{"a":4}')
    assert lines(name) == [Line(1, b'{"a":1}'), Line(2, b""), Line(3, b'{"a":3}'), Line(4, b'{"a":4}')]
    assert lines(name, after=2) == [Line(3, b'{"a":3}'), Line(4, b'{"a":4}')]
    assert lines(name, after=9) == []


def test_chunks_tell_how_far_in_the_file_they_are(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LINES_PER_CHUNK", 2)
    name = write("a.ndjson", b"{}\n{}\n{}\n")
    found = list(chunks(name))
    assert [len(chunk.lines) for chunk in found] == [2, 1]
    assert found[-1].bytes_done == 9


def test_a_json_array_is_read_element_by_element(write: Write) -> None:
    name = write("a.json.gz", b' [{"a":1},\n {"a":2}]')
    assert rows(name) == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [("a.json", b"[{", "JSON array"), ("a.csv", b"plan,seats\nx,1\n", "no column"), ("b.csv", b"", "no column")],
)
def test_what_is_not_history_is_one_clear_error(write: Write, name: str, body: bytes, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        lines(write(name, body))


def test_damaged_gzip_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson.gz"
    path.write_bytes(gzip.compress(b"{}\n" * 1000)[:40])
    with pytest.raises(SettingsError, match="damaged gzip"):
        lines(str(path))


def test_a_line_without_end_is_cut_off(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LONGEST_LINE", 10)
    assert lines(write("a.ndjson", b"x" * 100)) == [Line(1, b"x" * 10)]


def test_a_folder_stands_for_the_history_in_it(write: Write) -> None:
    for name in ("export/2/b.json.gz", "export/1/a.ndjson", "export/people.CSV", "export/readme.txt", "other.csv"):
        write(name, b"{}\n")
    assert files_of(["export", "-", "other.csv"]) == [
        "export/1/a.ndjson",
        "export/2/b.json.gz",
        "export/people.CSV",
        "-",
        "other.csv",
    ]


@pytest.mark.parametrize("name", ["nowhere.ndjson", "empty"])
def test_a_name_that_stands_for_nothing_is_an_error(write: Write, name: str) -> None:
    write("empty/readme.txt", b"x")
    with pytest.raises(SettingsError, match=name.partition(".")[0]):
        files_of([name])


# -- people


def test_a_csv_of_people_becomes_identifies(write: Write) -> None:
    name = write(
        "people.csv",
        "\ufeffUser ID;E-mail;email;First Name;address.city;traits.plan;Timestamp;\n"
        '1;;anna@example.com;"An;na";Köln;gold;2026-01-31T10:00:00Z;x\n'
        ";;ben@example.com; ;;;;\n"
        ";;;;;;;\n".encode(),
    )
    assert [line.number for line in lines(name)] == [1, 2, 3]
    assert rows_without_empty(name) == [
        {
            "type": "identify",
            "userId": "1",
            "timestamp": "2026-01-31T10:00:00Z",
            "traits": {
                "email": "anna@example.com",
                "First Name": "An;na",
                "address": {"city": "Köln"},
                "plan": "gold",
            },
        },
        {"type": "identify", "userId": "ben@example.com", "traits": {"email": "ben@example.com"}},
    ]


def rows_without_empty(name: str) -> list[Any]:
    return [json.loads(line.text) for line in lines(name) if line.text]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_header_tells_the_delimiter(write: Write, delimiter: str) -> None:
    name = write("a.csv", delimiter.join(["user_id", "plan"]).encode() + b"\n" + delimiter.join(["1", "x"]).encode())
    assert rows(name) == [{"type": "identify", "userId": "1", "traits": {"plan": "x"}}]


def test_a_cell_may_hold_a_line_break(write: Write) -> None:
    name = write("a.csv.gz", b'email,note\nanna@example.com,"one\ntwo"\nben@example.com,x\n')
    assert [one["traits"]["note"] for one in rows(name)] == ["one\ntwo", "x"]
    assert [line.number for line in lines(name, after=1)] == [2]


def test_a_trait_that_is_both_a_value_and_a_group_keeps_the_first() -> None:
    columns = Columns.of(["userId", "address", "address.city"])
    assert columns is not None
    assert json.loads(row_message(columns, ["1", "Road 1", "Köln"]))["traits"] == {"address": "Road 1"}


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


def test_without_a_timestamp_the_original_one_stays() -> None:
    message = {"originalTimestamp": "2026-01-31T09:00:00.000Z", "timestamp": "soon"}
    as_history(message)
    assert message["originalTimestamp"] == "2026-01-31T09:00:00.000Z"


# -- bookmarks


def test_a_bookmark_is_for_one_source_and_one_state_of_the_file(write: Write, tmp_path: Path) -> None:
    name = write("a.ndjson", b"{}\n" * 10)
    Bookmarks(tmp_path, "api").set(name, 7)
    assert Bookmarks(tmp_path, "api").line(name) == 7
    assert Bookmarks(tmp_path, "website").line(name) == 0
    write("a.ndjson", b"{}\n" * 11)
    assert Bookmarks(tmp_path, "api").line(name) == 0


def test_bookmarks_go_when_the_import_has_ended(write: Write, tmp_path: Path) -> None:
    one, two = write("a.ndjson", b"{}"), write("b.ndjson", b"{}")
    marks = Bookmarks(tmp_path, "api")
    marks.set(one, 1)
    marks.set(two, 1)
    marks.set("-", 5)
    marks.clear([one, "-"])
    assert (Bookmarks(tmp_path, "api").line(one), Bookmarks(tmp_path, "api").line(two)) == (0, 1)
    marks.clear([two])
    assert not (tmp_path / "imports.json").exists()


def test_damaged_bookmarks_are_none(tmp_path: Path, write: Write) -> None:
    (tmp_path / "imports.json").write_text("{")
    assert Bookmarks(tmp_path, "api").line(write("a.ndjson", b"{}")) == 0

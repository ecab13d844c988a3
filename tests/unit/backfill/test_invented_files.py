"""Files that people bring and nobody planned for: read, or refused with a reason, never silently something else."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from tests.unit.backfill.conftest import Read, Write, read_all

from hubwire.backfill.formats.compressed import DamagedFile
from hubwire.backfill.looking import look_at
from hubwire.backfill.reading import chunks
from hubwire.backfill.records import Call, ReadOptions
from hubwire.errors import SettingsError

ADA = "ada@example.com"
PEOPLE = f"email,firstname\n{ADA},Ada\n"
CALL = {"type": "identify", "userId": "u1", "traits": {"email": ADA, "firstName": "Zoë"}}


def zipped(**files: str) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_", "."), content)
    return body.getvalue()


# -- names of columns


@pytest.mark.parametrize("column", ["Name", "Full Name", "full_name", "NAME"])
def test_a_column_for_the_name_becomes_the_name(read: Read, column: str) -> None:
    table = read("x.csv", f"email,{column}\n{ADA},Ada Byron\n")
    assert table.messages[0]["traits"] == {"email": ADA, "name": "Ada Byron"}


@pytest.mark.parametrize("column", ["Modified Time", "modified_on", "Last Modified At", "updated", "MODIFIED_TIME"])
def test_a_column_for_the_last_change_is_the_time(read: Read, column: str) -> None:
    assert read("x.csv", f"email,{column}\n{ADA},2024-03-05\n").messages[0]["timestamp"] == "2024-03-05T00:00:00.000Z"


def test_zohos_record_id_is_not_hubspots(read: Read) -> None:
    table = read("x.csv", f"Record Id,First Name,Email,Modified Time\nzcrm_1,Ada,{ADA},2024-03-05 10:00:00\n")
    assert (table.title, table.messages[0]["timestamp"]) == ("a table of people", "2024-03-05T10:00:00.000Z")


def test_names_in_capitals_of_a_warehouse_are_the_names_that_were_sent(read: Read) -> None:
    table = read(
        "x.csv", f"ID,RECEIVED_AT,USER_ID,EMAIL,NAME,ADDRESS_CITY\ni1,2024-03-05,u1,{ADA},Ada,Turin\n", call=None
    )
    assert table.messages[0]["traits"] == {"email": ADA, "name": "Ada", "address_city": "Turin"}


def test_two_columns_for_one_field_are_told(read: Read) -> None:
    table = read("x.csv", f"email,Email Address\n{ADA},bob@example.com\n")
    assert table.messages[0]["traits"] == {"email": ADA}
    [note] = table.history.seen[0].notes
    assert note.startswith("The columns 'email', 'Email Address' become traits.email")


@pytest.mark.parametrize(
    ("body", "remedy"),
    [
        (f"E-Mail-Adresse,Ort\n{ADA},Turin\n", '--map "E-Mail-Adresse=email"'),
        (f"{ADA},Ada\nbob@example.com,Bob\n", "The first line looks like a row"),
        (f"email:city\n{ADA}:Turin\n", "separated by comma, semicolon, tab or |"),
    ],
)
def test_the_refusal_of_a_table_says_what_helps(write: Write, body: str, remedy: str) -> None:
    name = write("x.csv", body)
    with pytest.raises(SettingsError) as refusal:
        read_all(name)
    assert remedy in refusal.value.hint


# -- encodings


@pytest.mark.parametrize("encoding", ["utf-32", "utf-16", "utf-8-sig"])
def test_a_mark_tells_the_encoding_of_tables_and_documents(read: Read, encoding: str) -> None:
    table = read("x.csv", f"email,firstname\n{ADA},Zoë\n".encode(encoding))
    assert table.messages[0]["traits"] == {"email": ADA, "firstname": "Zoë"}
    assert read("x.json", json.dumps(CALL, ensure_ascii=False).encode(encoding)).messages[0]["traits"] == CALL["traits"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "latin-1", "utf-8"])
def test_a_given_encoding_counts_for_tables_and_documents(read: Read, encoding: str) -> None:
    table = read("x.csv", f"email,firstname\n{ADA},Zoë\n".encode(encoding), encoding=encoding)
    assert table.messages[0]["traits"]["firstname"] == "Zoë"
    lines = f"{json.dumps(CALL, ensure_ascii=False)}\n" * 3
    assert read("x.json", lines.encode(encoding), encoding=encoding).messages[2]["traits"]["firstName"] == "Zoë"


def test_documents_that_are_not_utf_8_name_the_option(write: Write) -> None:
    name = write("x.json", json.dumps(CALL, ensure_ascii=False).encode("latin-1"))
    with pytest.raises(SettingsError, match=r"x\.json:1: not UTF-8; set the encoding"):
        read_all(name)


def test_utf_8_with_one_damaged_byte_is_not_taken_for_windows_1252(write: Write) -> None:
    body = "email,firstname\nzoe@example.com,Zoë\n".encode() + b"bob@example.com,B\xffb\n"
    with pytest.raises(SettingsError, match=r"x.csv: UTF-8 with damage at byte 54"):
        read_all(write("x.csv", body))


def test_standard_input_in_windows_1252_keeps_its_accents(monkeypatch: pytest.MonkeyPatch) -> None:
    body = f"email,firstname\n{ADA},Zoë\n".encode("cp1252")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(body)))
    history = look_at(["-"], ReadOptions())
    [chunk] = chunks(history.seen[0])
    assert json.loads(chunk.lines[0].text)["traits"]["firstname"] == "Zoë"


# -- cells


@pytest.mark.parametrize("marker", ["None", "undefined", "[null]", "[NULL]"])
def test_null_markers_of_languages_and_clients_are_empty(read: Read, marker: str) -> None:
    assert read("x.csv", f"email,firstname\n{ADA},{marker}\n").messages[0]["traits"] == {"email": ADA}


def test_a_formula_that_keeps_the_zeros_of_an_id_is_the_id(read: Read) -> None:
    assert read("x.csv", f'user_id,email\n="0042",{ADA}\n').messages[0]["userId"] == "0042"


def test_blanks_before_quotes_do_not_break_a_row(read: Read) -> None:
    table = read("x.csv", f'"email", "firstname"\n"{ADA}", "Ada, B"\n')
    assert table.messages[0]["traits"] == {"email": ADA, "firstname": "Ada, B"}


def test_an_id_beyond_the_digits_of_a_float_is_a_fault(write: Write) -> None:
    book = Workbook()
    book.active.append(["user_id", "email"])
    book.active.append([12345.0, ADA])
    book.active.append([1234567890123456789.0, "bob@example.com"])
    book.save("x.xlsx")
    table = read_all("x.xlsx")
    assert [message["userId"] for message in table.messages] == ["12345"]
    assert "x.xlsx:Sheet:3: user_id: 1234567890123457024 is a number that has lost digits" in table.faults[0]


def test_a_column_of_traits_or_properties_is_json(read: Read) -> None:
    people = read("x.csv", f'user_id,traits,city\nu1,"{{""email"":""{ADA}"",""city"":""Rome""}}",Turin\nu2,x,\n')
    assert people.messages[0]["traits"] == {"email": ADA, "city": "Turin"}
    assert people.faults == ["x.csv:3: traits: not a JSON object"]
    body = 'who,at,data\nu1,2024-03-05,"{""sku"":""A""}"\n'
    columns = {"who": "userId", "at": "timestamp", "data": "properties"}
    [fault] = read("y.csv", body, call=Call.TRACKS, columns=columns).faults
    assert "no-event" in fault
    body = 'user_id,timestamp,event,properties\nu1,2024-03-05,Bought,"{""sku"":""A""}"\n'
    assert read("z.csv", body, call=Call.TRACKS).messages[0]["properties"] == {"sku": "A"}


AMPLITUDE = "user_id,event_type,event_time,event_properties,user_properties\n"


@pytest.mark.parametrize("header", [AMPLITUDE, AMPLITUDE.upper()])
def test_json_in_the_cells_of_a_systems_table_is_read(read: Read, header: str) -> None:
    row = f'u1,Played,2024-03-05 10:00:02,"{{""song"":""A""}}","{{""email"":""{ADA}""}}"\n'
    table = read("x.csv", header + row + 'u2,Played,2024-03-05 10:00:02,"{""song"":",\n')
    assert table.title == "Amplitude's events"
    [message] = table.messages
    assert (message["properties"], message["context"]) == ({"song": "A"}, {"traits": {"email": ADA}})
    assert table.faults == ["x.csv:3: event_properties: not a JSON object"]


def test_the_first_of_several_values_of_a_google_contact_counts(read: Read) -> None:
    table = read("x.csv", f"First Name,E-mail 1 - Value,Phone 1 - Value\nAda,{ADA} ::: b@example.com,+39 1 ::: +39 2\n")
    assert table.messages[0]["userId"] == ADA
    assert table.messages[0]["traits"] == {"firstName": "Ada", "email": ADA, "phone": "+39 1"}


def test_people_of_mixpanel_take_a_map(read: Read) -> None:
    table = read("x.csv", f"$distinct_id,$email,Shoe\nu1,{ADA},38\n", columns={"shoe": "shoe_size"})
    assert table.messages[0]["traits"] == {"email": ADA, "shoe_size": "38"}


def test_text_below_a_report_is_skipped(read: Read) -> None:
    table = read("x.csv", f'email,firstname\n{ADA},Ada\n\n"Contacts report"\n"Copyright (c) 2024"\n')
    assert len(table.messages) == 1
    assert table.passed_over == ["x.csv:4: text below the table", "x.csv:5: text below the table"]
    assert read("y.csv", f"email,firstname\n{ADA}\nb@example.com,B\n").faults == [
        "y.csv:2: 1 cells, but the header has 2"
    ]


# -- kinds of files


def test_a_sheet_with_one_column_is_a_table(write: Write) -> None:
    book = Workbook()
    for cell in (None, "Email", ADA, "bob@example.com"):
        book.active.append([cell])
    book.save("x.xlsx")
    assert [message["userId"] for message in read_all("x.xlsx").messages] == [ADA, "bob@example.com"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (zipped(), "nothing is in it"),
        (zipped(mimetype="application/vnd.oasis.opendocument.spreadsheet", content_xml="<x/>"), "OpenDocument"),
        (b"<html><table><tr><td>email</td></tr></table>", "HTML or XML"),
        (b'\x04"M\x18abcdefgh', "a binary file"),
        (b"email,firstname\n", "empty: the columns email, firstname, and no row"),
    ],
)
def test_what_cannot_be_read_is_named_for_what_it_is(write: Write, body: bytes, words: str) -> None:
    name = write("x.dat", body)
    with pytest.raises(SettingsError, match=words):
        read_all(name)


def test_a_zip_of_an_unknown_version_is_refused(write: Write) -> None:
    body = bytearray(zipped(a_csv=PEOPLE))
    body[body.index(b"PK\x01\x02") + 6] = 200
    with pytest.raises(SettingsError, match="damaged zip: zip file version"):
        read_all(write("x.zip", bytes(body)))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (zipped(a_csv=PEOPLE), "zip or .xlsx cannot be read from a pipe"),
        (b"SQLite format 3\x00" + b"\x00" * 100, "SQLite cannot be read from a pipe"),
    ],
)
def test_what_a_pipe_cannot_give_is_refused(monkeypatch: pytest.MonkeyPatch, body: bytes, words: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(body)))
    with pytest.raises(SettingsError, match=words):
        look_at(["-"], ReadOptions())


def test_a_small_file_that_was_cut_off_gives_all_that_came_before(write: Write) -> None:
    rows = "".join(f"p{number}@example.com,P{number * 7919 % 9973}\n" for number in range(3000))
    whole = gzip.compress(f"email,firstname\n{rows}".encode())
    Path("x.csv.gz").write_bytes(whole[: len(whole) * 2 // 3])
    [seen] = look_at(["x.csv.gz"], ReadOptions()).seen
    counts: list[int] = []
    with pytest.raises(DamagedFile, match="damaged or cut off"):
        counts.extend(len(chunk.lines) for chunk in chunks(seen))
    assert 1_500 < sum(counts) < 2_500


def test_a_table_in_a_zip_that_is_not_recognised_is_a_fault(write: Write) -> None:
    name = write(
        "x.zip", zipped(people_csv=PEOPLE, weather_csv="station,degrees\nOslo,-3\n", readme_txt="hello\nyou\n")
    )
    passed_over = look_at([name], ReadOptions()).passed_over
    assert [(file.label, file.is_fault) for file in passed_over] == [
        ("x.zip:readme.txt", False),
        ("x.zip:weather.csv", True),
    ]


# -- options


@pytest.mark.parametrize("options", [{"call": Call.GROUPS}, {"columns": {"song": "email"}}])
def test_options_that_a_file_cannot_follow_are_refused(write: Write, options: dict[str, Any]) -> None:
    name = write("x.ndjson", f"{json.dumps(CALL)}\n")
    with pytest.raises(SettingsError, match=r"messages in Segment's format: --(as|map) cannot change"):
        read_all(name, **options)


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("groupId", "only rows of type groups"),
        ("properties.x", "have no properties"),
        (".", "name is empty"),
        ("context", "name a field of the context"),
    ],
)
def test_a_field_that_the_rows_do_not_have_is_refused(write: Write, field: str, words: str) -> None:
    with pytest.raises(SettingsError, match=f"--map: firstname=.*{words}"):
        read_all(write("x.csv", PEOPLE), columns={"firstname": field})


# -- folders


def test_folders_that_are_not_read_are_named(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("d/a.csv", PEOPLE)
    write("other/b.csv", PEOPLE)
    write("d/closed/c.csv", PEOPLE)
    Path("d/link").symlink_to("../other")
    scandir = os.scandir

    def refusing(path: Any) -> Any:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    history = look_at(["d"], ReadOptions())
    assert [seen.part.label for seen in history.seen] == ["d/a.csv"]
    assert [(file.label, file.why.partition(":")[0], file.is_fault) for file in history.passed_over] == [
        ("d/link", "a link to another folder", True),
        ("d/closed", "the folder cannot be read", True),
    ]

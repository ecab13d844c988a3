"""Files that once wrote wrong data without a word: each is read right, or refused with the reason."""

from __future__ import annotations

import json

import pytest
from tests.unit.backfill.conftest import Read, Write, read_all

from hubwire.errors import SettingsError
from hubwire.times import DateOrder

T_2024 = "2024-03-05T10:00:02.500Z"


@pytest.mark.parametrize("time", ["2024-03-02 11:00:01.5 UTC", "2026-08-02 11:00:01.5+00", "2024-03-02 11:00:01.5+00"])
def test_a_groups_table_is_companies_and_never_people(read: Read, time: str) -> None:
    table = read(
        "groups.csv",
        "user_id,group_id,timestamp,name,website,industry,phone,city\n"
        f"u1,g1,{time},Acme,https://acme.example,SOFTWARE,+39 011 555,Milan\n",
    )
    [message] = table.messages
    assert (message["type"], message["userId"], message["groupId"]) == ("group", "u1", "g1")
    assert message["timestamp"].endswith("-02T11:00:01.500Z")
    assert message["traits"] == {
        "name": "Acme",
        "website": "https://acme.example",
        "industry": "SOFTWARE",
        "phone": "+39 011 555",
        "city": "Milan",
    }


def test_a_pages_table_is_pages(read: Read) -> None:
    table = read(
        "pages.csv",
        "id,anonymous_id,user_id,received_at,sent_at,timestamp,url,path,title,search,referrer\n"
        "p1,a1,u1,2015-02-23 22:28:56,2015-02-23 22:28:55,2015-02-23 22:28:55,"
        "https://shop.example/a,/a,Product A,,\n",
    )
    assert table.messages == [
        {
            "type": "page",
            "messageId": "p1",
            "userId": "u1",
            "anonymousId": "a1",
            "timestamp": "2015-02-23T22:28:55.000Z",
            "properties": {"url": "https://shop.example/a", "path": "/a", "title": "Product A"},
        }
    ]
    assert "pages_as_events" in table.history.seen[0].notes[0]


@pytest.mark.parametrize(
    ("time", "moment"),
    [
        ("2024-03-05 10:00:02.5 UTC", T_2024),
        ("2024-03-05 10:00:02.500 +0000", T_2024),
        ("2024-03-05 10:00:02.500 Z", T_2024),
        ("1709632802", "2024-03-05T10:00:02.000Z"),
    ],
)
def test_times_of_warehouses_are_understood(read: Read, time: str, moment: str) -> None:
    table = read("people.csv", f"user_id,timestamp,email,firstname,city\nu1,{time},ada@example.com,Adele,Oldtown\n")
    assert [message["timestamp"] for message in table.messages] == [moment]


def test_a_time_that_is_not_understood_leaves_the_row_out(read: Read) -> None:
    table = read("people.csv", "user_id,timestamp,email\nu1,3/5/2024 10:00,ada@example.com\nu2,,b@example.com\n")
    assert table.faults == ["people.csv:2: timestamp: '3/5/2024 10:00' can be 3 May or 5 March; --dates says which"]
    assert [message["userId"] for message in table.messages] == ["u2"]


def test_the_order_of_a_date_can_be_said(read: Read) -> None:
    table = read("people.csv", "user_id,timestamp\nu1,3/5/2024 10:00\n", order=DateOrder.DAY_FIRST)
    assert table.messages[0]["timestamp"] == "2024-05-03T10:00:00.000Z"


def test_tracks_keep_their_own_times_or_are_left_out(read: Read) -> None:
    track = {"type": "track", "userId": "u1", "event": "Old"}
    table = read(
        "old.ndjson",
        "\n".join(
            json.dumps({**track, "timestamp": time})
            for time in ("2023-01-05 10:00:02.500 UTC", 1641038400, 1641038400000, "soon", "0001-01-01T00:00:00Z")
        ),
    )
    assert [message["timestamp"] for message in table.messages] == [
        "2023-01-05T10:00:02.500Z",
        "2022-01-01T12:00:00.000Z",
        "2022-01-01T12:00:00.000Z",
    ]
    assert [fault.partition(" ")[0] for fault in table.faults] == ["old.ndjson:4:", "old.ndjson:5:"]
    assert "'soon' is no time" in table.faults[0]
    assert "zero value" in table.faults[1]


def test_null_markers_are_empty_cells(read: Read) -> None:
    table = read("p.csv", "email,user_id,firstname,city,phone\nada@example.com,u1,\\N,NULL,nan\n")
    assert table.messages[0]["traits"] == {"email": "ada@example.com"}


def test_a_quote_that_does_not_close_refuses_the_file_with_its_row(write: Write) -> None:
    name = write("p.csv", 'email,firstname\nada@example.com,"Ada\nbob@example.com,Bob\neve@example.com,Eve\n')
    with pytest.raises(SettingsError, match=r"p\.csv:2: a quote that opens in this row does not close"):
        read_all(name)


def test_a_users_table_has_the_user_id_in_id_and_its_time_in_received_at(read: Read) -> None:
    table = read(
        "users.csv",
        "id,received_at,uuid_ts,email,first_name,city\n"
        "u77,2024-03-05 10:00:02.5+00,2024-03-05 10:05:00,ada@example.com,Adele,Oldtown\n",
    )
    [message] = table.messages
    assert (message["userId"], message["timestamp"]) == ("u77", T_2024)
    assert message["traits"] == {"email": "ada@example.com", "first_name": "Adele", "city": "Oldtown"}
    assert table.uses["uuid_ts"] == "bookkeeping of the export"

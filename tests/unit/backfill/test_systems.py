"""The formats that are taken: for each a small file in its shape, and the messages that come of it.

Values are invented; docs/how-to/import-formats.md names the source of each shape.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest
from tests.unit.backfill.conftest import Read

from hubwire.backfill.records import Call
from hubwire.errors import SettingsError

MOMENT = "2024-03-05T10:00:02.500Z"
ADA = "ada@example.com"


class Format(NamedTuple):
    """A file, the title that it is recognised by, and its messages as `expected` sums them up."""

    title: str
    body: str
    messages: list[str]
    name: str = "x.csv"


def lines(*documents: dict[str, Any]) -> str:
    return "".join(json.dumps(document) + "\n" for document in documents)


def csv(header: str, *rows: str) -> str:
    return "\n".join([header, *rows]) + "\n"


def summed(message: dict[str, Any]) -> str:
    """A message in one line: type, who, what, when, and the e-mail."""
    who = message.get("userId") or f"anonymous {message.get('anonymousId')}"
    what = message.get("event") or message.get("groupId") or message.get("previousId") or message.get("name") or ""
    traits = message.get("traits") or message.get("context", {}).get("traits") or {}
    email = next((value for name, value in traits.items() if name.lower() == "email"), "")
    return " ".join(f"{message['type']} {who} {what} {message.get('timestamp', 'now')} {email}".split())


SEGMENT = {"messageId": "m1", "userId": "u1", "timestamp": MOMENT, "receivedAt": MOMENT, "projectId": "p"}
RUDDER = {"messageId": "m1", "userId": "u1", "originalTimestamp": MOMENT, "rudderId": "r", "channel": "web"}
SNOWPLOW = [""] * 131
for place, value in {3: "2024-03-05 10:00:02.500", 5: "struct", 6: "e1", 12: "u1", 15: "d1", 54: "Play"}.items():
    SNOWPLOW[place] = value

FORMATS: dict[str, Format] = {
    "Segment, S3": Format(
        "messages in Segment's format",
        lines(
            {"type": "identify", **SEGMENT, "traits": {"email": ADA}},
            {"type": "track", **SEGMENT, "messageId": "m2", "event": "Played"},
        ),
        [f"identify u1 {MOMENT} {ADA}", f"track u1 Played {MOMENT}"],
        "1709287202500.aa.gz",
    ),
    "Segment, without timestamp": Format(
        "messages in Segment's format",
        lines(
            {"type": "track", "userId": "u1", "event": "Old", "originalTimestamp": MOMENT},
            {"type": "track", "userId": "u1", "event": "Older", "receivedAt": MOMENT},
        ),
        [f"track u1 Old {MOMENT}", f"track u1 Older {MOMENT}"],
        "x.ndjson",
    ),
    "Segment, identifies": Format(
        "Segment's or RudderStack's warehouse, table identifies",
        csv(
            "id,received_at,user_id,anonymous_id,timestamp,email,address_city,context_ip,uuid_ts",
            f"i1,2024-03-05 10:00:05+00,u1,a1,2024-03-05 10:00:02.5+00,{ADA},Turin,::1,2024-03-05 10:01:00+00",
        ),
        [f"identify u1 {MOMENT} {ADA}"],
    ),
    "Segment, users": Format(
        "Segment's or RudderStack's warehouse, table users",
        csv("ID,RECEIVED_AT,EMAIL,CITY", f"u1,2024-03-05 10:00:02.500 Z,{ADA},Turin"),
        [f"identify u1 {MOMENT} {ADA}"],
    ),
    "Segment, tracks": Format(
        "Segment's or RudderStack's warehouse, table tracks",
        csv(
            "id,received_at,user_id,event,event_text,timestamp,context_library_name",
            "t1,2024-03-05 10:00:05 UTC,u1,trip_planned,Trip Planned,2024-03-05 10:00:02.5 UTC,analytics.js",
        ),
        [f"track u1 Trip Planned {MOMENT}"],
    ),
    "Segment, an event's table": Format(
        "Segment's or RudderStack's warehouse, table of an event",
        csv(
            "id,received_at,user_id,event,event_text,timestamp,destination,context_traits_email",
            f"t1,2024-03-05 10:00:05 UTC,u1,trip_planned,Trip Planned,2024-03-05 10:00:02.5 UTC,Rome,{ADA}",
        ),
        [f"track u1 Trip Planned {MOMENT} {ADA}"],
    ),
    "Segment, groups": Format(
        "Segment's or RudderStack's warehouse, table groups",
        csv("id,received_at,user_id,group_id,timestamp,name,website", f"g1,{MOMENT},u1,c1,{MOMENT},Acme,acme.example"),
        [f"group u1 c1 {MOMENT}"],
    ),
    "Segment, accounts": Format(
        "Segment's or RudderStack's warehouse, table accounts",
        csv("id,received_at,name,website,industry", f"c1,{MOMENT},Acme,acme.example,SOFTWARE"),
        [f"group anonymous company:c1 c1 {MOMENT}"],
        "accounts.csv",
    ),
    "Segment, pages": Format(
        "Segment's or RudderStack's warehouse, table pages",
        csv("id,received_at,user_id,timestamp,name,url,path", f"p1,{MOMENT},u1,{MOMENT},Home,https://a.example/,/"),
        [f"page u1 Home {MOMENT}"],
    ),
    "Segment, screens": Format(
        "Segment's or RudderStack's warehouse, table screens",
        csv("id,received_at,user_id,timestamp,name", f"s1,{MOMENT},u1,{MOMENT},Home"),
        [f"screen u1 Home {MOMENT}"],
        "screens.csv",
    ),
    "Segment, aliases": Format(
        "Segment's or RudderStack's warehouse, table aliases",
        csv("id,received_at,user_id,previous_id,timestamp", f"s1,{MOMENT},u1,old,{MOMENT}"),
        [f"alias u1 old {MOMENT}"],
    ),
    "warehouse rows as JSON lines": Format(
        "Segment's or RudderStack's warehouse, table of an event",
        lines(
            {"id": "t1", "received_at": MOMENT, "user_id": "u1", "event": "a", "event_text": "A", "timestamp": MOMENT},
            {
                "id": "t2",
                "received_at": MOMENT,
                "user_id": "u1",
                "event": "a",
                "event_text": "A",
                "timestamp": MOMENT,
                "plan": "gold",
            },
        ),
        [f"track u1 A {MOMENT}", f"track u1 A {MOMENT}"],
        "x.ndjson",
    ),
    "RudderStack, archive": Format(
        "RudderStack's archive",
        lines(
            {"type": "identify", **RUDDER, "context": {"traits": {"email": ADA}}},
            {"type": "track", **RUDDER, "messageId": "m2", "event": "Played", "request_ip": "::1"},
        ),
        [f"identify u1 {MOMENT} {ADA}", f"track u1 Played {MOMENT}"],
        "2024-03-05/10.json.gz",
    ),
    "RudderStack, staging files": Format(
        "RudderStack's staging files",
        lines(
            {
                "metadata": {"table": "identifies", "columns": {"user_id": "string"}},
                "data": {"id": "m1", "user_id": "u1", "email": ADA, "timestamp": MOMENT, "received_at": MOMENT},
            },
            {"metadata": {"table": "users"}, "data": {"id": "u1", "email": ADA, "received_at": MOMENT}},
            {"metadata": {"table": "tracks"}, "data": {"id": "m2", "event": "p", "event_text": "P", "user_id": "u1"}},
            {
                "metadata": {"table": "p"},
                "data": {"id": "m2", "event": "p", "event_text": "P", "user_id": "u1", "timestamp": MOMENT, "x": 1},
            },
        ),
        [f"identify u1 {MOMENT} {ADA}", f"track u1 P {MOMENT}"],
        "x.json.gz",
    ),
    "PostHog, events": Format(
        "PostHog's events",
        lines(
            {
                "uuid": "e1",
                "event": "$identify",
                "distinct_id": "u1",
                "timestamp": "2024-03-05 10:00:02.500000+00:00",
                "properties": {"$anon_distinct_id": "a1", "$set": {"email": ADA}},
            },
            {
                "uuid": "e2",
                "event": "Played",
                "distinct_id": "u1",
                "timestamp": MOMENT,
                "properties": {"$lib": "web", "song": "A"},
                "person_properties": {"email": ADA},
            },
            {"uuid": "e3", "event": "$autocapture", "distinct_id": "u1", "timestamp": MOMENT, "properties": {}},
            {
                "uuid": "e4",
                "event": "$pageview",
                "distinct_id": "a1",
                "timestamp": MOMENT,
                "properties": {"$device_id": "a1", "$current_url": "https://a.example/"},
            },
        ),
        [f"identify u1 {MOMENT} {ADA}", f"track u1 Played {MOMENT} {ADA}", f"page anonymous a1 {MOMENT}"],
        "x.jsonl",
    ),
    "PostHog, persons": Format(
        "PostHog's persons",
        lines(
            {
                "team_id": 1,
                "distinct_id": "u1",
                "person_id": "p1",
                "person_version": 2,
                "created_at": MOMENT,
                "properties": json.dumps({"email": ADA, "$os": "Linux"}),
                "is_deleted": False,
            }
        ),
        [f"identify u1 {MOMENT} {ADA}"],
        "x.jsonl",
    ),
    "Amplitude, events": Format(
        "Amplitude's events",
        lines(
            {
                "event_type": "Played",
                "user_id": "u1",
                "device_id": "d1",
                "event_time": "2024-03-05 10:00:02.500000",
                "uuid": "e1",
                "event_properties": {"song": "A"},
                "user_properties": {"email": ADA},
            },
            {"event_type": "session_start", "user_id": "u1", "device_id": "d1", "event_time": "2024-03-05 10:00:02"},
        ),
        [f"track u1 Played {MOMENT} {ADA}"],
        "1_2024-03-05_10#0.json.gz",
    ),
    "Mixpanel, events": Format(
        "Mixpanel's events",
        lines(
            {
                "event": "Played",
                "properties": {"time": 1709632802, "distinct_id": "u1", "$insert_id": "i", "song": "A"},
            },
            {
                "event": "$identify",
                "properties": {
                    "time": 1709632802,
                    "$identified_id": "u1",
                    "$anon_id": "$device:a1",
                    "distinct_id": "u1",
                },
            },
            {"event": "Seen", "properties": {"time": 1709632802, "distinct_id": "$device:a1"}},
        ),
        [
            "track u1 Played 2024-03-05T10:00:02.000Z",
            "identify u1 2024-03-05T10:00:02.000Z",
            "track anonymous a1 Seen 2024-03-05T10:00:02.000Z",
        ],
        "x.json",
    ),
    "Mixpanel, people": Format(
        "Mixpanel's people",
        lines({"$distinct_id": "u1", "$properties": {"$email": ADA, "$last_seen": "2024-03-05T10:00:02", "plan": "x"}}),
        [f"identify u1 2024-03-05T10:00:02.000Z {ADA}"],
        "x.json",
    ),
    "Mixpanel, people as CSV": Format(
        "Mixpanel's people",
        csv("$distinct_id,$email,$last_seen,plan", f"u1,{ADA},2024-03-05T10:00:02,gold"),
        [f"identify u1 2024-03-05T10:00:02.000Z {ADA}"],
    ),
    "Jitsu, backup": Format(
        "Jitsu's backup",
        lines({"httpPayload": {"type": "identify", **SEGMENT, "traits": {"email": ADA}}, "messageCreated": MOMENT}),
        [f"identify u1 {MOMENT} {ADA}"],
        "x.ndjson",
    ),
    "Jitsu, rows of its tables": Format(
        "rows of Jitsu's tables",
        lines(
            {"type": "identify", "message_id": "m1", "user_id": "u1", "timestamp": MOMENT, "context_traits_email": ADA},
            {
                "type": "track",
                "message_id": "m2",
                "user_id": "u1",
                "event": "Played",
                "timestamp": MOMENT,
                "properties_song": "A",
                "context_traits_email": ADA,
                "context_ip": "::1",
            },
        ),
        [f"identify u1 {MOMENT} {ADA}", f"track u1 Played {MOMENT} {ADA}"],
        "x.ndjson",
    ),
    "Snowplow, TSV": Format(
        "Snowplow's enriched events (TSV)", "\t".join(SNOWPLOW) + "\n", [f"track u1 Play {MOMENT}"], "part-1.gz"
    ),
    "Snowplow, JSON": Format(
        "Snowplow's enriched events",
        lines(
            {
                "app_id": "a",
                "event_id": "e1",
                "event": "unstruct",
                "event_name": "played",
                "user_id": "u1",
                "collector_tstamp": "2024-03-05T10:00:02.500Z",
                "unstruct_event_com_acme_played_1": {"song": "A"},
            },
            {"app_id": "a", "event_id": "e2", "event": "page_ping", "collector_tstamp": MOMENT, "user_id": "u1"},
        ),
        [f"track u1 played {MOMENT}"],
        "x.ndjson",
    ),
    "Customer.io, people": Format(
        "Customer.io's people",
        csv("id,cio_id,email,created_at,plan", f"u1,c1,{ADA},1709632802,gold"),
        [f"identify u1 2024-03-05T10:00:02.000Z {ADA}"],
    ),
    "Customer.io, reporting": Format(
        "Customer.io's reporting lines",
        lines(
            {
                "event_id": "e1",
                "object_type": "email",
                "metric": "clicked",
                "timestamp": 1709632802,
                "data": {"customer_id": "u1", "identifiers": {"id": "u1", "email": ADA}, "href": "https://a.example"},
            }
        ),
        [f"track u1 Email Link Clicked 2024-03-05T10:00:02.000Z {ADA}"],
        "x.ndjson",
    ),
    "HubSpot, contacts": Format(
        "HubSpot's export of contacts",
        csv(
            "Record ID,First Name,Last Name,Email,Phone Number,Contact owner,Lead Status,Last Modified Date",
            f"51,Ada,Byron,{ADA},'+39 011 555,Jo,Open,2024-03-05 10:00",
            "52,Nobody,,,,,,2024-03-05 10:00",
        ),
        [f"identify {ADA} 2024-03-05T10:00:00.000Z {ADA}"],
    ),
    "HubSpot, companies": Format(
        "HubSpot's export of companies",
        csv("Record ID,Company name,Company Domain Name,City", "71,Acme,acme.example,Turin"),
        ["group anonymous company:71 71 now"],
    ),
    "HubSpot's sample for imports": Format(
        "a table of people",
        csv("First Name,Last Name,Email Address,Phone Number,City", f"Ada,Byron,{ADA},555,Turin"),
        [f"identify {ADA} now {ADA}"],
    ),
    "Mailchimp": Format(
        "Mailchimp's audience",
        csv(
            "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,LAST_CHANGED,LEID",
            f"{ADA},Ada,Byron,2,2023-01-01 00:00:00,2024-03-05 10:00:02,9",
        ),
        [f"identify {ADA} 2024-03-05T10:00:02.000Z {ADA}"],
    ),
    "Salesforce, Data Loader": Format(
        "Salesforce's contacts or leads",
        csv(
            "ID,FIRSTNAME,LASTNAME,EMAIL,ACCOUNTID,ISDELETED,LASTMODIFIEDDATE,SYSTEMMODSTAMP",
            f"003,Ada,Byron,{ADA},001,false,2024-03-05T10:00:02.500+0000,2024-03-05T10:00:02.000Z",
            "004,Bob,Gone,b@example.com,001,true,2024-03-05T10:00:02.500+0000,2024-03-05T10:00:02.000Z",
        ),
        [f"identify {ADA} {MOMENT} {ADA}"],
    ),
    "Salesforce, report": Format(
        "Salesforce's contacts or leads",
        csv(
            '"First Name","Last Name","Email","Account Name","Mailing City","Title"',
            f'"Ada","Byron","{ADA}","Acme","Turin","Analyst"',
        ),
        [f"identify {ADA} now {ADA}"],
    ),
    "Salesforce, accounts": Format(
        "Salesforce's accounts",
        csv("ID,NAME,WEBSITE,INDUSTRY,BILLINGCITY,LASTMODIFIEDDATE", f"001,Acme,acme.example,Software,Turin,{MOMENT}"),
        [f"group anonymous company:001 001 {MOMENT}"],
    ),
    "Stripe, customers": Format(
        "Stripe's customers",
        csv(
            "id,Description,Email,Name,Created (UTC),Delinquent,Card Last4,userId (metadata)",
            f"cus_1,,{ADA},Ada Byron,2024-03-05 10:00,false,4242,u1",
        ),
        [f"identify u1 2024-03-05T10:00:00.000Z {ADA}"],
    ),
    "Shopify, customers": Format(
        "Shopify's customers",
        csv(
            "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address City,Phone,Total Spent",
            f"'6001,Ada,Byron,{ADA},yes,Turin,'+39011555,36.60",
        ),
        [f"identify {ADA} now {ADA}"],
    ),
    "Shopify, orders": Format(
        "Shopify's orders",
        csv(
            "Name,Email,Financial Status,Paid at,Total,Lineitem quantity,Lineitem name,Lineitem price,Id",
            f"#1,{ADA},paid,2024-03-05 11:00:02 +0100,5.00,1,Cup,5.00,5001",
        ),
        [f"track {ADA} Order Completed 2024-03-05T10:00:02.000Z {ADA}"],
    ),
    "WooCommerce, customers": Format(
        "WooCommerce's customers",
        csv(
            "Name,Username,Last Active,Date Registered,Email,Orders,Total Spend,AOV,Country / Region,City",
            f"Ada Byron,ada,2024-03-05 10:00:02,2023-01-01 00:00:00,{ADA},1,5,5,IT,Turin",
        ),
        [f"identify {ADA} 2024-03-05T10:00:02.000Z {ADA}"],
    ),
    "WooCommerce, orders": Format(
        "WooCommerce's orders",
        csv(
            "Order Number,Order Status,Order Date,Email (Billing),Order Total Amount,Item Name,Quantity,Item Cost",
            f"77,Completed,2024-03-05 10:00,{ADA},15,Cup,2,5",
            f"77,Completed,2024-03-05 10:00,{ADA},15,Pot,1,5",
            f"78,Pending payment,2024-03-05 10:00,{ADA},5,Pot,1,5",
        ),
        [f"track {ADA} Order Completed 2024-03-05T10:00:00.000Z {ADA}"],
    ),
    "Intercom, users": Format(
        "Intercom's users",
        csv("Name,Email,User ID,Last seen,Signed up,City", f"Ada,{ADA},u1,2024-03-05 10:00:02 UTC,2023-01-01,Turin"),
        [f"identify u1 2024-03-05T10:00:02.000Z {ADA}"],
    ),
    "Google, contacts": Format(
        "Google's contacts",
        csv(
            "First Name,Last Name,E-mail 1 - Label,E-mail 1 - Value,Phone 1 - Value,Organization Name",
            f"Ada,Byron,Work,{ADA},+39 011 555,Acme",
        ),
        [f"identify {ADA} now {ADA}"],
    ),
    "Outlook, contacts": Format(
        "Outlook's contacts",
        csv("First Name,Last Name,Company,E-mail Address,Business Phone,Home City", f"Ada,Byron,Acme,{ADA},555,Turin"),
        [f"identify {ADA} now {ADA}"],
    ),
    "LinkedIn, connections": Format(
        "LinkedIn's connections",
        csv(
            "Notes:",
            '"When exporting your connections"',
            "",
            "First Name,Last Name,URL,Email Address,Company,Position,Connected On",
            f"Ada,Byron,https://l.example/a,{ADA},Acme,Analyst,05 Mar 2024",
        ),
        [f"identify {ADA} 2024-03-05T00:00:00.000Z {ADA}"],
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_recognised_and_read(read: Read, name: str) -> None:
    shape = FORMATS[name]
    table = read(shape.name, shape.body)
    assert table.title == shape.title
    assert [summed(message) for message in table.messages] == shape.messages
    assert table.faults == []


@pytest.mark.parametrize("name", FORMATS)
def test_a_grown_export_repeats_nothing(read: Read, name: str) -> None:
    shape = FORMATS[name]
    ids = {message["messageId"] for message in read(shape.name, shape.body).messages}
    head, separator, last = shape.body.rstrip("\n").rpartition("\n")
    grown = f"{head}{separator}{last}\n{last}\n"
    assert {message["messageId"] for message in read(f"later/{shape.name}", grown).messages} == ids
    assert all(ids)


# -- what is particular


def test_nothing_of_the_context_but_the_e_mail_reaches_the_event(read: Read) -> None:
    table = read("x.csv", FORMATS["Segment, an event's table"].body)
    assert table.messages[0]["properties"] == {"destination": "Rome"}
    assert table.messages[0]["context"] == {"traits": {"email": ADA}}


def test_people_and_screens_that_look_alike_are_refused_without_a_name(read: Read) -> None:
    with pytest.raises(SettingsError, match="people or of screens") as refusal:
        read("x.csv", FORMATS["Segment, screens"].body)
    assert refusal.value.hint == "Choose one: --as identifies or --as screens."


def test_a_table_of_people_with_their_group_is_asked_about(read: Read) -> None:
    body = csv("user_id,email,group_id,plan", f"u1,{ADA},g1,gold")
    with pytest.raises(SettingsError, match="people or of companies"):
        read("x.csv", body)
    [message] = read("x.csv", body, call=Call.IDENTIFIES).messages
    assert message["traits"] == {"email": ADA, "group_id": "g1", "plan": "gold"}


@pytest.mark.parametrize(
    "body",
    [
        csv("order_id,email,total,created_at", f"1,{ADA},5,{MOMENT}"),
        lines({"event_type": "a", "event_time": MOMENT, "user_id": "u1", "song": "A"}),
    ],
)
def test_what_only_looks_like_a_known_export_is_refused(read: Read, body: str) -> None:
    with pytest.raises(SettingsError, match="not a table of people but of"):
        read("x.csv", body)


def test_hubspots_labels_become_property_names(read: Read) -> None:
    body = csv(
        "Record ID,Email,Phone Number,Lead Status,Contact owner,Favourite dish,Create Date",
        f"1,{ADA},555,Open,Jo,Pasta,",
    )
    table = read("x.csv", body, contact_labels={"favourite dish": "fav_dish", "email": "email"})
    assert table.messages[0]["traits"] == {
        "email": ADA,
        "phone": "555",
        "hs_lead_status": "Open",
        "fav_dish": "Pasta",
    }
    assert table.uses["Contact owner"] == "the name of an owner: HubSpot needs the owner's id"
    assert table.uses["Record ID"] == "HubSpot fills it itself"


def test_ids_and_phones_are_as_before_the_spreadsheet(read: Read) -> None:
    table = read(
        "x.csv", csv("user_id,email,phone", "1234.0,a@b.co,'+39011555", "'0042,b@b.co,393911555.0", "1.23E+11,c@b.co,1")
    )
    assert [(message["userId"], message["traits"]["phone"]) for message in table.messages] == [
        ("1234", "+39011555"),
        ("0042", "393911555"),
    ]
    assert table.faults == ["x.csv:4: user_id: '1.23E+11' is a number that a spreadsheet has rounded"]


def test_rows_with_more_cells_than_the_header_are_named(read: Read) -> None:
    table = read("x.csv", csv("email,firstname", "a@b.co,Ada,Byron", "b@b.co,Bob", '"c@b.co","Two\nlines"', "d@b.co"))
    assert table.faults == ["x.csv:2: 3 cells, but the header has 2", "x.csv:6: 1 cells, but the header has 2"]
    assert [message["traits"]["firstname"] for message in table.messages] == ["Bob", "Two\nlines"]


def test_a_header_that_repeats_a_name_says_which_is_taken(read: Read) -> None:
    table = read("x.csv", csv("email,plan,plan", "a@b.co,gold,silver"))
    assert table.messages[0]["traits"]["plan"] == "gold"
    assert table.uses["plan (2)"] == "the header names 'plan' more than once: Hubwire uses the first"


def test_columns_can_be_said(read: Read) -> None:
    body = csv("Mail privat,Nr,Notes,Stadt", "a@b.co,7,secret,Turin")
    table = read("x.csv", body, columns={"mail privat": "email", "nr": "userId", "notes": ""})
    assert table.messages[0]["traits"] == {"email": "a@b.co", "Stadt": "Turin"}
    assert (table.messages[0]["userId"], table.uses["Notes"]) == ("7", "by --map")


@pytest.mark.parametrize(
    ("encoding", "note"), [("utf-8", None), ("utf-8-sig", None), ("utf-16", None), ("cp1252", "Windows-1252")]
)
def test_encodings_are_tested_before_anything_is_read(read: Read, encoding: str, note: str | None) -> None:
    rows = [f"a{number}@b.co,{'Ada ' * 40}" for number in range(500)]
    table = read("x.csv", csv("email,city", *rows, "z@b.co,Köln").encode(encoding))
    assert table.messages[-1]["traits"]["city"] == "Köln"
    notes = table.history.seen[0].notes
    assert any(note in each_note for each_note in notes) if note else notes == []

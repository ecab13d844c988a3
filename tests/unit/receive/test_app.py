"""The Tracking API as a caller sees it: paths, keys, answers, and what ends up in the journal."""

from __future__ import annotations

import base64
import gzip
import json

import msgspec
import pytest
from structlog.testing import capture_logs
from tests.unit.receive.harness import NOW, Receiver, basic, packed

from hubwire.decoding import read_message
from hubwire.errors import BackendUnavailable, Overloaded
from hubwire.receive.paths import TYPES
from hubwire.receive.upload_limits import ReceiveLimits

TRACK = {"type": "track", "messageId": "m1", "userId": "u1", "event": "Bought"}
WHOLE = {"userId": "u", "event": "e", "groupId": "g", "previousId": "p"}


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


# -- paths


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("prefix", ["/v1/", "/v1/k/server-key/"])
async def test_a_single_call_takes_its_type_from_the_path(
    receiver: Receiver, prefix: str, name: str, slash: str
) -> None:
    for path_name in (name, name[0]):
        answer = await receiver.post(f"{prefix}{path_name}{slash}", WHOLE)
        assert (answer.status, answer.body) == (200, b'{"success": true}')
        assert answer.headers["content-type"] == "application/json"
    assert [fields["type"] for fields in receiver.fields] == [name, name]
    assert [read_message(row).type for row in receiver.rows] == [name, name]


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("path", ["/v1/batch", "/v1/import", "/v1/b", "/beacon/v1/batch", "/v1/k/server-key/b"])
async def test_an_upload_of_many_is_taken_on_every_batch_path(receiver: Receiver, path: str, slash: str) -> None:
    answer = await receiver.post(path + slash, {"batch": [TRACK, {**TRACK, "messageId": "m2"}]})
    assert (answer.status, answer.body) == (200, b'{"success": true}')
    assert [row.message_id for row in receiver.rows] == ["m1", "m2"]


async def test_the_type_of_the_path_wins_over_another_in_the_body(receiver: Receiver) -> None:
    await receiver.post("/v1/track", {"type": "identify", "userId": "u", "event": "e"})
    assert receiver.fields[0]["type"] == "track"


@pytest.mark.parametrize("body", [b"{}", b" { } ", b'{"userId":"u"}\n'])
async def test_a_type_is_spliced_into_any_object(receiver: Receiver, body: bytes) -> None:
    await receiver.post("/v1/page", body)
    assert receiver.fields[0]["type"] == "page"


async def test_metrics_of_analytics_js_are_accepted_and_thrown_away(receiver: Receiver) -> None:
    answer = await receiver.post("/v1/m", {"series": [{"type": "Counter", "metric": "x", "value": 1}]}, key=None)
    assert answer.status == 200
    assert receiver.rows == []


async def test_rudderstacks_merge_is_journaled_as_rejected(receiver: Receiver) -> None:
    assert (await receiver.post("/v1/merge", {"userId": "u"})).status == 200
    assert [row.rejected for row in receiver.rows] == ["unknown-type"]


@pytest.mark.parametrize("path", ["//v1/track", "/v1//t", "/v1//track/", "/v1/k/server-key//t", "//v1/k/server-key/t"])
async def test_slashes_of_a_host_that_ends_in_one_do_not_matter(receiver: Receiver, path: str) -> None:
    assert receiver.app.handles({"path": path, "method": "GET", "headers": []})
    assert (await receiver.post(path, WHOLE)).status == 200
    assert receiver.fields[0]["type"] == "track"


@pytest.mark.parametrize(
    "path", ["/v1/", "/v1/tracks", "/v1/k/", "/v1/k//t", "/v1/k/key", "/beacon/v1/track", "/pixel/x"]
)
async def test_a_path_that_is_almost_one_is_404_in_json(receiver: Receiver, path: str) -> None:
    assert receiver.app.handles({"path": path, "method": "GET", "headers": []})
    answer = await receiver.post(path, TRACK)
    assert (answer.status, answer.json["code"]) == (404, "no-such-path")
    assert repr(path) in answer.json["message"]


@pytest.mark.parametrize("path", ["/", "/v1", "/v2/track", "/V1/track", "/v1/projects/key/settings", "/api/v1/status"])
def test_other_paths_are_left_to_others(receiver: Receiver, path: str) -> None:
    assert not receiver.app.handles({"path": path, "method": "GET", "headers": []})


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
async def test_other_methods_are_refused_in_json(receiver: Receiver, method: str) -> None:
    answer = await receiver.ask(method, "/v1/batch")
    assert answer.status == 405
    assert answer.headers["allow"] == "POST, OPTIONS"
    assert answer.json["code"] == "method-not-allowed"


# -- write keys


async def test_a_write_key_may_come_in_the_header_the_path_the_body_a_message_or_the_query(receiver: Receiver) -> None:
    answers = [
        await receiver.post("/v1/batch", {"batch": [{**TRACK, "messageId": "header"}]}),
        await receiver.post("/v1/k/server-key/batch", {"batch": [{**TRACK, "messageId": "path"}]}, key=None),
        await receiver.post(
            "/v1/batch", {"batch": [{**TRACK, "messageId": "body"}], "writeKey": "server-key"}, key=None
        ),
        await receiver.post("/v1/b", {"batch": [{**TRACK, "messageId": "item", "writeKey": "server-key"}]}, key=None),
        await receiver.post("/v1/track", {**TRACK, "messageId": "single", "writeKey": "server-key"}, key=None),
        await receiver.post("/beacon/v1/batch?writeKey=server-key", {"batch": [{**TRACK, "messageId": "q"}]}, key=None),
    ]
    assert [answer.status for answer in answers] == [200] * 6
    assert [row.message_id for row in receiver.rows] == ["header", "path", "body", "item", "single", "q"]
    assert {row.source_id for row in receiver.rows} == {1}


async def test_the_header_wins_over_the_body(receiver: Receiver) -> None:
    await receiver.post("/v1/batch", {"batch": [TRACK], "writeKey": "slow-key"})
    assert receiver.rows[0].source_id == 1


async def test_a_message_with_a_servers_key_keeps_its_large_numbers(receiver: Receiver) -> None:
    body = b'{"writeKey":"server-key","userId":"u","event":"e","properties":{"n":123456789012345678901234567890}}'
    assert (await receiver.ask("POST", "/v1/track", body)).status == 200
    assert receiver.fields[0]["properties"] == {"n": 123456789012345678901234567890}


async def test_the_colon_of_http_basic_may_be_missing(receiver: Receiver) -> None:
    answer = await receiver.ask(
        "POST", "/v1/track", msgspec.json.encode(TRACK), {"authorization": basic("server-key", "")}
    )
    assert answer.status == 200


@pytest.mark.parametrize("header", ["Basic Og==", "Bearer abc", "Basic !!!", "Basic", "", "Basic /////w=="])
async def test_a_header_without_a_write_key_leaves_it_to_the_body(receiver: Receiver, header: str) -> None:
    body = msgspec.json.encode({**TRACK, "writeKey": "server-key"})
    assert (await receiver.ask("POST", "/v1/track", body, {"authorization": header})).status == 200


@pytest.mark.parametrize("key", ["nobody", None])
async def test_an_unknown_or_missing_write_key_is_401(receiver: Receiver, key: str | None) -> None:
    answer = await receiver.post("/v1/batch", {"batch": [TRACK]}, key=key)
    assert answer.status == 401
    assert answer.json["code"] == "unknown-write-key"
    assert answer.json["success"] is False
    assert answer.json["message"].startswith("writeKey:")
    assert receiver.rows == []


@pytest.mark.parametrize("write_key", [5, "", None, {}, "x" * 1000])
async def test_a_write_key_that_cannot_be_one_is_401(receiver: Receiver, write_key: object) -> None:
    assert (await receiver.post("/v1/track", {**TRACK, "writeKey": write_key}, key=None)).status == 401


async def test_a_servers_write_key_is_not_kept_in_the_journal(receiver: Receiver) -> None:
    await receiver.post("/v1/track", {**TRACK, "writeKey": "server-key"}, key=None)
    await receiver.post("/v1/batch", {"batch": [{**TRACK, "messageId": "m2", "writeKey": "server-key"}]}, key=None)
    assert len(receiver.rows) == 2
    assert not [row for row in receiver.rows if b"server-key" in row.body]
    assert receiver.fields[0] == TRACK


# -- bodies


async def test_the_callers_own_bytes_are_kept(receiver: Receiver) -> None:
    message = b'{ "type":"track", "userId" : "u1","event":"\\u00e9t\\u00e9", "properties":{"n":1.50, "n":2e2}}'
    await receiver.post("/v1/batch", b'{"batch" : [ ' + message + b" ] }")
    assert receiver.rows[0].body == message


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", ""])
@pytest.mark.parametrize("is_packed", [False, True])
async def test_any_content_type_is_taken_with_and_without_gzip(
    receiver: Receiver, content_type: str, is_packed: bool
) -> None:
    value = {"batch": [TRACK]}
    headers = {"content_type": content_type} | ({"content_encoding": "gzip"} if is_packed else {})
    answer = await receiver.post("/v1/batch", packed(value) if is_packed else msgspec.json.encode(value), **headers)
    assert answer.status == 200
    assert len(receiver.rows) == 1


async def test_gzip_in_several_members_is_one_body(receiver: Receiver) -> None:
    text = msgspec.json.encode({"batch": [TRACK]})
    answer = await receiver.post("/v1/batch", gzip.compress(text[:20]) + gzip.compress(text[20:]))
    assert answer.status == 200
    assert len(receiver.rows) == 1


async def test_a_gzip_header_over_plain_json_does_not_matter(receiver: Receiver) -> None:
    assert (await receiver.post("/v1/batch", {"batch": [TRACK]}, content_encoding="gzip")).status == 200


async def test_a_body_may_come_in_parts(receiver: Receiver) -> None:
    text = msgspec.json.encode({"batch": [TRACK]})
    answer = await receiver.ask(
        "POST", "/v1/b", [text[:5], b"", text[5:40], text[40:]], {"authorization": basic("server-key")}
    )
    assert answer.status == 200
    assert len(receiver.rows) == 1


async def test_what_the_upload_says_of_all_messages_lies_beside_each(receiver: Receiver) -> None:
    await receiver.post(
        "/v1/batch",
        {
            "batch": [TRACK, {**TRACK, "messageId": "m2", "context": {"ip": "1.2.3.4", "library": {"name": "own"}}}],
            "context": {"library": {"name": "analytics-go"}, "locale": "de"},
            "integrations": {"HubSpot": False},
            "sentAt": "2026-11-23T10:00:00Z",
        },
    )
    first, second = [read_message(row) for row in receiver.rows]
    assert first.context == {"library": {"name": "analytics-go"}, "locale": "de"}
    assert second.context == {"library": {"name": "own"}, "locale": "de", "ip": "1.2.3.4"}
    assert first.integrations == {"HubSpot": False}
    assert receiver.rows[0].envelope is not None


@pytest.mark.parametrize("extra", [{}, {"context": None, "sentAt": None}, {"timestamp": "x", "messageId": "y"}])
async def test_no_envelope_is_kept_when_the_upload_says_nothing(receiver: Receiver, extra: dict[str, object]) -> None:
    await receiver.post("/v1/batch", {"batch": [TRACK], **extra})
    assert receiver.rows[0].envelope is None


async def test_clock_skew_and_historical_timestamps_come_out_right(receiver: Receiver) -> None:
    item = {**TRACK, "timestamp": "2019-01-01T00:00:10Z"}
    await receiver.post("/v1/batch", {"batch": [item], "sentAt": "2019-01-01T00:00:20.000Z"})
    await receiver.post("/v1/batch", {"batch": [{**item, "messageId": "m2"}]})
    skewed, historical = [read_message(row) for row in receiver.rows]
    assert skewed.timestamp_ms == NOW - 10_000
    assert historical.timestamp_ms == 1_546_300_810_000


async def test_an_empty_batch_is_a_success(receiver: Receiver) -> None:
    assert (await receiver.post("/v1/batch", {"batch": []})).status == 200
    assert receiver.rows == []


# -- lenient JSON


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"NaN", None),
        (b"Infinity", None),
        (b"-Infinity", None),
        (b"1e999", None),
        (b'"\\ud800 lone"', "? lone"),
        (b'"\\udc00"', "?"),
        (b'"caf\xe9"', "caf\ufffd"),
        (b"1" * 25, int("1" * 25)),
        (b"9" * 5000, None),
    ],
)
@pytest.mark.parametrize("path", ["/v1/track", "/v1/batch"])
async def test_values_that_strict_json_refuses_do_not_cost_the_upload(
    receiver: Receiver, path: str, text: bytes, value: object
) -> None:
    message = b'{"type":"track","messageId":"m1","userId":"u","event":"e","properties":{"n":' + text + b',"m":1}}'
    good = json.dumps({**TRACK, "messageId": "good"}).encode()
    body = message if path == "/v1/track" else b'{"batch":[' + message + b"," + good + b"]}"
    assert (await receiver.post(path, body)).status == 200
    assert receiver.rows[0].message_id == "m1"
    assert read_message(receiver.rows[0]).properties == {"n": value, "m": 1}
    assert {row.rejected for row in receiver.rows} == {None}


async def test_a_byte_order_mark_does_not_matter(receiver: Receiver) -> None:
    assert (await receiver.post("/v1/track", b"\xef\xbb\xbf" + msgspec.json.encode(TRACK))).status == 200
    assert receiver.rows[0].message_id == "m1"


async def test_an_envelope_is_read_leniently_too(receiver: Receiver) -> None:
    body = b'{"batch":[' + msgspec.json.encode(TRACK) + b'],"context":{"n":NaN},"sentAt":"x"}'
    assert (await receiver.post("/v1/batch", body)).status == 200
    assert msgspec.json.decode(receiver.rows[0].envelope or b"") == {"context": {"n": None}, "sentAt": "x"}


# -- refused bodies


@pytest.mark.parametrize(
    ("path", "body", "report"),
    [
        ("/v1/track", b"", "not JSON"),
        ("/v1/track", b"{", "not JSON"),
        ("/v1/track", b'{"a":1} x', "not JSON"),
        ("/v1/track", b"[]", "body: expected an object, got an array"),
        ("/v1/track", b"NaN", "body: expected an object, got null"),
        ("/v1/batch", b"7", "body: expected an object, got a number"),
        ("/v1/batch", b"{}", "batch: expected an array, got nothing"),
        ("/v1/batch", b'{"batch":{}}', "batch: expected an array, got an object"),
        ("/v1/batch", b"\x1f\x8b\x08broken", "gzip"),
        ("/v1/batch", gzip.compress(b'{"batch":[]}', mtime=0)[:-6], "cut off"),
        ("/v1/batch", gzip.compress(b"", mtime=0) * 20_000, "more than 64 gzip members"),
        ("/v1/batch", b"data=%7B%7D", "not JSON"),
    ],
)
async def test_what_is_not_the_tracking_apis_json_is_400(
    receiver: Receiver, path: str, body: bytes, report: str
) -> None:
    answer = await receiver.post(path, body)
    assert answer.status == 400
    assert answer.json["code"] == "malformed-upload"
    assert report in answer.json["message"]
    assert receiver.rows == []


BAD_ITEMS: list[tuple[object, str]] = [
    (None, "not-an-object"),
    (7, "not-an-object"),
    ("text", "not-an-object"),
    (True, "not-an-object"),
    ([{"type": "identify"}], "not-an-object"),
    ({"type": "track", "userId": "u", "event": "e", "messageId": "big", "x": "y" * 600_000}, "message-too-large"),
    ({}, "no-type"),
    ({"type": ["identify"], "userId": "u"}, "unknown-type"),
]


@pytest.mark.parametrize(("item", "reason"), BAD_ITEMS)
@pytest.mark.parametrize("place", [0, 1, 2])
async def test_a_bad_item_of_a_batch_sinks_alone(receiver: Receiver, item: object, reason: str, place: int) -> None:
    batch: list[object] = [TRACK, {**TRACK, "messageId": "m2"}]
    batch.insert(place, item)
    assert (await receiver.post("/v1/batch", {"batch": batch})).status == 200
    assert [row.rejected for row in receiver.rows].count(reason) == 1
    assert [row.message_id for row in receiver.rows if row.rejected is None] == [TRACK["messageId"], "m2"]
    assert all(isinstance(fields, dict) for fields in receiver.fields)
    assert all(len(row.body) < 2000 for row in receiver.rows if row.rejected)


@pytest.mark.parametrize("depth", [200, 900, 5_000, 20_000])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"]":', b"}")])
async def test_a_deep_item_of_a_batch_sinks_alone(
    receiver: Receiver, depth: int, opening: bytes, closing: bytes
) -> None:
    inner = opening * depth + b"1" + closing * depth
    deep = b'{"type":"track","userId":"u","event":"e","messageId":"d","p":' + inner + b"}"
    body = b'{"batch":[' + deep + b"," + msgspec.json.encode(TRACK) + b"]}"
    assert (await receiver.post("/v1/batch", body)).status == 200
    assert [(row.message_id, row.rejected) for row in receiver.rows] == [("d", "too-deep"), (TRACK["messageId"], None)]


async def test_a_batch_of_bad_items_with_nan_beside_them_keeps_the_good_ones(receiver: Receiver) -> None:
    body = b'{"batch":[null,{"type":"track","userId":"u","event":"e","messageId":"g","properties":{"n":NaN}},"x"]}'
    assert (await receiver.post("/v1/batch", body)).status == 200
    assert [row.rejected for row in receiver.rows] == ["not-an-object", None, "not-an-object"]


@pytest.mark.parametrize(("item", "reason"), BAD_ITEMS[:6])
async def test_strict_mode_refuses_the_upload_for_a_bad_item(receiver: Receiver, item: object, reason: str) -> None:
    answer = await receiver.post("/v1/batch", {"batch": [TRACK, item]}, **{"x-strict-mode": "1"})
    assert (answer.status, answer.json["code"]) == (400, reason)
    assert answer.json["message"].startswith("batch[1]: ")
    assert receiver.rows == []


async def test_a_key_in_a_message_is_found_behind_a_bad_one(receiver: Receiver) -> None:
    answer = await receiver.post("/v1/batch", {"batch": [None, {**TRACK, "writeKey": "server-key"}]}, key=None)
    assert answer.status == 200


@pytest.mark.parametrize("depth", [200, 900, 5_000, 200_000])
async def test_deep_nesting_of_a_single_message_is_400(receiver: Receiver, depth: int) -> None:
    path = "/v1/track"
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        inner = opening * depth + b"1" + closing * depth
        message = b'{"type":"track","userId":"u","event":"e","properties":' + inner + b"}"
        body = message if path == "/v1/track" else b'{"batch":[' + message + b"]}"
        answer = await receiver.post(path, body)
        assert answer.status == 400
        assert answer.json["code"] in ("too-deep", "message-too-large", "upload-too-large")
    assert receiver.rows == []


async def test_many_brackets_side_by_side_are_not_deep(receiver: Receiver) -> None:
    assert (await receiver.post("/v1/track", {**TRACK, "properties": {"list": [{} for _ in range(500)]}})).status == 200


async def test_a_deep_context_of_the_upload_is_400(receiver: Receiver) -> None:
    body = b'{"batch":[{"type":"page","userId":"u"}],"context":' + b'{"a":' * 300 + b"1" + b"}" * 300 + b"}"
    assert (await receiver.post("/v1/batch", body)).json["code"] == "too-deep"


@pytest.mark.parametrize("extra", [0, 1])
async def test_a_message_may_have_512_kb_and_no_more(receiver: Receiver, extra: int) -> None:
    frame = len(msgspec.json.encode({**TRACK, "x": ""}))
    message = {**TRACK, "x": "y" * (512 * 1024 - frame + extra)}
    answer = await receiver.post("/v1/track", message)
    assert answer.status == (400 if extra else 200)
    if extra:
        assert answer.json["code"] == "message-too-large"
        assert "524289 bytes; a message takes 524288" in answer.json["message"]


@pytest.mark.parametrize("is_packed", [False, True])
async def test_an_upload_over_the_limit_is_400(receiver: Receiver, is_packed: bool) -> None:
    value = {"batch": [{**TRACK, "messageId": f"m{number}", "x": "y" * 30_000} for number in range(160)]}
    answer = await receiver.post("/v1/batch", packed(value) if is_packed else value)
    assert answer.status == 400
    assert answer.json["code"] == "upload-too-large"
    assert "4500000" in answer.json["message"]
    assert receiver.rows == []


async def test_a_gzip_bomb_is_given_up_at_the_limit(receiver: Receiver) -> None:
    bomb = gzip.compress(b"[" * 10_000_000)
    answer = await receiver.post("/v1/batch", bomb)
    assert answer.status == 400
    assert answer.json["code"] == "upload-too-large"


async def test_a_bomb_of_many_small_members_is_given_up_too(receiver: Receiver) -> None:
    bomb = gzip.compress(b"[" * 100_000) * 50
    assert (await receiver.post("/v1/batch", bomb)).json["code"] == "upload-too-large"


async def test_a_context_is_not_multiplied_beyond_bounds(receiver: Receiver) -> None:
    batch = [{"type": "page", "userId": "u"}] * 2400
    answer = await receiver.post("/v1/batch", {"batch": batch, "context": {"x": "y" * 30_000}})
    assert answer.status == 400
    assert answer.json["code"] == "context-too-large"


async def test_a_context_larger_than_a_message_is_refused_beside_a_single_one(receiver: Receiver) -> None:
    answer = await receiver.post("/v1/batch", {"batch": [TRACK], "context": {"x": "y" * 530_000}})
    assert (answer.status, answer.json["code"]) == (400, "context-too-large")
    assert "it may take what one message takes, 524288" in answer.json["message"]


async def test_limits_are_settings() -> None:
    receiver = Receiver(ReceiveLimits(max_message_bytes=100, max_upload_bytes=1000, max_upload_messages=2))
    assert (await receiver.post("/v1/track", {**TRACK, "x": "y" * 100})).json["code"] == "message-too-large"
    assert (await receiver.post("/v1/batch", {"batch": [TRACK], "x": "y" * 1000})).json["code"] == "upload-too-large"


# -- message ids


async def test_a_message_without_id_gets_one(receiver: Receiver) -> None:
    given: list[dict[str, object]] = [
        {},
        {"messageId": None},
        {"messageId": ""},
        {"messageId": []},
        {"messageId": True},
    ]
    for message_id in given:
        await receiver.post("/v1/track", {"userId": "u", "event": "e", **message_id})
    ids = {row.message_id for row in receiver.rows}
    assert len(ids) == 5
    assert all(len(message_id) == 36 for message_id in ids)


@pytest.mark.parametrize("time", ["originalTimestamp", "timestamp"])
async def test_a_message_without_id_that_is_sent_again_is_the_same_message(receiver: Receiver, time: str) -> None:
    message = {"type": "track", "userId": "u", "event": "e", time: "2026-11-23T10:00:00.123456789Z"}
    for path, body in (("/v1/batch", {"batch": [message, message]}), ("/v1/track", message)):
        for _ in range(2):
            assert (await receiver.post(path, body)).status == 200
    assert len(receiver.rows) == 2, "two in one upload, and neither comes twice"
    await receiver.post("/v1/track", {**message, "event": "other"})
    assert len({row.message_id for row in receiver.rows}) == 3


async def test_the_time_of_the_attempt_makes_no_other_message_of_one_without_id(receiver: Receiver) -> None:
    message = {"type": "track", "userId": "u", "event": "e", "timestamp": "2026-11-23T10:00:00Z"}
    for seconds in (1, 2):
        again = {"sentAt": f"2026-11-23T10:00:0{seconds}Z", **message}
        assert (await receiver.post("/v1/batch", {"batch": [again]})).status == 200
    assert len(receiver.rows) == 1
    await receiver.post("/v1/track", {**message, "properties": {"sentAt": 1}})
    assert len(receiver.rows) == 2


async def test_a_number_is_a_message_id(receiver: Receiver) -> None:
    await receiver.post("/v1/track", {**TRACK, "messageId": 12345})
    await receiver.post("/v1/track", {**TRACK, "messageId": "12345"})
    assert [row.message_id for row in receiver.rows] == ["12345"]


async def test_long_and_unprintable_message_ids_are_still_told_apart(receiver: Receiver) -> None:
    long_ids = ["x" * 300 + "1", "x" * 300 + "2", "a\x00b", "a\nb", int("7" * 300 + "1"), int("7" * 300 + "2"), 1e300]
    for message_id in long_ids * 2:
        body = json.dumps({**TRACK, "messageId": message_id}).encode()
        await receiver.post("/v1/track", body)
    assert len(receiver.rows) == len(long_ids)
    assert all(row.message_id.startswith("sha256:") and len(row.message_id) == 71 for row in receiver.rows)


async def test_a_repeated_message_is_a_success_and_kept_once(receiver: Receiver) -> None:
    answers = [await receiver.post("/v1/track", TRACK) for _ in range(3)]
    assert [answer.status for answer in answers] == [200] * 3
    assert len(receiver.rows) == 1


# -- rejected at the door

REJECTED = [
    ({"userId": "u"}, "no-type", "type: null is not one of identify"),
    ({"type": None, "userId": "u"}, "no-type", "type: null"),
    ({"type": "Track", "userId": "u"}, "unknown-type", 'type: "Track" is not one of'),
    ({"type": 5, "userId": "u"}, "unknown-type", "type: 5 is not"),
    ({"type": "identify"}, "no-ids", "neither userId nor anonymousId"),
    ({"type": "identify", "userId": "", "anonymousId": None}, "no-ids", "neither"),
    ({"type": "page", "userId": {"a": 1}}, "no-ids", "neither"),
    ({"type": "track", "userId": "u"}, "no-event", "event: null is not one"),
    ({"type": "track", "userId": "u", "event": ""}, "no-event", 'event: "" is not'),
    ({"type": "group", "anonymousId": "a"}, "no-group-id", "groupId: null"),
    ({"type": "alias", "userId": "u"}, "no-previous-id", "previousId: null"),
]


@pytest.mark.parametrize(("message", "reason", "report"), REJECTED)
async def test_what_can_never_be_delivered_is_journaled_with_its_reason(
    receiver: Receiver, message: dict[str, object], reason: str, report: str
) -> None:
    answer = await receiver.post("/v1/batch", {"batch": [TRACK, message]})
    assert answer.status == 200
    assert [row.rejected for row in receiver.rows] == [None, reason]
    assert receiver.app.counts.rejected[reason] == 1


@pytest.mark.parametrize(("message", "reason", "report"), REJECTED)
async def test_strict_mode_refuses_it_and_names_field_and_value(
    receiver: Receiver, message: dict[str, object], reason: str, report: str
) -> None:
    answer = await receiver.post("/v1/batch", {"batch": [TRACK, message]}, x_strict_mode="1")
    assert answer.status == 400
    assert answer.json["code"] == reason
    assert answer.json["message"].startswith("batch[1].")
    assert report in answer.json["message"]
    assert receiver.rows == []


async def test_strict_mode_takes_what_is_right(receiver: Receiver) -> None:
    assert (await receiver.post("/v1/track", {"userId": 5, "event": "e"}, x_strict_mode="1")).status == 200
    assert (await receiver.post("/v1/batch", {"batch": [TRACK]}, x_strict_mode="1")).status == 200


async def test_strict_mode_refuses_an_empty_batch_a_long_id_and_too_many(receiver: Receiver) -> None:
    cases = [
        ({"batch": []}, "empty-batch"),
        ({"batch": [{**TRACK, "messageId": "x" * 101}]}, "message-id-too-long"),
        ({"batch": [{"type": "page", "userId": "u"}] * 2501}, "too-many-in-upload"),
    ]
    for value, code in cases:
        answer = await receiver.post("/v1/batch", value, x_strict_mode="1")
        assert (answer.status, answer.json["code"]) == (400, code)


@pytest.mark.parametrize("name", ["traits", "properties", "context", "integrations"])
async def test_strict_mode_refuses_a_field_that_is_no_object(receiver: Receiver, name: str) -> None:
    answer = await receiver.post("/v1/track", {**TRACK, name: ["x"]}, x_strict_mode="1")
    assert (answer.status, answer.json["code"]) == (400, "not-an-object")
    assert answer.json["message"] == f'message.{name}: ["x"] is not an object'
    assert (await receiver.post("/v1/track", {**TRACK, name: None}, x_strict_mode="1")).status == 200


async def test_numbers_are_ids(receiver: Receiver) -> None:
    await receiver.post("/v1/identify", {"userId": 42})
    await receiver.post("/v1/track", {"anonymousId": 7.0, "event": 404})
    assert [row.rejected for row in receiver.rows] == [None, None]
    assert read_message(receiver.rows[0]).user_id == "42"


async def test_messages_beyond_2500_are_journaled_as_rejected(receiver: Receiver) -> None:
    batch = [{"type": "page", "userId": f"{number}"} for number in range(2502)]
    assert (await receiver.post("/v1/batch", {"batch": batch})).status == 200
    assert [row.rejected for row in receiver.rows] == [None] * 2500 + ["too-many-in-upload"] * 2


async def test_an_absurd_number_of_messages_is_refused(receiver: Receiver) -> None:
    answer = await receiver.post("/v1/batch", b'{"batch":[' + b"{}," * 20_000 + b"{}]}")
    assert (answer.status, answer.json["code"]) == (400, "too-many-messages")
    assert receiver.rows == []


# -- refusals that are tried again


async def test_an_overload_is_429_with_retry_after(receiver: Receiver) -> None:
    receiver.appending.failure = Overloaded("too much", retry_after_seconds=3)
    answer = await receiver.post("/v1/track", TRACK)
    assert answer.status == 429
    assert (answer.headers["retry-after"], answer.headers["x-ratelimit-reset"]) == ("3", "3")
    assert answer.json == {"code": "overloaded", "message": "too much", "success": False}


async def test_a_journal_that_cannot_be_written_is_503_with_retry_after(receiver: Receiver) -> None:
    receiver.appending.failure = BackendUnavailable("database or disk is full")
    answer = await receiver.post("/v1/track", TRACK)
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json["code"] == "unavailable"
    receiver.appending.failure = None
    assert (await receiver.post("/v1/track", TRACK)).status == 200
    assert len(receiver.rows) == 1


async def test_a_journal_that_stays_away_is_logged_now_and_then_not_for_each_upload(receiver: Receiver) -> None:
    receiver.appending.failure = BackendUnavailable("database or disk is full")
    with capture_logs() as lines:
        for _ in range(50):
            await receiver.post("/v1/track", TRACK)
        receiver.clock.advance(10)
        await receiver.post("/v1/track", TRACK)
    assert [(line["event"], line["refused"]) for line in lines] == [
        ("receive.unavailable", 1),
        ("receive.unavailable", 51),
    ]


async def test_a_bug_of_ours_is_logged_and_told_as_503(receiver: Receiver) -> None:
    receiver.appending.failure = ZeroDivisionError()
    answer = await receiver.post("/v1/track", TRACK)
    assert answer.status == 503
    assert "retry-after" in answer.headers
    assert "ZeroDivision" not in answer.body.decode()


async def test_a_source_that_sends_too_fast_is_told_when_to_go_on(receiver: Receiver) -> None:
    batch = [{"type": "page", "userId": f"{number}"} for number in range(30)]
    assert (await receiver.post("/v1/batch", {"batch": batch}, key="slow-key")).status == 200
    answer = await receiver.post("/v1/page", {"userId": "u"}, key="slow-key")
    assert (answer.status, answer.json["code"], answer.headers["retry-after"]) == (429, "rate-limited", "3")
    assert (await receiver.post("/v1/page", {"userId": "u"})).status == 200
    receiver.clock.advance(2.1)
    assert (await receiver.post("/v1/page", {"userId": "u"}, key="slow-key")).status == 200


# -- browsers


async def test_a_preflight_allows_what_analytics_js_sends(receiver: Receiver) -> None:
    headers = {
        "origin": "https://any.test",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,x-retry-count",
    }
    answer = await receiver.ask("OPTIONS", "/v1/t", b"", headers)
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == "https://any.test"
    assert answer.headers["access-control-allow-headers"] == "authorization,x-retry-count"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-max-age"] == "7200"
    assert answer.headers["access-control-allow-credentials"] == "true"


@pytest.mark.parametrize(
    ("header_names", "allowed"),
    [
        ("anonymousid,authorization,content-type,sentat", "anonymousid,authorization,content-type,sentat"),
        ("rsa-retry-attempt, rsa-since-last-attempt", "rsa-retry-attempt, rsa-since-last-attempt"),
        ("x-write-key,x-enable-debug", "x-write-key,x-enable-debug"),
        (None, "authorization, content-type, x-retry-count"),
        ("x; y=<script>", "authorization, content-type, x-retry-count"),
    ],
)
async def test_a_preflight_allows_every_header_that_is_asked_for(
    receiver: Receiver, header_names: str | None, allowed: str
) -> None:
    headers = {"origin": "https://any.test", "access-control-request-method": "POST"}
    if header_names is not None:
        headers["access-control-request-headers"] = header_names
    answer = await receiver.ask("OPTIONS", "/v1/track", b"", headers)
    assert answer.headers["access-control-allow-headers"] == allowed


async def test_a_page_may_read_the_answer_and_retry_after(receiver: Receiver) -> None:
    good = await receiver.post("/v1/t", TRACK, key="web-key", origin="https://www.site.test")
    assert good.headers["access-control-allow-origin"] == "https://www.site.test"
    assert good.headers["vary"] == "origin"
    refused = await receiver.post("/v1/t", b"{", key="web-key", origin="https://www.site.test")
    assert refused.headers["access-control-allow-origin"] == "https://www.site.test"
    assert "retry-after" in refused.headers["access-control-expose-headers"]


async def test_an_origin_that_is_not_allowed_is_403_and_nothing_is_kept(receiver: Receiver) -> None:
    answer = await receiver.post("/v1/t", TRACK, key="web-key", origin="https://evil.test")
    assert (answer.status, answer.json["code"]) == (403, "origin-not-allowed")
    assert receiver.rows == []


async def test_callers_that_are_no_browser_get_no_cors_headers(receiver: Receiver) -> None:
    answer = await receiver.post("/v1/t", TRACK)
    assert not [name for name in answer.headers if name.startswith("access-control")]


# -- backfill


async def test_a_server_may_mark_an_upload_as_backfill(receiver: Receiver) -> None:
    await receiver.post("/v1/batch", {"batch": [TRACK]}, x_backfill="1")
    await receiver.post("/v1/batch", {"batch": [{**TRACK, "messageId": "m2"}]}, key="web-key", x_backfill="1")
    assert [row.is_backfill for row in receiver.rows] == [True, False]


# -- pixel


def data_of(value: object, *, url_safe: bool = False, padded: bool = True) -> str:
    encode = base64.urlsafe_b64encode if url_safe else base64.b64encode
    text = encode(msgspec.json.encode(value)).decode()
    return text if padded else text.rstrip("=")


@pytest.mark.parametrize("path", ["/v1/pixel/track", "/v1/pixel/track/", "/v1/pixel/t", "/pixel/v1/track"])
@pytest.mark.parametrize(("url_safe", "padded"), [(False, True), (True, True), (True, False), (False, False)])
async def test_an_image_request_carries_a_message(receiver: Receiver, path: str, url_safe: bool, padded: bool) -> None:
    value = {"writeKey": "server-key", "userId": "ü??>>", "event": "Opened", "messageId": "m1"}
    answer = await receiver.ask("GET", f"{path}?data={data_of(value, url_safe=url_safe, padded=padded)}")
    assert (answer.status, answer.headers["content-type"]) == (200, "image/gif")
    assert answer.body.startswith(b"GIF89a")
    [message] = [read_message(row) for row in receiver.rows]
    assert (message.type, message.user_id, message.event) == ("track", "ü??>>", "Opened")


async def test_an_image_request_may_spell_its_fields_out(receiver: Receiver) -> None:
    query = "writeKey=server-key&userId=u1&event=Opened&properties.email=a%40b.co&context.page.url=x"
    await receiver.ask("GET", f"/v1/pixel/track?{query}")
    [message] = [read_message(row) for row in receiver.rows]
    assert message.properties == {"email": "a@b.co"}
    assert message.context == {"page": {"url": "x"}}
    assert b"server-key" not in receiver.rows[0].body


@pytest.mark.parametrize(
    "query",
    [
        "",
        "data=",
        "data=%%%",
        "data=abc",
        "data=W10=",
        "writeKey=nobody&userId=1",
        "a=1&a.b=2",
        "x=" + "y" * 70_000,
        "&".join(f"a{number}=1" for number in range(300)),
    ],
)
async def test_an_image_is_always_an_image(receiver: Receiver, query: str) -> None:
    answer = await receiver.ask("GET", f"/v1/pixel/track?{query}")
    assert (answer.status, answer.headers["content-type"]) == (200, "image/gif")
    assert receiver.rows == []
    assert sum(receiver.app.counts.refused.values()) == 1


async def test_an_image_request_while_the_disk_is_full_is_still_an_image(receiver: Receiver) -> None:
    receiver.appending.failure = BackendUnavailable("full")
    query = f"data={data_of({'writeKey': 'server-key', 'userId': 'u', 'event': 'e'})}"
    assert (await receiver.ask("GET", f"/v1/pixel/track?{query}")).status == 200
    assert receiver.app.counts.refused["backend-unavailable"] == 1


async def test_an_image_cannot_be_posted(receiver: Receiver) -> None:
    answer = await receiver.ask("POST", "/v1/pixel/track")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, OPTIONS")


# -- counts


async def test_counts_tell_what_arrived(receiver: Receiver) -> None:
    await receiver.post("/v1/batch", {"batch": [TRACK, {"type": "x", "userId": "u"}]})
    await receiver.post("/v1/batch", b"{")
    counts = receiver.app.counts
    assert (counts.uploads, counts.messages[1]) == (1, 2)
    assert counts.rejected == {"unknown-type": 1}
    assert counts.refused == {"malformed-upload": 1}


# -- other clients' ways in


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer server-key"},
        {"authorization": "bearer  server-key"},
        {"x-write-key": "server-key:secret"},
        {"x-write-key": "server-key"},
        {"authorization": "Bearer eyJhbGciOi.some.token", "x-write-key": "nobody"},
    ],
)
async def test_a_write_key_may_be_a_bearer_token_or_in_a_header_of_its_own(
    receiver: Receiver, headers: dict[str, str]
) -> None:
    body = {**TRACK, "writeKey": "server-key"} if "nobody" in headers.values() else TRACK
    assert (await receiver.post("/v1/track", body, key=None, **headers)).status == 200
    assert len(receiver.rows) == 1


@pytest.mark.parametrize(
    ("authorization", "words"),
    [("Bearer nobody", "no source has the one that ends in 'body'"), ("Bearer ", "bearer"), ("Digest x", "bearer")],
)
async def test_a_bearer_token_that_is_no_write_key_is_401(receiver: Receiver, authorization: str, words: str) -> None:
    answer = await receiver.post("/v1/track", TRACK, key=None, authorization=authorization)
    assert answer.status == 401
    assert words in answer.json["message"]


@pytest.mark.parametrize("path", ["/api/s/track", "/api/s/s2s/track", "/sdk/track", "/api/s/track/"])
async def test_jitsu_and_june_have_paths_of_their_own(receiver: Receiver, path: str) -> None:
    message = {key: value for key, value in TRACK.items() if key != "type"}
    answer = await receiver.post(path, {**message, "writeKey": "***"}, key=None, **{"x-write-key": "server-key:s"})
    assert answer.status == 200
    assert receiver.fields[0]["type"] == "track"


async def test_junes_batch_is_taken(receiver: Receiver) -> None:
    assert (await receiver.post("/sdk/batch", {"batch": [TRACK]})).status == 200
    assert len(receiver.rows) == 1


WRONG_DOORS = ["/", "/batch", "/b", "/track", "/v2/batch", "/cluster-info", "/sdk/nothing", "/api/s/nothing", "/login"]


@pytest.mark.parametrize("path", WRONG_DOORS)
@pytest.mark.parametrize(
    "headers",
    [
        [(b"content-type", b"application/json; charset=utf-8")],
        [(b"authorization", b"Basic a2V5Og==")],
        [(b"content-type", b"text/plain;charset=UTF-8"), (b"origin", b"https://shop.example")],
        [(b"authorization", b"Basic a2V5Og=="), (b"content-type", b"application/x-www-form-urlencoded")],
        [(b"x-write-key", b"key:secret"), (b"content-type", b"application/octet-stream")],
    ],
)
async def test_an_upload_to_a_wrong_path_hears_where_the_tracking_api_is(
    receiver: Receiver, path: str, headers: list[tuple[bytes, bytes]]
) -> None:
    assert receiver.app.handles({"path": path, "method": "POST", "headers": headers})
    answer = await receiver.post(path, TRACK)
    assert (answer.status, answer.json["code"]) == (404, "no-such-path")
    assert path in answer.json["message"]
    assert "/v1/batch" in answer.json["message"]


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/login", [(b"content-type", b"application/x-www-form-urlencoded")]),
        (
            "POST",
            "/setup/new",
            [
                (b"authorization", b"Basic a2V5Og=="),
                (b"content-type", b"application/x-www-form-urlencoded"),
                (b"sec-fetch-site", b"same-origin"),
            ],
        ),
        ("POST", "/api/v1/replay", [(b"content-type", b"application/json")]),
        ("GET", "/messages", [(b"authorization", b"Basic a2V5Og==")]),
    ],
)
def test_the_console_and_the_admin_api_keep_their_paths(
    receiver: Receiver, method: str, path: str, headers: list[tuple[bytes, bytes]]
) -> None:
    assert not receiver.app.handles({"path": path, "method": method, "headers": headers})

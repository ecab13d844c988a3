"""The admin API answers what its document says, and changes what it says."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from tests.integration.console.harness import HUBSPOT_TOKEN, MESSAGES, Console

from hubwire.api.openapi import document
from hubwire.api.table import OPERATIONS
from hubwire.registry.access import Role

DOCUMENT = document(OPERATIONS)


def conforms(path: str, method: str, answer: Any) -> Any:
    """The answer's body, after holding it against the document's schema for its status."""
    described = DOCUMENT["paths"][f"/api/v1{path}"][method.lower()]["responses"]
    assert str(answer.status_code) in described, answer.text
    content = described[str(answer.status_code)].get("content")
    if content is None:
        assert answer.content == b""
        return None
    schema = {**content["application/json"]["schema"], "components": DOCUMENT["components"]}
    Draft202012Validator(schema).validate(answer.json())
    return answer.json()


@pytest.fixture
def lane_id(console: Console) -> int:
    return console.fill()


def test_every_get_answers_as_described(console: Console, lane_id: int) -> None:
    console.call("POST", "/replay", json={"state": "dead"})
    request = {"regulationType": "SUPPRESS_ONLY", "subjectType": "USER_ID", "subjectIds": ["u9"]}
    new_answer = conforms("/regulations", "POST", console.call("POST", "/regulations", json=request))
    paths = {"replay_id": "1", "source_id": "server", "destination_id": "HubSpot", "message_id": "m-4"}
    paths["regulation_id"] = new_answer["data"]["regulateId"]
    queries = {"plan-stored": {"message_id": "m-0"}}
    for operation in OPERATIONS:
        if operation.method == "GET":
            described = operation.path.replace(":path", "").replace(":int", "")
            answer = console.call("GET", described.format(**paths), params=queries.get(operation.name))
            assert answer.status_code == 200, f"{operation.name}: {answer.text}"
            conforms(described, "GET", answer)


def test_every_call_that_is_wrong_answers_as_described(console: Console, lane_id: int) -> None:
    paths = {"replay_id": "99", "source_id": "none", "destination_id": "none", "message_id": "none"}
    paths |= {"regulation_id": "none", "rule_name": "none", "key": "none"}
    for operation in OPERATIONS:
        described = operation.path.replace(":path", "").replace(":int", "")
        answer = console.call(operation.method, described.format(**paths), content=b'{"nonsense":1}')
        if answer.status_code >= 400:
            assert conforms(described, operation.method, answer)["message"]
        unknown = console.call(operation.method, described.format(**paths), params={"nonsense": "1"})
        assert unknown.status_code in (400, 404), operation.name


def test_status_counts_add_up(console: Console, lane_id: int) -> None:
    status = conforms("/status", "GET", console.call("GET", "/status"))
    [lane] = status["lanes"]
    states = ("delivered", "discarded", "held", "pending", "retrying", "dead")
    assert lane["taken"] == sum(lane[state] for state in states) == 7
    assert (status["is_drained"], status["last_position"]) == (False, len(MESSAGES))
    funnel = console.call("GET", "/funnel").json()["funnel"]
    stages = [
        count
        for name, count in funnel.items()
        if name not in ("destination_id", "since_ms", "until_ms", "received", "discards")
    ]
    assert sum(stages) == funnel["received"] == len(MESSAGES)


def test_messages_are_filtered_and_paged(console: Console, lane_id: int) -> None:
    seen: list[int] = []
    before = None
    while True:
        query = {"limit": 4, **({"before": before} if before else {})}
        answer = conforms("/messages", "GET", console.call("GET", "/messages", params=query))
        seen += [message["position"] for message in answer["messages"]]
        before = answer["before"]
        if before is None:
            break
    assert seen == list(range(9, 0, -1))
    dead = console.call("GET", "/messages", params={"state": "dead", "destination": "HubSpot"}).json()["messages"]
    assert [message["message_id"] for message in dead] == ["m-4"]
    assert console.call("GET", "/messages", params={"rejected": "true"}).json()["messages"][0]["rejected"] == "no-ids"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"state": "lost"}, "state"),
        ({"limit": "1000000"}, "limit"),
        ({"since": "yesterday"}, "since"),
        ({"stat": "dead"}, "stat"),
        ({"before": "null"}, "before"),
        ({"rejected": "null"}, "rejected"),
    ],
)
def test_a_bad_parameter_is_named(console: Console, lane_id: int, query: dict[str, str], field: str) -> None:
    answer = console.call("GET", "/messages", params=query)
    assert (answer.status_code, answer.json()["field"]) == (400, field)


@pytest.mark.parametrize("expected", ["nobody", "9" * 400])
@pytest.mark.parametrize("field", ["source", "destination"])
def test_a_parameter_that_names_nothing_is_not_found(console: Console, lane_id: int, field: str, expected: str) -> None:
    answer = console.call("GET", "/messages", params={field: expected})
    assert (answer.status_code, answer.json()["field"]) == (404, field)


def test_a_hubspot_that_does_not_answer_is_its_own_fault(console: Console, lane_id: int) -> None:
    console.bench.schema_problem = "HubSpot answered 503"
    for method, body in (("GET", None), ("POST", {})):
        answer = console.call(method, "/destinations/HubSpot/schema", json=body)
        assert conforms("/destinations/{destination_id}/schema", method, answer)["code"] == "hubspot-error"
        assert answer.status_code == 502


def test_null_is_a_text_like_any_other(console: Console, lane_id: int) -> None:
    assert console.call("GET", "/messages", params={"user": "null"}).json()["messages"] == []


def test_view_sees_masked_payloads(console: Console, lane_id: int) -> None:
    token = console.member("viewer", Role.VIEW)
    for path in ("/messages", "/messages/m-0", "/messages/m-4", "/failures"):
        text = console.call("GET", path, token=token).text
        assert "paula@example.org" not in text
        assert "dead@example.com" not in text
    whole = console.call("GET", "/messages/m-0").json()["messages"][0]
    assert whole["body"]["traits"]["email"] == "paula@example.org"


def test_a_replay_is_counted_begun_and_cancelled(console: Console, lane_id: int) -> None:
    counted = conforms("/replay", "POST", console.call("POST", "/replay", json={"state": "dead", "dry_run": True}))
    assert (counted["count"], counted["replay"], counted["estimate"]["calls"]) == (1, None, 1)
    assert console.call("GET", "/replays").json()["replays"] == []
    begun = conforms("/replay", "POST", console.call("POST", "/replay", json={"state": "dead"}))
    replay_id = begun["replay"]["replay_id"]
    cancelled = console.call("POST", f"/replays/{replay_id}/cancel")
    assert conforms("/replays/{replay_id}/cancel", "POST", cancelled)["state"] == "cancelled"


def test_a_replay_is_paused_resumed_and_given_another_share(console: Console, lane_id: int) -> None:
    begun = console.call("POST", "/replay", json={"state": "dead", "share_percent": 5}).json()["replay"]
    assert (begun["share_percent"], begun["paused_at_ms"]) == (5, None)
    for word, state in (("pause", "paused"), ("pause", "paused"), ("resume", "running"), ("resume", "running")):
        path = f"/replays/{{replay_id}}/{word}"
        answer = conforms(path, "POST", console.call("POST", path.format(replay_id=begun["replay_id"])))
        assert answer["state"] == state
    answer = console.call("POST", "/replays/1/share", json={"share_percent": 80})
    assert conforms("/replays/{replay_id}/share", "POST", answer)["share_percent"] == 80
    bad = console.call("POST", "/replays/1/share", json={"share_percent": 101})
    assert (bad.status_code, bad.json()["field"]) == (400, "share_percent")
    assert console.call("POST", "/replays/2/pause").status_code == 404


def test_messages_of_a_replay_are_listed(console: Console, lane_id: int) -> None:
    console.call("POST", "/replay", json={"state": "dead"})
    counts = conforms("/replays/{replay_id}", "GET", console.call("GET", "/replays/1"))["counts"]
    assert counts == [{"destination_id": lane_id, "part": "waiting", "state": None, "count": 1}]
    answer = console.call("GET", "/messages", params={"replay": 1, "replay_part": "waiting"})
    assert [message["message_id"] for message in conforms("/messages", "GET", answer)["messages"]] == ["m-4"]
    bad = console.call("GET", "/messages", params={"replay_part": "waiting"})
    assert (bad.status_code, bad.json()["field"]) == (400, "replay_part")


def test_a_discard_says_why(console: Console, lane_id: int) -> None:
    bad = console.call("POST", "/discard", json={"state": "dead", "note": "x" * 201})
    assert (bad.status_code, bad.json()["field"]) == (400, "note")
    console.call("POST", "/discard", json={"state": "dead", "note": "test data"})
    [fate] = console.call("GET", "/messages/m-4").json()["messages"][0]["fates"]
    assert fate["detail"].startswith("because: test data; it was dead (invalid-input)")


def test_a_group_is_snoozed_and_woken(console: Console, lane_id: int) -> None:
    group = {"state": "dead", "reason": "invalid-input"}
    answer = console.call("POST", "/failures/snooze", json={**group, "destination": "HubSpot", "for": "24h"})
    new_answer = conforms("/failures/snooze", "POST", answer)
    assert (new_answer["destination_id"], new_answer["until_ms"]) == (lane_id, console.clock.now_ms() + 86_400_000)
    listed = conforms("/failures", "GET", console.call("GET", "/failures"))
    assert [group["failure"]["state"] for group in listed["failures"]] == ["retrying", "held"]
    assert [group["snooze"] for group in listed["snoozed"]] == [new_answer]
    woken = [conforms("/failures/wake", "POST", console.call("POST", "/failures/wake", json=group)) for _ in range(2)]
    assert woken == [{"is_woken": True}, {"is_woken": False}]
    bad = console.call("POST", "/failures/snooze", json={**group, "for": "1y"})
    assert (bad.status_code, bad.json()["field"], bad.json()["limit"]) == (400, "for", ["1h", "24h", "7d"])
    bad = console.call("POST", "/failures/snooze", json={**group, "until": "1"})
    assert (bad.status_code, bad.json()["field"]) == (400, "until")


def test_a_discard_is_counted_and_done(console: Console, lane_id: int) -> None:
    body = {"state": "dead", "reason": "invalid-input"}
    counted = conforms("/discard", "POST", console.call("POST", "/discard", json={**body, "dry_run": True}))
    assert (counted["count"], counted["discarded"]) == (1, None)
    done = conforms("/discard", "POST", console.call("POST", "/discard", json=body))
    assert (done["count"], done["discarded"]) == (1, {"count": 1, "passed_count": 0})
    query = {"reason": "discarded-by-person"}
    [found] = console.call("GET", "/messages", params=query).json()["messages"]
    assert found["message_id"] == "m-4"
    refused = conforms("/discard", "POST", console.call("POST", "/discard", json={"state": "delivered"}))
    assert (refused["field"], refused["limit"]) == ("state", ["dead", "held"])
    assert conforms("/discard", "POST", console.call("POST", "/discard", json={}))["field"] == "state"
    unknown = console.call("POST", "/discard", json={"state": "dead", "stat": 1})
    assert unknown.json()["field"] == "stat"
    assert console.audited()[0] == "messages.discarded"


def test_a_source_lives_from_begin_to_end(console: Console, lane_id: int) -> None:
    answer = conforms("/sources", "POST", console.call("POST", "/sources", json={"name": "app", "kind": "mobile"}))
    source_id, key = answer["source"]["source_id"], answer["write_keys"][0]["text"]
    assert console.store.registry.source_of_key(key) is not None
    path = "/sources/{source_id}"
    change = console.call("PATCH", f"/sources/{source_id}", json={"messages_per_second": 10})
    changed = conforms(path, "PATCH", change)["source"]
    assert (changed["messages_per_second"], changed["kind"], changed["identity_space"]) == (10, "mobile", "source:app")
    second = console.call("POST", f"/sources/{source_id}/write-keys", json={"write_key": "my-own-key-0001"})
    assert conforms(f"{path}/write-keys", "POST", second)["text"] == "my-own-key-0001"
    assert console.call("DELETE", f"/sources/{source_id}/write-keys/{key[-4:]}").status_code == 204
    assert console.store.registry.source_of_key(key) is None
    assert console.call("DELETE", "/sources/app").status_code == 204
    assert console.call("GET", "/sources/app").status_code == 404


def test_a_destination_lives_from_begin_to_end_and_its_token_never_comes_out(console: Console, lane_id: int) -> None:
    token = "pat-eu1-secret-token"
    body = {"name": "Second", "hub_id": "42", "token": token, "mapping": {"contact": {"plan": "tier"}}}
    new_answer = console.call("POST", "/destinations", json=body)
    assert conforms("/destinations", "POST", new_answer)["has_token"]
    path = "/destinations/{destination_id}"
    answers = [new_answer]
    for method, sub, content in (
        ("PATCH", "", {"hold_hours": 1, "source_ids": [1], "is_paused": True}),
        ("POST", "/pause", None),
        ("POST", "/resume", None),
        ("POST", "/test", None),
        ("PUT", "/token", {"token": f"{token}-2"}),
        ("GET", "", None),
    ):
        answer = console.call(method, f"/destinations/Second{sub}", json=content)
        assert answer.status_code == 200, answer.text
        conforms(path + sub, method, answer)
        answers.append(answer)
    stored = answers[-1].json()["destination"]
    assert (stored["hold_hours"], stored["source_ids"], stored["is_paused"]) == (1.0, [1], False)
    assert stored["mapping"]["contact"] == {"plan": "tier"}
    assert not [answer for answer in answers if token in answer.text or HUBSPOT_TOKEN in answer.text]
    assert console.call("PUT", "/destinations/Second/token", json={"token": None}).json()["has_token"] is False
    assert console.call("DELETE", "/destinations/Second").status_code == 204


def test_a_bad_change_names_field_value_and_limit(console: Console, lane_id: int) -> None:
    answer = console.call("PATCH", "/destinations/HubSpot", json={"hold_hours": 10_000})
    problem = conforms("/destinations/{destination_id}", "PATCH", answer)
    assert (problem["field"], problem["value"], problem["limit"]) == ("hold_hours", 10_000, [0, 744])
    taken = console.call("POST", "/sources", json={"name": "server"})
    assert (taken.status_code, taken.json()["code"], taken.json()["field"]) == (409, "taken", "name")


def test_an_upload_that_comes_to_the_admin_api_hears_where_uploads_go(console: Console) -> None:
    unknown = console.call("POST", "/track", json={"userId": "1", "event": "E"})
    foreign = console.client.post(
        "/api/v1/track", json={}, headers={"sec-fetch-site": "cross-site", "authorization": ""}
    )
    assert (unknown.status_code, foreign.status_code) == (404, 403)
    for answer in (unknown, foreign):
        assert "/v1/batch" in answer.text
        assert "page" not in answer.json()["message"]


def test_what_is_added_with_a_bad_secret_is_not_half_there(console: Console, lane_id: int) -> None:
    taken = console.call("POST", "/sources", json={"name": "app", "write_key": "wk_server_secret_key_0001"})
    assert (taken.status_code, taken.json()["field"]) == (409, "write_key")
    assert "wk_server_secret_key_0001" not in taken.text
    bad = console.call("POST", "/sources", json={"name": "app", "write_key": "no"})
    assert (bad.status_code, bad.json()["field"]) == (400, "write_key")
    refused = console.call("POST", "/destinations", json={"name": "Second", "token": "with a space"})
    assert (refused.status_code, refused.json()["field"], refused.json()["value"]) == (400, "token", None)
    assert len(console.call("GET", "/sources").json()["sources"]) == 2
    assert len(console.call("GET", "/destinations").json()["destinations"]) == 1
    assert console.call("POST", "/sources", json={"name": "app"}).status_code == 201


@pytest.mark.parametrize(
    ("method", "path", "body", "field", "status"),
    [
        ("PATCH", "/destinations/HubSpot", {"mapping": {"only_event": ["x"]}}, "mapping", 400),
        ("PATCH", "/destinations/HubSpot", {"mapping": {"contact": {"plan": "Not A Name"}}}, "contact", 400),
        ("PATCH", "/destinations/HubSpot", {"source_ids": [99]}, "source_ids", 404),
        ("PATCH", "/sources/server", {"identity_space": ""}, "identity_space", 400),
        ("PATCH", "/sources/server", {"identity_space": "a|b"}, "identity_space", 400),
        ("PATCH", "/sources/server", {"allowed_origins": ["https://*"]}, "allowed_origins", 400),
        ("POST", "/replay", {"state": "retrying", "dry_run": True}, "state", 400),
        ("POST", "/replay", {"state": "dead", "source": "nobody"}, "source", 404),
        ("POST", "/regulations", {"regulationType": "SUPPRESS_ONLY", "subjectType": "OBJECT_ID", "subjectIds": ["1"]},
         "subjectType", 400),
        ("POST", "/regulations", {"regulationType": "SUPPRESS_ONLY", "subjectType": "USER_ID", "subjectIds": []},
         "subjectIds", 400),
        ("POST", "/regulations", {"regulationType": "SUPPRESS_ONLY", "subjectType": "EMAIL", "subjectIds": ["me"]},
         "subjectIds", 400),
    ],
)  # fmt: skip
def test_a_bad_body_is_refused_and_says_which_field(
    console: Console, lane_id: int, method: str, path: str, body: dict[str, Any], field: str, status: int
) -> None:
    before = console.audited()
    answer = console.call(method, path, json=body)
    assert (answer.status_code, field in (answer.json()["field"] or answer.json()["message"])) == (status, True)
    assert console.audited() == before


def test_a_plan_is_made_of_a_given_and_of_a_stored_message(console: Console, lane_id: int) -> None:
    body = {"message": {"type": "identify", "userId": "1"}, "source": "website", "destination": 1}
    planned = conforms("/plan", "POST", console.call("POST", "/plan", json=body))
    assert planned["plan"]["operations"][0]["fields"][0]["rule"] == "standard:firstName"
    stored = console.call("GET", "/plan", params={"message_id": "m-0"})
    assert conforms("/plan", "GET", stored)["destination_id"] == lane_id
    refused = console.call("POST", "/plan", json={"message": {"no": "type"}})
    assert refused.status_code == 400


def test_the_document_is_served_and_open(console: Console) -> None:
    answer = console.get("/api/v1/openapi.json")
    assert answer.json() == DOCUMENT


def test_every_change_is_in_the_audit_log_with_who_did_it(console: Console, lane_id: int) -> None:
    token = console.member("ana", Role.ADMIN)
    console.call("POST", "/destinations/HubSpot/pause", token=token)
    entries = conforms("/audit", "GET", console.call("GET", "/audit"))["entries"]
    assert (entries[0]["actor"], entries[0]["action"]) == ("ana", "destination.paused")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("authorization", ["Bearer wk_key", "Basic d2tfa2V5Og=="])
def test_a_program_at_an_unknown_path_hears_where_uploads_go(console: Console, method: str, authorization: str) -> None:
    answer = console.fresh_client().request(method, "/v9/track", headers={"authorization": authorization})
    assert answer.headers["content-type"] == "application/json"
    assert (answer.status_code, "/v1/batch" in answer.text) in {(404, True), (403, False)}
    assert answer.json()["code"] in {"not-found", "foreign-origin"}

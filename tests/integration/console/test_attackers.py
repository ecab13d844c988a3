"""What an attacker tries, each with its answer: no token, wrong role, forged origin, stored XSS, path traversal,
secrets in pages and errors, oversized bodies, guessing."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from tests.integration.console.harness import ADMIN_TOKEN, HUBSPOT_TOKEN, XSS, Console, Page, filled_in

from hubwire.api.table import OPERATIONS
from hubwire.console.app import GET_PAGES, POSTS, STREAMS
from hubwire.manage.members import set_password
from hubwire.registry.access import Role
from hubwire.secret import Secret
from hubwire.web.access import (
    COOKIE,
    TRIES,
    TRIES_SECONDS,
    Access,
)
from hubwire.web.guard import MAX_BODY_BYTES

PAGES = [path for path, _, _ in (*GET_PAGES, *STREAMS)]
CHANGES = [(path, role) for path, _, role in POSTS]


# -- no token


def test_who_is_not_signed_in_is_led_to_the_sign_in_page_and_a_program_is_refused(console: Console) -> None:
    answer = console.get("/messages/m-0")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Fmessages%2Fm-0")
    refused = console.client.get("/messages/m-0", headers={"accept": "application/json"})
    assert (refused.status_code, refused.headers["www-authenticate"][:6]) == (401, "Bearer")


def test_a_browser_behind_a_proxy_that_asks_for_a_password_finds_the_sign_in_page(console: Console) -> None:
    answer = console.client.get("/", headers={"authorization": "Basic cHJveHk6cGFzc3dvcmQ="})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


@pytest.mark.parametrize("cookie", ["", "x", "x" * 5000, "é", "../../etc/passwd"])
def test_a_made_up_cookie_is_no_session(console: Console, cookie: str) -> None:
    answer = console.client.get("/", headers=[(b"cookie", f"{COOKIE}={cookie}".encode("latin-1"))])
    assert answer.status_code == 303


def test_a_part_that_renews_itself_sends_the_whole_page_to_sign_in(console: Console) -> None:
    answer = console.client.get("/", headers={"hx-request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/login")


def test_a_stream_is_refused_and_not_led_to_a_page(console: Console) -> None:
    assert console.client.get("/live/changes", headers={"accept": "text/event-stream"}).status_code == 401


# -- numbers that no row can have

NUMBERED = [path for path, *_ in (*GET_PAGES, *POSTS) if ":int}" in path]
RULE = {"name": "own staff", "trigger": 'type = "track"', "skip": "own staff"}
BODIES: dict[str, dict[str, Any]] = {
    "set-token": {"token": None},
    "share-replay": {"share_percent": 20},
    "add-rule": RULE,
    "replace-rules": {"rules": [RULE]},
    "replace-rule": RULE,
    "change-rule": {"enabled": False},
    "test-rules": {"message": {"type": "track"}},
}
NO_ROWS = ["18446744073709551616", "9" * 30, "9" * 5000]


@pytest.mark.parametrize("number", NO_ROWS, ids=lambda number: f"{len(number)}-digits")
def test_a_number_that_no_row_can_have_is_not_found(console: Console, number: str) -> None:
    console.fill()
    console.sign_in()
    for path in dict.fromkeys(NUMBERED):
        address = re.sub(r"\{\w+:int\}", number, path).replace("{step}", "token")
        statuses = {console.get(address).status_code, console.post(address, name="x").status_code}
        assert statuses <= {404, 405}, address[:60]
    for operation in OPERATIONS:
        address = re.sub(r"\{(replay|source|destination)_id(:int)?\}", number, operation.path)
        if address != operation.path:
            body = BODIES.get(operation.name, {})
            assert console.call(operation.method, address, json=body).status_code == 404, address[:60]
    for page in ("/test", "/messages", "/schema"):
        assert console.get(page, source=number, destination=number).status_code < 500


# -- wrong role


def test_who_may_not_see_payloads_cannot_ask_what_they_hold(console: Console) -> None:
    """A filter by value would tell a masked value, guess by guess."""
    console.fill()
    token = console.member("viewer", Role.VIEW)
    console.sign_in(Role.VIEW)
    for path in ("/messages?where=traits.plan%3DGold", "/messages?where=traits.plan%3DGold&format=ndjson"):
        assert console.get(path).status_code == 403
    assert console.call("GET", "/messages?where=traits.plan%3DGold", token=token).status_code == 403
    assert 'name="where"' not in console.get("/messages").text


def test_a_removed_member_is_out_at_once(console: Console) -> None:
    client = console.sign_in(Role.OPERATE)
    assert client.get("/").status_code == 200
    console.store.access.remove_member("operate-person")
    assert client.get("/").status_code == 303


def test_another_admin_token_ends_every_session(console: Console) -> None:
    cookie = console.sign_in().cookies[COOKIE]
    renewed = Access(console.store.access, console.clock, Secret("another-admin-token"))
    assert console.access.session(cookie) is not None
    assert renewed.session(cookie) is None


# -- forged origin


def test_nobody_is_signed_in_by_a_foreign_form(console: Console) -> None:
    answer = console.client.post("/login", data={"secret": ADMIN_TOKEN}, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "path", ["https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil", "javascript:x"]
)
def test_signing_in_leads_to_no_other_site(console: Console, path: str) -> None:
    answer = console.post("/login", secret=ADMIN_TOKEN, next=path)
    assert answer.headers["location"] == "/"
    shown = console.fresh_client().get("/login", params={"next": path}).text
    assert 'name="next" value="/"' in shown


# -- stored XSS


@pytest.mark.parametrize(
    "path",
    [
        "/live",
        "/messages",
        "/messages/m-0",
        "/messages/m-4",
        f"/messages/{quote(XSS, safe='')}",
        "/failures",
        "/who/u1",
        f"/who/{quote(XSS, safe='')}",
        "/schema",
        f"/messages?q={quote(XSS)}",
        f"/discards/new?state=dead&q={quote(XSS)}",
        f"/discards/new?state=held&event={quote(XSS)}",
        f"/replays/new?state=held&user={quote(XSS)}",
        f"/live?q={quote(XSS)}",
        f"/messages?state={quote(XSS)}",
        f"/schema?q={quote(XSS)}",
        f"/mapping/1?trait={quote(XSS)}",
        f"/login?next=/{quote(XSS)}",
        f"/{quote(XSS)}",
    ],
)
def test_what_senders_write_is_never_markup(console: Console, path: str) -> None:
    console.fill()
    console.sign_in()
    answer = console.get(path)
    page = Page(answer.text)
    assert XSS not in answer.text
    assert [
        number for number in page.all("script") if not str(number.get("src", "")).startswith("/console/static/")
    ] == []
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


def test_names_that_people_choose_are_never_markup(console: Console) -> None:
    console.fill()
    console.sign_in()
    assert console.post("/sources/1", name=XSS, kind="server").status_code == 422
    assert console.post("/mapping/1/rules", table="contact", trait=XSS, name="city").status_code == 303
    assert XSS not in console.get("/mapping/1").text
    assert XSS not in console.get("/audit").text


def test_the_json_twin_is_not_sniffed_as_markup(console: Console) -> None:
    console.fill()
    console.sign_in()
    answer = console.client.get("/messages/m-0?format=json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"


# -- path traversal


@pytest.mark.parametrize(
    "path",
    [
        "/console/static/../app.py",
        "/console/static/%2e%2e/app.py",
        "/console/static/..%2fapp.py",
        "/console/static//etc/passwd",
        "/console/static/vendor/../../app.py",
        "/console/static/console.css%00.png",
        "/setup/1/..%2f..%2fbase",
        "/setup/1/new",
    ],
)
def test_no_other_file_is_reached(console: Console, path: str) -> None:
    console.fill()
    console.sign_in()
    answer = console.client.get(path)
    assert answer.status_code == 404
    assert "from __future__" not in answer.text


# -- secrets


def test_secrets_are_in_no_page_no_answer_and_no_log(console: Console, capsys: pytest.CaptureFixture[str]) -> None:
    console.fill()
    console.sign_in()
    token = "pat-na1-9999-fresh-secret"
    texts = [console.post("/connection/1/token", token=token).text]
    texts.append(console.call("PUT", "/destinations/1/token", json={"token": token}).text)
    texts.append(console.call("PUT", "/destinations/1/token", json={"token": "short"}).text)
    texts.append(console.post("/connection/1/token", token="with a space in it").text)
    for path, _, _ in GET_PAGES:
        texts += [console.get(filled_in(path)).text, console.client.get(f"{filled_in(path)}?format=json").text]
    for operation in OPERATIONS:
        if operation.method == "GET":
            texts.append(console.call("GET", filled_in(operation.path)).text)
    texts += capsys.readouterr()
    for secret in (token, HUBSPOT_TOKEN, ADMIN_TOKEN, "wk_server_secret_key_0001", "with a space in it"):
        assert not [text for text in texts if secret in text], secret
    assert "token.changed" in console.audited()


def test_a_wrong_token_is_not_repeated_to_who_sent_it(console: Console) -> None:
    answer = console.post("/login", secret="hunter2-hunter2")
    assert answer.status_code == 403
    assert "hunter2" not in answer.text


def test_bugs_are_told_without_their_inside(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    console.fill()
    console.sign_in()
    monkeypatch.setattr(type(console.store.queries), "lanes", lambda *_: 1 / 0)
    answer = console.get("/")
    assert answer.status_code == 500
    assert "ZeroDivision" not in answer.text
    assert console.call("GET", "/status").json()["code"] == "internal-error"


# -- oversized


def test_an_oversized_body_is_refused(console: Console) -> None:
    console.fill()
    console.sign_in()
    before = console.audited()
    answer = console.post("/test", message="x" * MAX_BODY_BYTES)
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    assert console.call("POST", "/plan", content=b"[" * (MAX_BODY_BYTES + 1)).status_code == 413
    for path, _ in CHANGES:
        assert console.post(filled_in(path), state="dead", q="x" * MAX_BODY_BYTES).status_code == 413, path
    assert console.post("/discards", state="dead", q="x" * 2000).status_code == 400
    assert console.audited() == before


def test_an_oversized_body_without_a_length_is_refused(console: Console) -> None:
    console.fill()

    def parts() -> Any:
        for _ in range(40):
            yield b"x" * 65_536

    headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}
    answer = console.fresh_client().post("/api/v1/plan", content=parts(), headers=headers)
    assert answer.status_code == 413


def test_a_form_with_too_many_fields_is_refused(console: Console) -> None:
    console.fill()
    console.sign_in()
    body = "&".join(f"f{number}=1" for number in range(600))
    headers = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
    assert console.client.post("/test", content=body, headers=headers).status_code == 400


@pytest.mark.parametrize("content_type", ["multipart/form-data; boundary=x", "text/plain", "application/json"])
def test_only_url_encoded_forms_are_forms(console: Console, content_type: str) -> None:
    console.fill()
    console.sign_in()
    headers = {"content-type": content_type, "sec-fetch-site": "same-origin"}
    assert console.client.post("/connection/1/token", content=b"token=abcdefgh", headers=headers).status_code == 400


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[]", b'{"state":"dead","surprise":1}', b'{"state":1}', b"[" * 9000])
def test_a_body_that_is_not_what_the_call_takes_is_400(console: Console, body: bytes) -> None:
    console.fill()
    answer = console.call("POST", "/replay", content=body)
    assert answer.status_code == 400
    assert answer.json()["code"] == "bad-value"


# -- guessing


def test_guessing_is_slowed_down_and_the_right_token_waits_too(console: Console) -> None:
    for _ in range(TRIES):
        assert console.post("/login", secret="guess").status_code == 403
    answer = console.post("/login", secret=ADMIN_TOKEN)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) <= TRIES_SECONDS
    console.clock.advance(TRIES_SECONDS + 1)
    assert console.post("/login", secret=ADMIN_TOKEN).status_code == 303


def test_guessing_bearer_tokens_is_slowed_down(console: Console) -> None:
    statuses = [console.call("GET", "/status", token=f"guess-{number}").status_code for number in range(60)]
    assert statuses[0] == 401
    assert statuses[-1] == 429


def test_a_sign_in_link_works_once_and_not_for_a_prefetch(console: Console) -> None:
    path = console.access.sign_in_link("")
    early = console.fresh_client().get(path, headers={"sec-purpose": "prefetch;prerender"})
    assert early.status_code == 503
    first = console.fresh_client()
    answer = first.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert first.get("/").status_code == 200
    second = console.fresh_client().get(path)
    assert second.status_code == 403
    assert "This link" in second.text
    assert first.get(path).headers["location"] == "/", "who is signed in goes on"


def test_a_sign_in_link_expires(console: Console) -> None:
    path = console.access.sign_in_link("")
    console.clock.advance(25 * 3600)
    assert console.fresh_client().get(path).status_code == 403


def test_a_session_is_http_only_and_ends(console: Console) -> None:
    answer = console.post("/login", secret=ADMIN_TOKEN)
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert console.get("/").status_code == 200
    stale = console.client.cookies[COOKIE]
    console.post("/logout")
    assert console.client.get("/", headers={"cookie": f"{COOKIE}={stale}"}).status_code == 303


def test_a_session_that_was_planted_before_signing_in_stays_worthless(console: Console) -> None:
    """Session fixation: whoever signs in gets a cookie of their own, and the planted one opens nothing."""
    planted = "planted-by-somebody-else"
    client = console.fresh_client()
    client.cookies.set(COOKIE, planted)
    token = console.member("ana", Role.VIEW)
    answer = client.post("/login", data={"secret": token}, headers={"sec-fetch-site": "same-origin"})
    assert answer.status_code == 303
    [given] = answer.headers.get_list("set-cookie")
    assert planted not in given
    assert console.access.session(planted) is None


def test_a_session_expires(console: Console) -> None:
    console.sign_in()
    console.clock.advance(13 * 3600)
    assert console.get("/").status_code == 303


def test_the_cookie_is_secure_on_https(console: Console) -> None:
    headers = {"sec-fetch-site": "same-origin", "host": "events.example.com"}
    answer = console.client.post("/login", data={"secret": ADMIN_TOKEN}, headers=headers)
    assert "Secure" in answer.headers["set-cookie"]


def test_every_answer_has_the_security_headers(console: Console) -> None:
    for path in ("/", "/login", "/nope", "/api/v1/status", "/api/v1/openapi.json", "/console/static/console.css"):
        headers = console.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "cache-control" in headers


def test_a_password_signs_in_and_is_kept_as_a_slow_hash(console: Console) -> None:
    console.sign_in()
    assert console.post("/members", name="ana", role="operate", password="short").status_code == 422
    assert console.post("/members", name="ana", role="operate", password="correct horse battery").status_code == 303
    stored = console.store.access.password_hash("ana")
    assert stored is not None
    assert "horse" not in stored
    console.client = console.fresh_client()
    assert console.post("/login", name="ana", secret="wrong horse battery").status_code == 403
    assert console.post("/login", name="ana", secret="correct horse battery").status_code == 303
    assert console.get("/members").status_code == 403


def test_a_failed_sign_in_computes_one_slow_hash_whoever_asks(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted instead of timed: the slow hash is what a clock would see."""
    set_password(console.deps, "test", "ana", Role.VIEW, "correct horse battery")
    console.member("bob", Role.VIEW)
    computed: list[str] = []
    slow_hash = hashlib.scrypt

    def counted(password: bytes, **options: Any) -> bytes:
        computed.append("")
        return slow_hash(password, **options)

    monkeypatch.setattr(hashlib, "scrypt", counted)
    counts = {}
    for name in ("ana", "bob", "nobody", ""):
        computed.clear()
        assert console.post("/login", name=name, secret="wrong horse battery").status_code == 403
        counts[name] = len(computed)
    assert counts == dict.fromkeys(counts, 1)


def test_json_of_a_deep_filter_cannot_break_the_page(console: Console) -> None:
    console.fill()
    console.sign_in()
    deep = json.loads("[" * 50 + "]" * 50)
    message = json.dumps({"type": "identify", "userId": "1", "traits": {"deep": deep}})
    assert console.post("/test", message=message, source="1", destination="1").status_code == 200

"""The client: every answer a value, the token nowhere but in the header."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Callable

import httpx2
import pytest

from hubwire.clock import FakeClock
from hubwire.errors import Refused, SettingsError, Unreachable, Unreadable
from hubwire.hubspot.account import HubSpotAccount
from hubwire.hubspot.client import Answer, Call, ClientPolicy, FixedToken, HubSpotClient, trusted_certificates
from hubwire.hubspot.definitions import NewProperty
from hubwire.hubspot.paths import Paths
from hubwire.hubspot.tokens import OAuthApp, RenewedToken
from hubwire.secret import Secret

TOKEN = "pat-na1-very-secret"
READ = Call("read account", "GET", "/account-info/2026-09/details")
WRITE = Call("upsert contacts", "POST", "/crm/objects/2026-09/contacts/batch/upsert?x=1", b'{"inputs":[]}')

Handler = Callable[[httpx2.Request], httpx2.Response]


def client(handler: Handler, paths: Paths | None = None, policy: ClientPolicy | None = None) -> HubSpotClient:
    return HubSpotClient(
        "https://api.hubapi.com/",
        FixedToken(Secret(TOKEN)),
        paths or Paths(),
        policy=policy,
        transport=httpx2.MockTransport(handler),
    )


async def ask(handler: Handler, call: Call = READ, policy: ClientPolicy | None = None) -> Answer:
    async with client(handler, policy=policy) as hubspot:
        return await hubspot.call(call)


async def test_clients_share_the_certificates_that_they_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading them anew took 30 ms: with 200 destinations, a server heard neither news nor SIGTERM for six seconds."""

    def read_again(*_: object, **__: object) -> ssl.SSLContext:
        raise AssertionError("the certificates were read once more")

    HubSpotClient("https://api.hubapi.com", FixedToken(Secret(TOKEN)), Paths())
    assert trusted_certificates().verify_mode is ssl.CERT_REQUIRED
    assert trusted_certificates().cert_store_stats()["x509_ca"] > 0
    monkeypatch.setattr(ssl, "create_default_context", read_again)
    await HubSpotClient("https://api.hubapi.com", FixedToken(Secret(TOKEN)), Paths()).close()


async def test_a_call_goes_out_as_it_is_with_the_bearer() -> None:
    seen: list[httpx2.Request] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json={})

    await ask(handler, WRITE)
    (request,) = seen
    assert (request.method, str(request.url)) == (
        "POST",
        "https://api.hubapi.com/crm/objects/2026-09/contacts/batch/upsert?x=1",
    )
    assert request.content == b'{"inputs":[]}'
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"] == "hubwire"


@pytest.mark.parametrize("status", [200, 204, 207, 302, 400, 401, 403, 404, 409, 423, 429, 477, 500, 524])
async def test_every_status_is_an_answer(status: int) -> None:
    answer = await ask(lambda _: httpx2.Response(status, content=b"body", headers={"Location": "/elsewhere"}))
    assert (answer.status, answer.body, answer.failure) == (status, b"body", None)


async def test_only_the_headers_that_are_read_are_kept() -> None:
    headers = {
        "X-HubSpot-RateLimit-Remaining": "7",
        "X-HubSpot-Correlation-Id": "c-1",
        "Retry-After": "3",
        "Set-Cookie": "a=b",
        "Server": "x",
    }
    answer = await ask(lambda _: httpx2.Response(429, headers=headers))
    assert answer.headers == {
        "x-hubspot-ratelimit-remaining": "7",
        "x-hubspot-correlation-id": "c-1",
        "retry-after": "3",
    }
    assert answer.correlation_id == "c-1"


@pytest.mark.parametrize("cookie", [b"__cf_bm=1; Path=/", b"\xff=1; Path=/"])
async def test_no_cookie_is_sent_back(cookie: bytes) -> None:
    seen: list[httpx2.Request] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, headers=[(b"Set-Cookie", cookie)])

    async with client(handler) as hubspot:
        assert [(await hubspot.call(READ)).status for _ in range(2)] == [200, 200]
    assert not any("cookie" in request.headers for request in seen)


@pytest.mark.parametrize(
    "error",
    [
        httpx2.ConnectError("refused"),
        httpx2.ConnectTimeout("slow"),
        httpx2.ReadTimeout("slow"),
        httpx2.ReadError("reset"),
        httpx2.RemoteProtocolError("not HTTP"),
        httpx2.PoolTimeout("full"),
        OSError("no route"),
    ],
)
async def test_no_answer_is_an_answer_too(error: Exception) -> None:
    def handler(_: httpx2.Request) -> httpx2.Response:
        raise error

    answer = await ask(handler)
    assert answer.status is None
    assert answer.failure is not None
    assert type(error).__name__ in answer.failure
    assert TOKEN not in repr(answer)


async def test_an_answer_that_breaks_off_keeps_its_status_and_says_so() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b'{"results":'
        raise httpx2.ReadError("reset")

    answer = await ask(lambda _: httpx2.Response(200, content=parts()))
    assert answer.status == 200
    assert answer.body == b""
    assert answer.failure == "failed: ReadError reset"


async def test_an_answer_without_end_is_cut_off() -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(1_000_000):
            yield b"x" * 1_000

    policy = ClientPolicy(max_answer_bytes=5_000)
    answer = await ask(lambda _: httpx2.Response(200, content=parts()), policy=policy)
    assert answer.body == b""
    assert answer.failure == "the answer is longer than 5000 bytes"


async def test_redirects_are_not_followed() -> None:
    calls: list[str] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        calls.append(str(request.url))
        return httpx2.Response(302, headers={"Location": "https://evil.example/"})

    answer = await ask(handler)
    assert answer.headers["location"] == "https://evil.example/"
    assert len(calls) == 1


@pytest.mark.parametrize("url", ["api.hubapi.com", "ftp://x", ""])
async def test_a_base_url_that_is_none_is_a_setting_to_mend(url: str) -> None:
    with pytest.raises(SettingsError):
        HubSpotClient(url, FixedToken(Secret(TOKEN)), Paths())


def oauth_client(handler: Handler) -> HubSpotClient:
    app = OAuthApp("client", Secret("hush"), Secret("refresh-1"))
    return HubSpotClient(
        "https://api.hubapi.com",
        RenewedToken(app, FakeClock()),
        Paths(),
        transport=httpx2.MockTransport(handler),
    )


async def test_an_oauth_token_is_fetched_before_the_first_call_and_renewed_after_a_401() -> None:
    bearers: list[str] = []
    tokens = iter(["access-1", "access-2"])

    def handler(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/oauth/2026-09/token":
            assert b"grant_type=refresh_token" in request.content
            return httpx2.Response(200, json={"access_token": next(tokens), "expires_in": 1800})
        bearers.append(request.headers["authorization"])
        return httpx2.Response(401 if request.headers["authorization"] == "Bearer access-1" else 200)

    async with oauth_client(handler) as hubspot:
        refused = await hubspot.call(READ)
        assert (refused.status, refused.may_renew_token) == (401, True)
        assert (await hubspot.call(READ)).status == 200
    assert bearers == ["Bearer access-1", "Bearer access-2"]


@pytest.mark.parametrize(
    ("given", "status"), [(httpx2.Response(400, json={"error": "invalid_grant"}), 401), (httpx2.Response(503), None)]
)
async def test_a_token_that_cannot_be_had_is_an_answer(given: httpx2.Response, status: int | None) -> None:
    async with oauth_client(lambda _: given) as hubspot:
        answer = await hubspot.call(READ)
    assert answer.status == status
    assert not answer.may_renew_token
    assert answer.failure is not None
    assert answer.failure.startswith("no access token")
    assert "hush" not in answer.failure


async def test_a_fixed_token_that_is_refused_is_not_renewed() -> None:
    assert not (await ask(lambda _: httpx2.Response(401))).may_renew_token


async def test_events_of_2026_03_are_looked_for_in_their_other_place() -> None:
    paths: list[str] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        paths.append(request.url.path)
        found = request.url.path.startswith("/events/2026-03/")
        return httpx2.Response(200 if found else 404, json={"results": []})

    async with client(handler, Paths("2026-03")) as hubspot:
        assert await HubSpotAccount(hubspot).event_definitions() == []
        await hubspot.call(Call("send events", "POST", hubspot.paths.send_events, b"{}", "events"))
    assert paths == [
        "/events/custom/2026-03/event-definitions",
        "/events/2026-03/event-definitions",
        "/events/2026-03/send/batch",
    ]


async def test_other_versions_have_one_place_for_events() -> None:
    paths: list[str] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        paths.append(request.url.path)
        return httpx2.Response(404)

    async with client(handler) as hubspot:
        with pytest.raises(Refused):
            await HubSpotAccount(hubspot).event_definitions()
    assert len(paths) == 1


async def test_set_up_calls_raise_what_went_wrong() -> None:
    def unreachable(_: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused")

    problem = {"category": "MISSING_SCOPES", "message": "no", "correlationId": "c-1"}
    cases: list[tuple[Handler, type[Exception]]] = [
        (unreachable, Unreachable),
        (lambda _: httpx2.Response(403, json=problem), Refused),
        (lambda _: httpx2.Response(200, content=b"<html>"), Unreadable),
    ]
    for handler, expected in cases:
        async with client(handler) as hubspot:
            with pytest.raises(expected) as caught:
                await HubSpotAccount(hubspot).account_details()
        assert TOKEN not in str(caught.value)
        if isinstance(caught.value, Refused):
            assert (caught.value.status, caught.value.category) == (403, "MISSING_SCOPES")


@pytest.mark.parametrize("status", [201, 207, 409])
async def test_properties_that_exist_already_are_no_failure(status: int) -> None:
    body = {"results": [], "errors": [{"category": "OBJECT_ALREADY_EXISTS", "message": "exists"}]}
    seen: list[httpx2.Request] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(status, json=body)

    plan = NewProperty(name="plan", label="Plan", type="string", field_type="text", group="hubwire")
    async with client(handler) as hubspot:
        await HubSpotAccount(hubspot).create_properties("contacts", [plan])
    [request] = seen
    assert (request.method, request.url.path) == ("POST", Paths().create_properties("contacts"))
    assert [sent["name"] for sent in json.loads(request.content)["inputs"]] == ["plan"]


async def test_a_property_that_hubspot_refuses_is_a_failure() -> None:
    body = {"results": [], "errors": [{"category": "VALIDATION_ERROR", "message": "bad name"}]}
    async with client(lambda _: httpx2.Response(207, json=body)) as hubspot:
        with pytest.raises(Refused, match="bad name"):
            await HubSpotAccount(hubspot).create_properties("contacts", [])

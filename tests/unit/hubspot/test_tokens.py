"""Access tokens: when they are renewed, and by whom."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs

import pytest

from hubwire.clock import FakeClock
from hubwire.errors import Refused, Unreachable, Unreadable
from hubwire.hubspot.call import Answer
from hubwire.hubspot.client import FixedToken
from hubwire.hubspot.tokens import AppCredentials, OAuthApp, RenewedToken
from hubwire.secret import Secret

APP = OAuthApp("client", Secret("hush"), Secret("refresh-1"))


class Endpoint:
    """A token endpoint that answers what it is told to; otherwise a new token that lasts 30 minutes."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.forms: list[dict[str, list[str]]] = []
        self.waits: list[float] = []

    async def post(self, form: bytes) -> Answer:
        self.forms.append(parse_qs(form.decode()))
        await asyncio.sleep(0)
        if self.answers:
            return self.answers.pop(0)
        return Answer(200, {}, b'{"access_token":"access-%d","expires_in":1800}' % len(self.forms))

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


async def test_a_fixed_token_stays_what_it_is() -> None:
    token = FixedToken(Secret("pat-na1-x"))
    assert await token.token(Endpoint().post) == Secret("pat-na1-x")
    assert not token.was_refused(Secret("pat-na1-x"))


async def test_an_app_renews_its_own_token_with_its_credentials() -> None:
    clock, endpoint = FakeClock(), Endpoint()
    source = RenewedToken(AppCredentials("client", Secret("hush"), ("a.read", "b.write")), clock)
    assert await source.token(endpoint.post) == Secret("access-1")
    clock.advance(1_501)
    assert await source.token(endpoint.post) == Secret("access-2")
    form = {"client_id": ["client"], "client_secret": ["hush"], "scope": ["a.read b.write"]}
    assert endpoint.forms == [{"grant_type": ["client_credentials"], **form}] * 2


async def test_a_token_is_renewed_five_minutes_before_it_ends() -> None:
    clock, endpoint = FakeClock(), Endpoint()
    source = RenewedToken(APP, clock)
    assert await source.token(endpoint.post) == Secret("access-1")
    clock.advance(1_499)
    assert await source.token(endpoint.post) == Secret("access-1")
    clock.advance(2)
    assert await source.token(endpoint.post) == Secret("access-2")
    assert endpoint.forms[0] == {
        "grant_type": ["refresh_token"],
        "client_id": ["client"],
        "client_secret": ["hush"],
        "refresh_token": ["refresh-1"],
    }


async def test_many_callers_share_one_renewal() -> None:
    endpoint, source = Endpoint(), RenewedToken(APP, FakeClock())
    tokens = await asyncio.gather(*(source.token(endpoint.post) for _ in range(20)))
    assert len(endpoint.forms) == 1
    assert set(tokens) == {Secret("access-1")}


async def test_a_throttled_renewal_waits_as_long_as_hubspot_says() -> None:
    endpoint = Endpoint(Answer(429, {"retry-after": "3"}, b"{}"))
    source = RenewedToken(APP, FakeClock(), sleep=endpoint.sleep)
    assert await source.token(endpoint.post) == Secret("access-2")
    assert endpoint.waits == [3.0]


async def test_a_renewal_that_fails_early_does_no_harm_while_the_old_token_holds() -> None:
    clock, endpoint = FakeClock(), Endpoint()
    source = RenewedToken(APP, clock)
    await source.token(endpoint.post)
    clock.advance(1_600)
    endpoint.answers = [Answer(None, failure="timed out")]
    assert await source.token(endpoint.post) == Secret("access-1")
    clock.advance(300)
    endpoint.answers = [Answer(None, failure="timed out")]
    with pytest.raises(Unreachable):
        await source.token(endpoint.post)


async def test_a_refused_refresh_token_is_told() -> None:
    body = b'{"status":"BAD_REFRESH_TOKEN","message":"missing or invalid refresh token","error":"invalid_grant"}'
    with pytest.raises(Refused, match="missing or invalid refresh token"):
        await RenewedToken(APP, FakeClock()).token(Endpoint(Answer(400, {}, body)).post)


async def test_an_answer_without_a_token_is_unreadable_and_shows_nothing() -> None:
    endpoint = Endpoint(Answer(200, {}, b'{"refresh_token":"very-secret"}'))
    with pytest.raises(Unreadable) as caught:
        await RenewedToken(APP, FakeClock()).token(endpoint.post)
    assert "very-secret" not in str(caught.value)


async def test_a_new_refresh_token_is_kept_and_used() -> None:
    announced: list[Secret] = []
    clock = FakeClock()
    endpoint = Endpoint(Answer(200, {}, b'{"access_token":"a","expires_in":60,"refresh_token":"refresh-2"}'))
    source = RenewedToken(APP, clock, announced.append)
    await source.token(endpoint.post)
    clock.advance(120)
    await source.token(endpoint.post)
    assert announced == [Secret("refresh-2")]
    assert endpoint.forms[1]["refresh_token"] == ["refresh-2"]


async def test_a_token_that_hubspot_refuses_is_renewed_once() -> None:
    clock, endpoint = FakeClock(), Endpoint()
    source = RenewedToken(APP, clock)
    first = await source.token(endpoint.post)
    assert source.was_refused(first)
    second = await source.token(endpoint.post)
    assert second == Secret("access-2")
    assert source.was_refused(first), "an answer to the old token comes late"
    assert not source.was_refused(second), "or it would be renewed for ever"
    clock.advance(301)
    assert source.was_refused(second)


@pytest.mark.parametrize("back_seconds", [7_200, -7_200])
async def test_a_clock_that_is_set_keeps_no_token_from_being_renewed(back_seconds: int) -> None:
    clock, endpoint = FakeClock(), Endpoint()
    source = RenewedToken(APP, clock)
    first = await source.token(endpoint.post)
    assert source.was_refused(first)
    second = await source.token(endpoint.post)
    clock.set_back(back_seconds)
    assert await source.token(endpoint.post) == second
    clock.advance(301)
    assert source.was_refused(second), "five minutes have passed, whatever the clock shows"

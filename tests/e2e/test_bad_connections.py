"""HubSpot over TLS through a link that fails, with an OAuth app whose tokens end and whose endpoint misbehaves."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from random import Random
from urllib.parse import urlencode

import pytest
from tests.e2e.test_flood import post
from tests.figures import Record
from tests.support.network import Link, Network
from tests.support.process import WRITE_KEY, HubwireProcess
from tests.support.waiting import until

from hubwire.emulator.calls.portal.oauth import issue_code
from hubwire.testing import Emulator, running_emulator

ID, SECRET = "emulator-client-id", "emulator-client-secret"
TOKEN_FAULTS = (
    {"status": 500},
    {"status": 429},
    {"status": 503, "html": True},
    {"kind": "reset"},
    {"status": 200, "body": "<html>maintenance</html>"},
    {"status": 200, "body": {}},
)
ROUNDS = 12
PER_ROUND = 10
DRAIN_SECONDS = 400.0

pytestmark = pytest.mark.slow


@pytest.fixture
def tls(tmp_path: Path) -> Path:
    return tmp_path / "tls"


@pytest.fixture
def emulator(tls: Path) -> Iterator[Emulator]:
    with running_emulator(https=tls, portal_id=1234567, access_token="pat-test-token", tier="enterprise") as running:
        yield running


@pytest.fixture
def link(emulator: Emulator) -> Iterator[Link]:
    with Network() as network:
        yield network.link(int(emulator.base_url.rpartition(":")[2]))


def refresh_token(emulator: Emulator) -> str:
    """What an installed app has."""
    with emulator.state.lock:
        code = issue_code(emulator.state, None)
    form = {"grant_type": "authorization_code", "client_id": ID, "client_secret": SECRET, "code": code}
    answer = emulator.call("POST", "/oauth/2026-09/token", urlencode(form).encode(), token=None)
    return str(answer.body["refresh_token"])


def send(hubwire: HubwireProcess, first: int) -> None:
    """People with an event each."""
    batch = []
    for number in range(first, first + PER_ROUND):
        email = f"p{number}@example.com"
        batch.append({"type": "identify", "messageId": f"i{number}", "userId": email, "traits": {"email": email}})
        event = {"event": "Ordered", "properties": {"total": number}}
        batch.append({"type": "track", "messageId": f"t{number}", "userId": email, **event})
    assert post(f"{hubwire.url}/v1/batch", WRITE_KEY, json.dumps({"batch": batch}).encode()) == 200


def disturb(link: Link, emulator: Emulator, random: Random) -> None:
    """One fault of the connection, and one of the tokens."""
    fault = random.choice(["loss", "silence", "cut", "heal"])
    if fault == "loss":
        link.loss = random.uniform(0.1, 0.4)
    elif fault == "silence":
        link.fall_silent()
    elif fault == "cut":
        link.cut()
    if random.random() < 0.6:
        emulator.advance(1_801)  # every access token has ended
    if random.random() < 0.6:
        emulator.fault(path="*/oauth/*", times=random.randint(1, 2), **random.choice(TOKEN_FAULTS))


def test_tokens_tls_and_a_bad_link_lose_and_double_nothing(
    tmp_path: Path, tls: Path, emulator: Emulator, link: Link, figures: Record
) -> None:
    seed = Random().randrange(1 << 32)
    random = Random(seed)
    print(f"seed {seed}")
    secrets = {"REFRESH": refresh_token(emulator), "APP_SECRET": SECRET}
    trusted = {"SSL_CERT_FILE": str(tls / "ca.pem")}
    hubwire = HubwireProcess(tmp_path, f"https://localhost:{link.port}", **trusted, **secrets).start()
    try:
        app = ("--oauth-client-id", ID, "--token-env", "REFRESH", "--client-secret-env", "APP_SECRET")
        hubwire.run("destination", "token", "hubspot", *app)
        for number in range(ROUNDS):
            disturb(link, emulator, random)
            send(hubwire, PER_ROUND * number)
            time.sleep(random.uniform(0.5, 4))
            link.heal()
            if number % 5 == 4:
                hubwire.kill()
                hubwire.start()
        emulator.clear_faults()
        hubwire.run("destination", "resume", "hubspot")
        until(lambda: len(emulator.events()) >= PER_ROUND * ROUNDS, DRAIN_SECONDS, lambda: hubwire.output[-3000:])
        lane = hubwire.drained()
    finally:
        hubwire.stop()
    totals = sorted(int(event["properties"]["total"]) for event in emulator.events())
    assert totals == [*range(PER_ROUND * ROUNDS)]
    assert len(emulator.contacts()) == PER_ROUND * ROUNDS
    assert (lane["dead"], lane["retrying"]) == (0, 0)
    renewals = emulator.stats()["calls"]["POST /oauth/2026-09/token"]
    assert renewals > 3
    figures(messages=2 * PER_ROUND * ROUNDS, lost=0, doubled=0, calls_for_tokens=renewals)
    assert SECRET not in hubwire.output
    assert secrets["REFRESH"] not in hubwire.output


def test_a_certificate_that_nobody_trusts_stops_the_line_and_loses_nothing(
    tmp_path: Path, tls: Path, emulator: Emulator
) -> None:
    url = emulator.base_url.replace("127.0.0.1", "localhost")
    with HubwireProcess(tmp_path, url) as hubwire:
        send(hubwire, 0)
        hubwire.await_output("lane.stopped")
        [lane] = json.loads(hubwire.run("status", "--json").stdout)["destinations"]
        assert lane["stopped_reason"] == "hubspot-unreachable"
        assert urllib.request.urlopen(f"{hubwire.url}/health", timeout=5).status == 200
    assert not emulator.requests()
    with HubwireProcess(tmp_path, url, SSL_CERT_FILE=str(tls / "ca.pem")) as hubwire:
        hubwire.run("destination", "resume", "hubspot")
        hubwire.drained()
    assert len(emulator.contacts()) == PER_ROUND

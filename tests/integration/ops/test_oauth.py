"""A destination whose token is an OAuth app: set, tried, examined, delivered to; its secrets are never a bearer."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlencode

import httpx2
import pytest
from tests.integration.ops.conftest import HUB, Shell
from tests.integration.ops.test_forget import Installation, identify

from hubwire.emulator.calls.portal.oauth import issue_code
from hubwire.hubspot.credentials import oauth_secret
from hubwire.hubspot.tokens import OAuthApp
from hubwire.secret import Secret
from hubwire.testing import Emulator

ID, SECRET = "emulator-client-id", "emulator-client-secret"


@pytest.fixture
def refresh_token(emulator: Emulator) -> str:
    """What an installed app has."""
    with emulator.state.lock:
        code = issue_code(emulator.state, None)
    form = {"grant_type": "authorization_code", "client_id": ID, "client_secret": SECRET, "code": code}
    answer = httpx2.post(f"{emulator.base_url}/oauth/2026-09/token", content=urlencode(form))
    token: str = answer.json()["refresh_token"]
    return token


def test_an_app_is_set_examined_and_learnt_from(installed: Shell, emulator: Emulator, refresh_token: str) -> None:
    installed.set(REFRESH=refresh_token, APP_SECRET=SECRET, FIRST="pat-na1-not-a-real-token")
    installed("destination", "add", "hubspot", "--token-env", "FIRST")
    set_it = installed(
        "destination", "token", "hubspot", "--oauth-client-id", ID, "--token-env", "REFRESH",
        "--client-secret-env", "APP_SECRET",
    )  # fmt: skip
    assert set_it.code == 0, set_it.err
    assert f"Hub ID {HUB}" in set_it.out
    ran = installed("doctor", "--json")
    [portal] = [section for section in ran.json["sections"] if section["report"]]
    lines = {check["name"]: check for check in portal["checks"]}
    assert lines["Access token"]["said"] == "accepted; OAuth app"
    assert lines["Write contacts"]["health"] == "ok"
    assert "OAuth" in lines["Limits"]["said"]
    for secret in (refresh_token, SECRET):
        assert secret not in ran.out + set_it.out
        assert secret not in json.dumps(emulator.requests())


def test_a_wrong_client_secret_is_refused(installed: Shell, refresh_token: str) -> None:
    installed.set(REFRESH=refresh_token, APP_SECRET="wrong", FIRST="pat-na1-not-a-real-token")
    installed("destination", "add", "hubspot", "--token-env", "FIRST")
    ran = installed(
        "destination", "token", "hubspot", "--oauth-client-id", ID, "--token-env", "REFRESH",
        "--client-secret-env", "APP_SECRET",
    )  # fmt: skip
    assert ran.code == 1
    assert "wrong" not in ran.out + ran.err


def test_the_change_journal_is_turned_on_and_off_by_command(installed: Shell, emulator: Emulator) -> None:
    installed.set(FIRST="pat-na1-not-a-real-token", APP_SECRET=SECRET)
    installed("destination", "add", "hubspot", "--token-env", "FIRST")
    turn_on = ("destination", "journal", "hubspot", "--client-id", ID, "--client-secret-env", "APP_SECRET")
    ran = installed(*turn_on)
    assert (ran.code, ran.err) == (0, "")
    assert SECRET not in ran.out
    show = ("destination", "show", "hubspot", "--json")
    assert (installed(*show).json["has_token"], installed(*show).json["reads_change_journal"]) == (True, True)
    assert installed("destination", "journal", "hubspot", "--off").code == 0
    assert (installed(*show).json["has_token"], installed(*show).json["reads_change_journal"]) == (True, False)
    refused = installed("destination", "journal", "hubspot", "--off", "--client-id", ID)
    assert refused.code == 1
    assert "either --client-id or --off" in refused.err


def test_messages_are_delivered_with_renewed_access(tmp_path: Path, emulator: Emulator, refresh_token: str) -> None:
    here = Installation(tmp_path, emulator)
    here.store.registry.set_token(1, oauth_secret(OAuthApp(ID, Secret(SECRET), Secret(refresh_token))))
    here.send(1, identify("1", "anna@example.com"))
    here.deliver()
    assert here.emails() == {"anna@example.com"}
    here.close()

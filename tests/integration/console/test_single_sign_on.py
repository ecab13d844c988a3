"""Single sign-on against a real OpenID Connect provider on loopback: npm's certified oidc-provider."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2
import pytest
from tests.integration.console.harness import Console
from tests.servers import free_port

from hubwire.registry.access import Role
from hubwire.secret import Secret
from hubwire.web.access import COOKIE, TRIES

FOLDER = Path(__file__).with_name("sso_provider")
PUBLIC_URL = "https://events.example.com"
REDIRECT_URI = f"{PUBLIC_URL}/login/sso/callback"
SECRETS = {"hubwire": "a secret: with / signs", "hubwire-post": "posted", "public": None}


@pytest.fixture(scope="session")
def issuer() -> Iterator[str]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed: single sign-on is not tried against a real provider")
    installed = FOLDER / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < (FOLDER / "package-lock.json").stat().st_mtime:
        done = subprocess.run([npm, "install", "--no-save", "--silent"], cwd=FOLDER, capture_output=True, check=False)
        if done.returncode:
            pytest.skip("npm could not install oidc-provider: single sign-on is not tried against a real provider")
    port = free_port()
    command = [node, "provider.mjs", str(port), REDIRECT_URI]
    with subprocess.Popen(command, cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        assert "listening" in next(line for line in process.stdout if line.startswith("listening"))
        yield f"http://127.0.0.1:{port}"
        process.terminate()


@pytest.fixture(params=list(SECRETS))
def client_id(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def new_console(folder: Path, issuer: str, client_id: str = "hubwire", **settings: Any) -> Console:
    secret = SECRETS[client_id]
    oidc = {
        "oidc_issuer": issuer,
        "oidc_client_id": client_id,
        "oidc_client_secret": Secret(secret) if secret else None,
    }
    console = Console(folder, **{**oidc, **settings})
    console.clock.advance(time.time() - console.clock.now_ms() / 1000)
    return console


@pytest.fixture
def console(tmp_path: Path, issuer: str) -> Iterator[Console]:
    console = new_console(tmp_path, issuer)
    yield console
    console.close()


def at_the_provider(url: str, name: str) -> str:
    """Sign in and consent as a person would; the address that the provider sends the browser to in the end."""
    with httpx2.Client() as browser:
        while not url.startswith(PUBLIC_URL):
            answer = browser.get(url)
            if not answer.is_redirect:
                form = re.search(r'<form[^>]* action="([^"]+)"', answer.text)
                prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
                assert form, answer.text
                assert prompt
                answer = browser.post(form[1], data={"prompt": prompt[1], "login": name, "password": "x"})
            url = urljoin(url, answer.headers["location"])
    return url


def signed_in(console: Console, name: str, start: str = "/login/sso") -> Any:
    """The answer to the provider's redirect after a whole sign-in."""
    begun = console.client.get(start)
    assert begun.status_code == 303, begun.text
    back = at_the_provider(begun.headers["location"], name)
    return console.client.get(f"{urlsplit(back).path}?{urlsplit(back).query}")


def test_every_kind_of_client_signs_people_in(tmp_path: Path, issuer: str, client_id: str) -> None:
    console = new_console(tmp_path, issuer, client_id)
    answer = signed_in(console, "ana", "/login/sso?next=/failures")
    assert (answer.status_code, answer.headers["location"]) == (303, "/failures"), answer.text
    assert console.get("/failures").status_code == 200
    assert console.get("/members").status_code == 403
    [entry] = [entry for entry in console.store.registry.audit(10) if entry.action == "session.opened-by-sso"]
    assert entry.actor == "ana@example.org (SSO)"
    console.close()


def test_the_highest_role_of_the_person_counts(console: Console) -> None:
    assert signed_in(console, "root").status_code == 303
    assert console.get("/members").status_code == 200


def test_a_person_without_a_role_is_refused_by_name(console: Console) -> None:
    answer = signed_in(console, "eve")
    assert answer.status_code == 403
    assert "Eve@example.org has no role in Hubwire: the claim roles has staff." in answer.text
    assert COOKIE not in console.client.cookies


def test_an_answer_works_once_and_only_in_the_browser_that_asked(console: Console) -> None:
    back = at_the_provider(console.client.get("/login/sso").headers["location"], "ana")
    path = f"{urlsplit(back).path}?{urlsplit(back).query}"
    stranger = console.fresh_client()
    assert stranger.get(path).status_code == 403
    kept = dict(console.client.cookies)
    assert console.client.get(path).status_code == 303
    for name, value in kept.items():
        stranger.cookies.set(name, value, path="/login/sso")
    again = stranger.get(path)
    assert again.status_code == 403
    assert "invalid_grant" in again.text


def test_another_state_an_error_and_another_issuer_are_refused(console: Console) -> None:
    def refusal(**query: str) -> tuple[int, str]:
        location = console.client.get("/login/sso").headers["location"]
        state = parse_qs(urlsplit(location).query)["state"][0]
        answer = console.get("/login/sso/callback", **{"state": state, **query})
        return answer.status_code, answer.text

    assert refusal(state="another", code="x")[0] == 403
    status, text = refusal(error="access_denied", error_description="<b>x</b>")
    assert (status, "answered access_denied" in text, "<b>x" in text) == (403, True, False)
    assert refusal(iss="https://evil.example", code="x")[0] == 403
    console.clock.advance(600)
    assert refusal(code="")[0] == 403
    assert refusal(code="not a code")[0] == 403


def test_guesses_are_slowed_down_as_other_sign_ins_are(console: Console) -> None:
    for _ in range(TRIES):
        assert console.get("/login/sso/callback", code="x", state="y").status_code == 403
    assert console.get("/login/sso/callback", code="x", state="y").status_code == 429


def test_a_session_ends_when_the_setting_says(tmp_path: Path, issuer: str) -> None:
    console = new_console(tmp_path, issuer, session_hours=0.5)
    assert signed_in(console, "ana").status_code == 303
    console.clock.advance(1799)
    assert console.get("/failures").status_code == 200
    console.clock.advance(2)
    assert console.get("/failures").status_code == 303
    console.close()


def test_signing_out_ends_the_session_here_and_offers_the_providers(console: Console) -> None:
    signed_in(console, "ana")
    assert console.post("/logout").headers["location"] == "/login?done=ended"
    assert console.get("/failures").status_code == 303
    assert "Also sign out of the identity provider" in console.get("/login", done="ended").text
    end = console.get("/login/sso/end").headers["location"]
    page = httpx2.get(end)
    assert page.status_code == 200, page.text
    assert "logout" in page.text.lower()


@pytest.mark.parametrize("path", ["/login/sso", "/login/sso/end"])
def test_a_provider_that_is_down_leaves_the_token_as_a_way_in(tmp_path: Path, path: str) -> None:
    console = new_console(tmp_path, f"http://127.0.0.1:{free_port()}")
    answer = console.get(path)
    assert answer.status_code == 503
    assert "did not answer" in answer.text
    assert "sign in with a token" in answer.text
    console.sign_in(Role.VIEW)
    assert console.get("/").status_code == 200
    console.close()


def test_a_wrong_issuer_and_a_wrong_secret_name_their_setting(tmp_path: Path, issuer: str) -> None:
    renamed = new_console(tmp_path / "1", issuer.replace("127.0.0.1", "localhost"))
    assert "oidc_issuer" in renamed.get("/login/sso").text
    wrong = new_console(tmp_path / "2", issuer, oidc_client_secret=Secret("wrong"))
    assert "oidc_client_secret" in signed_in(wrong, "ana").text
    renamed.close()
    wrong.close()


@pytest.mark.parametrize("path", ["/login/sso", "/login/sso/callback", "/login/sso/end"])
def test_without_the_settings_there_is_no_such_way_in(tmp_path: Path, path: str) -> None:
    console = Console(tmp_path)
    assert console.get(path).status_code == 404
    assert "single sign-on" not in console.get("/login").text
    console.close()

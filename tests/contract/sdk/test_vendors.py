"""Server clients of other vendors, and old ones of Segment, from their registries: only the host is set.

Contact, company and event stand in the emulator with the right values, once, also when the first uploads are refused.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.contract.sdk.conftest import BUILD, note_made, once, run, tool
from tests.support.process import HubwireProcess
from tests.support.waiting import until

VENDORS = Path(__file__).parent / "vendors"
WRITE_KEY = "pk_us_0123456789abcdef"
"""Of the form for which Customer.io's Python client sends a bearer token."""
RUN_SECONDS = 120
COMPILE_SECONDS = 1800
ARRIVE_SECONDS = 60
HOP_BY_HOP = {"connection", "content-length", "host", "transfer-encoding", "accept-encoding"}

PYTHON = {
    "customerio-cdp-analytics": ("customerio-cdp-analytics==1.1.0", "customerio.analytics"),
    "rudder-sdk-python": ("rudder-sdk-python==2.1.9", "rudderstack.analytics"),
    "analytics-python": ("analytics-python==1.4.post1", "analytics"),
    "segment.analytics-2.2.2": ("analytics-python==1.4.post1", "segment.analytics"),
    "segmentio": ("segmentio==1.2.8", "segmentio"),
    "events-sdk-python": ("events-sdk-python==0.0.4", "hightouch.htevents"),
    "journify-python-sdk": ("journify-python-sdk==2.2.5", "journify"),
    "june-analytics-python": ("june-analytics-python==2.3.0", "june.analytics"),
}
NODE = [
    "@customerio/cdp-analytics-node",
    "@expo/rudder-sdk-node",
    "@rudderstack/analytics-js-service-worker",
    "analytics-node",
    "analytics-node-3",
    "@jitsu/js",
]
COMPILED = ["rudderanalytics", "segment-crate", "rudderstack-java"]
ALL = [*PYTHON, *NODE, *COMPILED]
QUICK = {"customerio-cdp-analytics", "june-analytics-python", "@jitsu/js"}
"""Those with a wire format of their own; the others are alike, and together take minutes."""
CLIENTS = [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in ALL]
NO_RETRY = {"@jitsu/js", "segment-crate"}


class Commands:
    """How each client is run; what it needs is installed once, apart from the project's own packages."""

    def __init__(self) -> None:
        self.environment: dict[str, str] = {}

    def of(self, client: str) -> list[str]:
        self.environment = {}
        if client in PYTHON:
            return self._python(*PYTHON[client])
        if client in NODE:
            return self._node(client)
        return self._java() if client == "rudderstack-java" else self._rust(client)

    def _python(self, requirement: str, module: str) -> list[str]:
        folder = BUILD / requirement.replace("==", "-")
        if not (folder / ".made").exists():
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            run([*pip, "--target", str(folder), requirement], VENDORS)
            note_made(folder)
        self.environment = {"PYTHONPATH": str(folder)}
        # -S: the client sees its own packages only.
        return [sys.executable, "-S", str(VENDORS / "python_client.py"), module]

    def _node(self, client: str) -> list[str]:
        node, npm, source = tool("node"), tool("npm"), VENDORS / "node"
        folder, is_made = once("node-vendors", of=[source / "package.json", source / "package-lock.json"])
        if not is_made:
            shutil.copytree(source, folder, dirs_exist_ok=True)
            run([npm, "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], folder)
            note_made(folder)
        shutil.copy(source / "client.js", folder / "client.js")
        return [node, str(folder / "client.js"), client]

    def _rust(self, client: str) -> list[str]:
        cargo, source = tool("cargo"), VENDORS / "rust"
        folder, is_made = once("rust", of=[source / "Cargo.toml", source / "Cargo.lock", source / "src/main.rs"])
        if not is_made:
            run([cargo, "build", "--quiet", "--locked", "--target-dir", str(folder)], source, COMPILE_SECONDS)
            note_made(folder)
        return [str(folder / "debug/sdk-client"), "rudderstack" if client == "rudderanalytics" else "segment"]

    def _java(self) -> list[str]:
        java, mvn, source = tool("java"), tool("mvn"), VENDORS / "java"
        files = [source / "pom.xml", source / "src/main/java/RudderStackClient.java"]
        folder, is_made = once("java-vendors", of=files)
        if not is_made:
            shutil.copytree(source, folder, dirs_exist_ok=True)
            run([mvn, "-q", "-B", "package"], folder)
            note_made(folder)
        path = os.pathsep.join([str(folder / "target/classes"), str(folder / "target/dependency/*")])
        return [java, "-cp", path, "RudderStackClient"]


class Front:
    """What stands before Hubwire: refuses the first uploads, and passes everything else on.

    Shape: each of `answers` is for one upload: a status without passing it on, or "lost": passed on, and answered 503.
    """

    def __init__(self, target: str, *answers: int | str) -> None:
        self.target = target
        self.answers = deque(answers)
        self.statuses: list[int] = []
        self.lock = threading.Lock()

    def answer(self, path: str, headers: Any, body: bytes) -> tuple[int, bytes]:
        with self.lock:
            planned = self.answers.popleft() if self.answers else None
        status, content = (planned, b"{}") if isinstance(planned, int) else self._pass_on(path, headers, body)
        if planned == "lost":
            assert status == 200
            status, content = 503, b"{}"
        self.statuses.append(status)
        return status, content

    def _pass_on(self, path: str, headers: Any, body: bytes) -> tuple[int, bytes]:
        kept = {name: value for name, value in headers.items() if name.lower() not in HOP_BY_HOP}
        request = urllib.request.Request(self.target + path, data=body, headers=kept, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=RUN_SECONDS) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read()


@contextmanager
def serving(front: Front) -> Iterator[str]:
    """The address of the front while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            status, content = front.answer(self.path, self.headers, self._body())
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            if status in (429, 503):
                self.send_header("Retry-After", "2")
            self.end_headers()
            self.wfile.write(content)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers["Content-Length"]))
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def hubwire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubwireProcess]:
    with HubwireProcess(tmp_path_factory.mktemp("vendors"), HUBWIRE_WRITE_KEY=WRITE_KEY) as process:
        yield process


@pytest.fixture(scope="module")
def commands() -> Commands:
    return Commands()


def user_of(client: str, kind: str) -> str:
    return "-".join([*"".join(c if c.isalnum() else " " for c in client).split(), kind]).lower()


def send(front: Front, commands: Commands, client: str, user: str, *more: str) -> subprocess.CompletedProcess[str]:
    command = commands.of(client)
    with serving(front) as url:
        return subprocess.run(
            [*command, url, WRITE_KEY, user, *more],
            env={**os.environ, **commands.environment},
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )


def held(hubwire: HubwireProcess, kind: str) -> list[dict[str, Any]]:
    """What the emulator holds: contacts, companies or events."""
    with urllib.request.urlopen(f"{hubwire.emulator_url()}/_emulator/{kind}", timeout=10) as response:
        results: list[dict[str, Any]] = json.load(response)["results"]
    return results


def contacts(hubwire: HubwireProcess, user: str) -> list[dict[str, Any]]:
    found = [contact["properties"] for contact in held(hubwire, "contacts")]
    return [properties for properties in found if properties.get("email") == f"{user}@site.test"]


def companies(hubwire: HubwireProcess, user: str) -> list[dict[str, Any]]:
    found = [company["properties"] for company in held(hubwire, "companies")]
    return [properties for properties in found if properties.get("name") == f"Acme {user}"]


def events(hubwire: HubwireProcess, user: str) -> list[dict[str, Any]]:
    return [event for event in held(hubwire, "events") if event.get("email") == f"{user}@site.test"]


def check_stands_once(hubwire: HubwireProcess, user: str, tracks: int = 1) -> None:
    until(
        lambda: len(events(hubwire, user)) >= tracks and contacts(hubwire, user) and companies(hubwire, user),
        ARRIVE_SECONDS,
        lambda: f"{user}: {contacts(hubwire, user)} {companies(hubwire, user)} {len(events(hubwire, user))} events",
    )
    hubwire.drained()
    [contact], [company] = contacts(hubwire, user), companies(hubwire, user)
    assert contact["firstname"] == "Ann"
    assert company["domain"] == f"{user}.test"
    found = events(hubwire, user)
    orders = [user, *(f"{user}-{number}" for number in range(2, tracks + 1))]
    assert sorted(event["properties"]["order"] for event in found) == sorted(orders), "each event once"
    assert {float(event["properties"]["revenue"]) for event in found} == {20.5}


@pytest.mark.parametrize("client", CLIENTS)
def test_contact_company_and_event_stand_once(hubwire: HubwireProcess, commands: Commands, client: str) -> None:
    front, user = Front(hubwire.url), user_of(client, "plain")
    done = send(front, commands, client, user)
    assert done.returncode == 0, done.stderr
    assert "not sent" not in done.stderr
    assert set(front.statuses) == {200}
    check_stands_once(hubwire, user)


@pytest.mark.slow
@pytest.mark.parametrize("client", [name for name in ALL if name not in NO_RETRY])
def test_refused_with_429_then_503_and_one_lost_answer_nothing_is_lost_or_doubled(
    hubwire: HubwireProcess, commands: Commands, client: str
) -> None:
    # RudderStack's Java client waits 15 seconds and more between its tries: two are enough.
    refusals: list[int | str] = [429, "lost"] if client == "rudderstack-java" else [429, 503, "lost"]
    front, user = Front(hubwire.url, *refusals), user_of(client, "again")
    done = send(front, commands, client, user)
    assert done.returncode == 0, done.stderr
    assert front.statuses[: len(refusals)] == [503 if refusal == "lost" else refusal for refusal in refusals]
    assert set(front.statuses[len(refusals) :]) == {200}
    check_stands_once(hubwire, user)


@pytest.mark.slow
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("client", sorted(NO_RETRY))
def test_a_client_that_never_retries_is_answered_so_once(
    hubwire: HubwireProcess, commands: Commands, client: str, status: int
) -> None:
    front, user = Front(hubwire.url, status), user_of(client, f"again-{status}")
    done = send(front, commands, client, user)
    # Jitsu's goes on with the next call; the crate returns an error, with which the test's program ends.
    assert front.statuses == ([status, 200, 200] if client == "@jitsu/js" else [status])
    assert (done.returncode == 0) is (client == "@jitsu/js")


@pytest.mark.parametrize(
    ("client", "tracks", "text_bytes"),
    [
        ("rudder-sdk-python", 100, 6_000),
        pytest.param("@expo/rudder-sdk-node", 3, 33_000, marks=pytest.mark.slow),
    ],
)
def test_rudderstacks_large_uploads_and_messages_arrive_whole(
    hubwire: HubwireProcess, commands: Commands, client: str, tracks: int, text_bytes: int
) -> None:
    front, user = Front(hubwire.url), user_of(client, "large")
    done = send(front, commands, client, user, str(tracks), str(text_bytes))
    assert done.returncode == 0, done.stderr
    assert set(front.statuses) == {200}
    check_stands_once(hubwire, user, tracks)


@pytest.mark.slow
def test_analytics_node_6_ends_its_process_on_a_refusal_without_an_error_handler(
    hubwire: HubwireProcess, commands: Commands
) -> None:
    # As docs/sdks.md warns: a wrong key is enough.
    node, script = commands.of("analytics-node")[:2]
    text = f"new (require('analytics-node'))('nobodys', {{ host: '{hubwire.url}' }}).identify({{ userId: 'u' }})"
    ended = subprocess.run([node, "-e", text], cwd=Path(script).parent, capture_output=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert b"Unauthorized" in ended.stderr

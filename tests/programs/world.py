"""A portal for other people's programs, and the ways to start them: each with its own packages, none changed.

A program is installed once, pinned, under `build/programs`. One that has no setting for HubSpot's address gets
`api.hubapi.com` resolved to the emulator, whose certificate it is given as trusted.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hubwire.testing import Emulator

HERE = Path(__file__).parent
SCRIPTS = HERE / "scripts"
BUILD = HERE.parents[1] / "build" / "programs"
TOKEN = "pat-na1-00000000-0000-4000-8000-000000000000"
SET_UP_SECONDS = 900
RUN_SECONDS = 120
PEOPLE = 5

SEED: dict[str, list[dict[str, Any]]] = {
    "contacts": [
        {
            "id": str(100 + number),
            "properties": {
                "email": f"person{number}@ex.org",
                "firstname": "Ada",
                "lastname": f"Number{number}",
                "phone": f"+49 30 1234{number}",
            },
        }
        for number in range(PEOPLE)
    ],
    "companies": [
        {"id": str(20 + number), "properties": {"name": f"Company {number}", "domain": f"company{number}.example"}}
        for number in range(3)
    ],
    "deals": [
        {
            "id": "31",
            "properties": {"dealname": "Big", "amount": "5", "dealstage": "closedwon", "pipeline": "default"},
        }
    ],
    "tickets": [{"id": "51", "properties": {"subject": "Help", "hs_pipeline": "0", "hs_pipeline_stage": "1"}}],
    "notes": [{"id": "41", "properties": {"hs_timestamp": "2026-11-01T10:00:00Z", "hs_note_body": "Called"}}],
    "lists": [{"name": "Newsletter", "processingType": "MANUAL", "objectTypeId": "0-1"}],
    "associations": [
        {"from": {"type": "contacts", "id": str(100 + number)}, "to": {"type": "companies", "id": str(20 + number)}}
        for number in range(3)
    ],
}


class Program:
    """An installed program beside its portal."""

    def __init__(self, emulator: Emulator, folder: Path, authority: Path) -> None:
        self.emulator = emulator
        self.folder = folder
        address = emulator.base_url.partition("://")[2]
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))},
            "EMULATOR_ADDRESS": address,
            "SSL_CERT_FILE": str(authority),
            "REQUESTS_CA_BUNDLE": str(authority),
            "NODE_EXTRA_CA_CERTS": str(authority),
            "NODE_OPTIONS": f"--require {SCRIPTS / 'redirect' / 'redirect.cjs'}",
            "PYTHONPATH": str(SCRIPTS / "redirect"),
            "TOKEN": TOKEN,
        }

    def command(self, name: str, *arguments: str, code: int = 0, **environment: str) -> str:
        """What one of its commands prints."""
        places = [self.folder / "bin" / name, self.folder / "node_modules" / ".bin" / name]
        found = next((str(place) for place in places if place.exists()), name)
        return self.run([found, *arguments], environment, code=code)

    def script(self, name: str, *arguments: str, **environment: str) -> Any:
        """What a script of ours says that uses it as a library: the JSON of its last line."""
        if name.endswith(".py"):
            starter = [str(self.folder / "bin" / "python"), str(SCRIPTS / name)]
        else:
            # A script in the program's own folder finds the program's packages.
            starter = ["node", str(shutil.copy(SCRIPTS / name, self.folder / name))]
        printed = self.run([*starter, *arguments], environment)
        return json.loads(printed.strip().splitlines()[-1])

    def run(self, command: list[str], environment: dict[str, str], code: int = 0, folder: Path | None = None) -> str:
        """What a command prints; its exit code must be `code`."""
        done = subprocess.run(
            command,
            cwd=folder or self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        assert done.returncode == code, f"{done.returncode}: {done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def tools(self, starter: list[str], calls: list[tuple[str, dict[str, Any]]], **environment: str) -> list[Any]:
        """What the tools of an MCP server answer, over its standard input and output."""
        server = subprocess.Popen(
            starter,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**self.environment, **environment},
        )
        assert server.stdin is not None
        assert server.stdout is not None

        def say(message: dict[str, Any]) -> None:
            assert server.stdin is not None
            server.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
            server.stdin.flush()

        def ask(number: int, method: str, params: dict[str, Any]) -> Any:
            say({"id": number, "method": method, "params": params})
            assert server.stdout is not None
            for line in server.stdout:
                if (answer := json.loads(line)).get("id") == number:
                    return answer.get("result", {"isError": True, **answer})
            raise AssertionError("the server went away")

        try:
            client = {"name": "test", "version": "1"}
            ask(1, "initialize", {"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": client})
            say({"method": "notifications/initialized"})
            return [
                ask(number, "tools/call", {"name": name, "arguments": arguments})
                for number, (name, arguments) in enumerate(calls, start=2)
            ]
        finally:
            server.kill()
            server.communicate()

    @property
    def refused(self) -> list[tuple[str, str, int]]:
        """Calls that the portal refused, in order."""
        seen = self.emulator.requests()
        return [(call["method"], call["path"], call["status"]) for call in seen if call["status"] >= 400]

    @property
    def paths(self) -> list[str]:
        """The calls, in order."""
        return [f"{call['method']} {call['path']}" for call in self.emulator.requests()]


def install(command: list[str], folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=SET_UP_SECONDS, check=False, env=_plain()
    )
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        pytest.skip(f"{' '.join(command[:3])} failed: {''.join(last)[:200]}")


def python_packages(name: str, *requirements: str) -> Path:
    """A virtual environment with these packages, made once."""
    folder = BUILD / name
    if not (folder / ".made").exists():
        folder.mkdir(parents=True, exist_ok=True)
        install([sys.executable, "-m", "venv", str(folder)], BUILD)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        install([*pip, *requirements], folder)
        (folder / ".made").touch()
    return folder


def node_packages(name: str, *packages: str, overrides: dict[str, str] | None = None) -> Path:
    """A folder with these packages, made once."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    folder = BUILD / name
    if not (folder / ".made").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text(json.dumps({"private": True, "overrides": overrides or {}}))
        install([npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", *packages], folder)
        (folder / ".made").touch()
    return folder


def _plain() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV", "NODE_"))}

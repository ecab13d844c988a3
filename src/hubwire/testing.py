"""The emulator inside a test: in process as an ASGI application, or on a real loopback port.

async with Emulator(start_at_ms=1_790_000_000_000) as emulator:
    client = httpx2.AsyncClient(transport=httpx2.ASGITransport(emulator.app), base_url=emulator.base_url)

with running_emulator(access_token="secret") as emulator:
    HubSpot(access_token="secret", base_url=emulator.base_url)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self, TypeVar

import msgspec

from hubwire.emulator.calls.portal import control, editing
from hubwire.emulator.calls.portal.seeding import seed
from hubwire.emulator.http.server import SERVER_OPTIONS, EmulatorApp, create_app, https_options
from hubwire.emulator.store.clock import Clock
from hubwire.emulator.store.config import (
    CustomObject,
    EmulatorConfig,
    OAuthApp,
    Reading,
    Tier,
)
from hubwire.emulator.store.faults import FaultRule
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import Request

Body = TypeVar("Body")
Result = TypeVar("Result")

__all__ = [
    "Answer",
    "CustomObject",
    "Emulator",
    "EmulatorConfig",
    "OAuthApp",
    "Reading",
    "Tier",
    "running_emulator",
]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a call: lower-case header names, decoded JSON, None for no body."""

    status: int
    headers: dict[str, str]
    body: Any


class Emulator:
    """One emulated portal, with every action that a test may take on it.

    Shape: `app` is the ASGI application, `state` the portal behind it; `overrides` are fields of `EmulatorConfig`.
    Errors: a `Refusal` from `seed` and the setters for values that HubSpot would not take.
    """

    def __init__(self, config: EmulatorConfig | None = None, **overrides: Any) -> None:
        self.config = replace(config or EmulatorConfig(), **overrides)
        self.app: EmulatorApp = create_app(self.config)
        self.base_url = "http://emulator.test"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.app.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.app.close()

    @property
    def state(self) -> Portal:
        """The portal. Hold `state.lock` while using it from another thread."""
        return self.app.state

    @property
    def portal_id(self) -> int:
        """The Hub ID."""
        return self.state.config.portal_id

    @property
    def clock(self) -> Clock:
        """The portal's clock: `advance`, `set`, `freeze`, `follow`."""
        return self.state.clock

    @property
    def faults(self) -> list[FaultRule]:
        """The faults in force; `fault` adds one, `clear_faults` removes all."""
        return self.state.faults.rules

    def restart(self, **overrides: Any) -> None:
        """A fresh portal with the first configuration and these changes to it."""
        with self.state.lock:
            self.state.initial_config = replace(self.config, **overrides)
            self.state.reset()

    @property
    def access_token(self) -> str:
        """A token that the portal accepts."""
        return self.state.config.access_token or "any-token"

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make an API or control-plane call without any HTTP and without waiting.

        Errors: ConnectionResetError if a fault cuts the connection.
        Shape: `path` may carry a query; `body` is encoded as JSON unless it is bytes; `token=None` sends none, `""`
        sends one that is accepted.
        """
        sent = {name.lower().encode(): value.encode() for name, value in (headers or {}).items()}
        if token is not None:
            sent[b"authorization"] = f"Bearer {token or self.access_token}".encode()
        raw = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
        bare, _, query = path.partition("?")
        reply = self.app.respond(Request(method, bare, query.encode(), sent, raw))
        names = {name.decode(): value.decode() for name, value in reply.headers}
        is_json = reply.body and reply.content_type.startswith(b"application/json")
        return Answer(reply.status, names, msgspec.json.decode(reply.body) if is_json else reply.body or None)

    def reset(self) -> None:
        """Return to a fresh portal."""
        with self.state.lock:
            self.state.reset()

    def seed(self, **kinds: Any) -> dict[str, int]:
        """Create records, associations, properties, definitions or events; returns counts."""
        with self.state.lock:
            counts = seed(self.state, kinds)
            self.state.settle()
            return counts

    def edit(self, object_type: str, record_id: str, properties: Mapping[str, Any], **how: Any) -> dict[str, Any]:
        """Write values as a person in HubSpot does; returns the record. `how` is `at` and `source` of the edit."""
        body = {"type": object_type, "id": record_id, "properties": properties, **how}
        return self._change(editing.edit, body, editing.EditBody)

    def archive(self, object_type: str, record_id: str) -> None:
        """Send a record to the recycling bin, as a person does."""
        self._change(editing.archive, {"type": object_type, "id": record_id}, editing.RecordBody)

    def restore(self, object_type: str, record_id: str) -> None:
        """Take a record out of the recycling bin."""
        self._change(editing.restore, {"type": object_type, "id": record_id}, editing.RecordBody)

    def merge(self, object_type: str, primary_id: str, other_id: str) -> dict[str, Any]:
        """Merge two records, as a person does; returns the new one."""
        body = {"type": object_type, "primaryObjectId": primary_id, "objectIdToMerge": other_id}
        return self._change(editing.merge, body, editing.MergeBody)

    def delete_for_privacy(self, contact_id: str) -> None:
        """Delete a contact for good and refuse its addresses from then on."""
        self._change(editing.privacy_delete, {"type": "contacts", "id": contact_id}, editing.RecordBody)

    def _change(self, act: Callable[[Portal, Body], Result], body: Mapping[str, Any], kind: type[Body]) -> Result:
        with self.state.lock:
            result = act(self.state, msgspec.convert(body, kind))
            self.state.settle()
            return result

    def records(self, object_type: str) -> list[dict[str, Any]]:
        """Live records of a type, oldest first, with every property."""
        with self.state.lock:
            return control.contacts_like(self.state, object_type)

    def contacts(self) -> list[dict[str, Any]]:
        """Live contacts."""
        return self.records("contacts")

    def companies(self) -> list[dict[str, Any]]:
        """Live companies."""
        return self.records("companies")

    def associations(self) -> list[dict[str, Any]]:
        """Every association once."""
        with self.state.lock:
            return control.associations(self.state)

    def events(self) -> list[dict[str, Any]]:
        """Events that HubSpot would show, in arrival order."""
        with self.state.lock:
            return [msgspec.json.decode(line) for line in self.state.events.kept]

    def lost_events(self) -> list[dict[str, Any]]:
        """Events that HubSpot would accept and show nowhere, each with its `lostReason`."""
        with self.state.lock:
            return [msgspec.json.decode(line) for line in self.state.events.lost]

    def properties(self, object_type: str) -> list[dict[str, Any]]:
        """Live property definitions of a type."""
        with self.state.lock:
            return control.properties(self.state, object_type)

    def event_definitions(self) -> list[dict[str, Any]]:
        """Custom event definitions."""
        with self.state.lock:
            return control.event_definitions(self.state)

    def stats(self) -> dict[str, Any]:
        """Counts of calls and of refusals."""
        with self.state.lock:
            return self.state.stats.shown()

    def requests(self) -> list[dict[str, Any]]:
        """The newest API calls, newest last, tokens masked."""
        with self.state.lock:
            return self.state.requests.shown()

    def fault(self, **rule: Any) -> FaultRule:
        """Put a fault in force; its fields are those of `POST /_emulator/faults`."""
        fault_rule = msgspec.convert(rule, FaultRule)
        with self.state.lock:
            self.state.faults.add(fault_rule)
        return fault_rule

    def clear_faults(self) -> None:
        """Remove all faults."""
        with self.state.lock:
            self.state.faults.rules.clear()

    def advance(self, seconds: float) -> None:
        """Move the emulator's clock forward."""
        with self.state.lock:
            self.state.clock.advance(seconds)

    def set_limits(self, **changes: Any) -> dict[str, Any]:
        """Change limits and lags; names are those of `PUT /_emulator/limits`."""
        with self.state.lock:
            return control.set_limits(self.state, msgspec.convert(changes, control.LimitsBody))

    def set_portal(self, **changes: Any) -> dict[str, Any]:
        """Change the account; names are those of `PUT /_emulator/portal`."""
        with self.state.lock:
            return control.set_account(self.state, msgspec.convert(changes, control.PortalBody))


@contextmanager
def running_emulator(
    config: EmulatorConfig | None = None, *, port: int = 0, https: Path | None = None, **overrides: Any
) -> Iterator[Emulator]:
    """An emulator on a loopback port, in its own thread, at `base_url`. Port 0 picks a free port.

    Shape: with `https`, a folder, it serves HTTPS in the name of `api.hubapi.com`; programs must trust the folder's
    `ca.pem`.
    """
    import uvicorn

    emulator = Emulator(config, **overrides)
    options = {**SERVER_OPTIONS, **https_options(https)}
    server = uvicorn.Server(uvicorn.Config(emulator.app, host="127.0.0.1", port=port, **options))
    started = threading.Event()
    startup = server.startup

    async def startup_and_tell(*args: Any, **kwargs: Any) -> None:
        try:
            await startup(*args, **kwargs)
        finally:
            started.set()

    server.startup = startup_and_tell  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, name="emulator", daemon=True)
    thread.start()
    started.wait(30)
    if not server.started:
        raise RuntimeError("the emulator did not start")
    number = server.servers[0].sockets[0].getsockname()[1]
    emulator.base_url = f"{'http' if https is None else 'https'}://127.0.0.1:{number}"
    try:
        yield emulator
    finally:
        server.should_exit = True
        thread.join(10)

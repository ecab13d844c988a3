"""Regulations over HTTP, in the format of Segment's Public API: `POST /regulations`, and their progress.

`subjectType` EMAIL is ours; OBJECT_ID is not supported. Source: Segment Public API, "Deletion and Suppression".
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from hubwire.privacy.forget import MAX_SUBJECTS, SUBJECT_TYPES, Forgetter
from hubwire.record.privacy import PrivacyStore, Regulation, RegulationType

WORKSPACE = "hubwire"
MAX_LISTED = 200
IDLE_SECONDS = 5.0
"""The time between two searches for regulations that another process accepted."""


class NewRegulation(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """The request: at most 5,000 subjects. Subjects of type EMAIL are e-mail addresses."""

    regulation_type: RegulationType
    subject_type: Annotated[str, Meta(extra_json_schema={"enum": list(SUBJECT_TYPES)})]
    subject_ids: Annotated[
        list[Annotated[str, Meta(extra_json_schema={"pattern": r"\S"})]],
        Meta(extra_json_schema={"minItems": 1, "maxItems": MAX_SUBJECTS}),
    ]


class Regulate(msgspec.Struct, rename="camel"):
    """The new regulation's id."""

    regulate_id: str


class RegulateAnswer(msgspec.Struct):
    data: Regulate


class RegulationAnswer(msgspec.Struct):
    """`data.regulation`, as `shown` returns it."""

    data: dict[str, Any]


class RegulationsAnswer(msgspec.Struct):
    """`data.regulations`, the newest first."""

    data: dict[str, Any]


class Regulations:
    """Accepts and shows regulations. `wake` starts them at once."""

    def __init__(self, forgetter: Forgetter, privacy: PrivacyStore, wake: Callable[[], None]) -> None:
        self._forgetter = forgetter
        self._privacy = privacy
        self._wake = wake

    def create(self, request: NewRegulation, actor: str) -> RegulateAnswer:
        """Errors: BadValue for invalid subjects."""
        regulation = self._forgetter.request(request.regulation_type, request.subject_type, request.subject_ids, actor)
        self._wake()
        return RegulateAnswer(Regulate(regulation.regulation_id))

    def find(self, regulation_id: str) -> RegulationAnswer | None:
        regulation = self._privacy.regulation(regulation_id)
        return None if regulation is None else RegulationAnswer({"regulation": shown(regulation)})

    def recent(self) -> RegulationsAnswer:
        regulations = [shown(regulation) for regulation in self._privacy.regulations(MAX_LISTED)]
        return RegulationsAnswer(
            {"regulations": regulations, "pagination": {"current": "", "totalEntries": len(regulations)}}
        )


class RegulationRunner:
    """Carries regulations out as they arrive. `run` ends when it is cancelled."""

    def __init__(self, forgetter: Forgetter) -> None:
        self._forgetter = forgetter
        self._requested = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def wake(self) -> None:
        """Wake the runner after a new regulation. Thread-safe."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._requested.set)

    async def run(self) -> None:
        """Carry out waiting regulations and sweep, for ever: when woken and every few seconds. Errors: BackendError."""
        self._loop = asyncio.get_running_loop()
        while True:
            self._requested.clear()
            await self._forgetter.run_open()
            await asyncio.to_thread(self._forgetter.sweep)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._requested.wait(), IDLE_SECONDS)


def shown(regulation: Regulation) -> dict[str, Any]:
    """A regulation in Segment's format, with our receipt."""
    finished = None if regulation.finished_at_ms is None else iso(regulation.finished_at_ms)
    destinations = [
        {
            "id": portal.get("hub_id") or "",
            "name": portal.get("destination", ""),
            "status": portal.get("state", ""),
            "errString": portal.get("error", ""),
            "finishedAt": finished,
        }
        for portal in regulation.receipt.get("hubspot", [])
    ]
    return {
        "id": regulation.regulation_id,
        "workspaceId": WORKSPACE,
        "regulationType": regulation.type,
        "overallStatus": regulation.state,
        "createdAt": iso(regulation.created_at_ms),
        "finishedAt": finished,
        "streamStatus": [{"id": WORKSPACE, "destinationStatus": destinations}] if destinations else [],
        "receipt": regulation.receipt,
    }


def iso(at_ms: int) -> str:
    """ISO-8601, UTC, as Segment writes times."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

"""Regulations over HTTP, in the shape of Segment's Public API: `POST /regulations`, and how far they are.

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

from hubwire.privacy.forget import MOST_SUBJECTS, SUBJECT_TYPES, Forgetter
from hubwire.record.privacy import PrivacyStore, Regulation, RegulationType

WORKSPACE = "hubwire"
MOST_LISTED = 200
IDLE_SECONDS = 5.0
"""How often regulations are looked for that another process took."""


class NewRegulation(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """The request: at most 5,000 subjects. Subjects of type EMAIL are e-mail addresses."""

    regulation_type: RegulationType
    subject_type: Annotated[str, Meta(extra_json_schema={"enum": list(SUBJECT_TYPES)})]
    subject_ids: Annotated[
        list[Annotated[str, Meta(extra_json_schema={"pattern": r"\S"})]],
        Meta(extra_json_schema={"minItems": 1, "maxItems": MOST_SUBJECTS}),
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

    def create(self, wanted: NewRegulation, actor: str) -> RegulateAnswer:
        """Errors: BadValue for subjects that cannot be."""
        made = self._forgetter.request(wanted.regulation_type, wanted.subject_type, wanted.subject_ids, actor)
        self._wake()
        return RegulateAnswer(Regulate(made.regulation_id))

    def find(self, regulation_id: str) -> RegulationAnswer | None:
        found = self._privacy.regulation(regulation_id)
        return None if found is None else RegulationAnswer({"regulation": shown(found)})

    def recent(self) -> RegulationsAnswer:
        found = [shown(one) for one in self._privacy.regulations(MOST_LISTED)]
        return RegulationsAnswer({"regulations": found, "pagination": {"current": "", "totalEntries": len(found)}})


class RegulationRunner:
    """Carries regulations out as they come. `run` ends when it is cancelled."""

    def __init__(self, forgetter: Forgetter) -> None:
        self._forgetter = forgetter
        self._requested = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def wake(self) -> None:
        """Wake the runner after a new regulation. Thread-safe."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._requested.set)

    async def run(self) -> None:
        """Carry out what waits, and sweep, for ever: when woken, and every few seconds. Errors: BackendError."""
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
            "id": one.get("hub_id") or "",
            "name": one.get("destination", ""),
            "status": one.get("state", ""),
            "errString": one.get("error", ""),
            "finishedAt": finished,
        }
        for one in regulation.receipt.get("hubspot", [])
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

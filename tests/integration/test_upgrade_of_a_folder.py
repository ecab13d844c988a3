"""A data folder that commit 808b6a4 wrote: today's code opens it, loses nothing, and goes on where it stopped.

The archive is what `hubwire serve` of that commit left in its sandbox: seven messages (delivered, held, discarded and
waiting behind a paused destination), a source that was added, and the emulated portal.
"""

from __future__ import annotations

import asyncio
import tarfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec import structs
from tests.support.waiting import until

from hubwire.clock import SystemClock
from hubwire.message import Entry
from hubwire.process.service import Service
from hubwire.record.message_filter import MessageFilter
from hubwire.settings import Settings

ARCHIVE = Path(__file__).with_name("data-of-808b6a4.tar.gz")
WRITTEN_AT = datetime(2026, 11, 30, 18, 30, tzinfo=UTC)
SECONDS = 60.0
DELIVERED = {f"m-{number}": "delivered" for number in range(1, 8)}


class ShiftedClock(SystemClock):
    """A clock that runs, and that began right after the folder was written: nothing in it is old."""

    def __init__(self) -> None:
        self._shift_ms = round(WRITTEN_AT.timestamp() * 1000) - super().now_ms()

    def now_ms(self) -> int:
        return super().now_ms() + self._shift_ms


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    settings = Settings(data=str(tmp_path / "data"), emulator_port=0, linger_seconds=0.01)
    service = Service(settings, ShiftedClock())
    yield service
    await service.stop()


def states(service: Service) -> dict[str, str]:
    messages = service.store.queries.messages(MessageFilter())
    return {message.message_id: message.fates[0].state for message in messages if message.fates}


async def test_nothing_is_lost_and_work_goes_on(service: Service) -> None:
    registry = service.store.registry
    assert states(service) == {**DELIVERED, "m-4": "held", "m-5": "discarded", "m-6": "pending", "m-7": "pending"}
    assert {source.name for source in registry.sources().values()} == {"server", "website", "shop"}

    await service.start()
    assert service.sandbox is not None
    services = service.services("http://127.0.0.1")
    await services.sender(
        1, {"type": "identify", "messageId": "m-8", "userId": "zed", "traits": {"email": "zed@acme.example"}}
    )
    await services.sender(1, {"type": "track", "messageId": "m-9", "userId": "ada", "event": "Bought Item"})
    [destination] = registry.destinations().values()
    registry.save_destination(structs.replace(destination, is_paused=False))
    services.on_registry_change()
    expected = {**DELIVERED, "m-5": "discarded", "m-8": "delivered", "m-9": "delivered"}
    await asyncio.to_thread(until, lambda: states(service) == expected, SECONDS, lambda: states(service))

    again = [Entry(1, message_id, service.clock.now_ms(), b"{}") for message_id in DELIVERED]
    assert service.store.journal.append(again) == [None] * len(DELIVERED)
    contacts = service.sandbox.portal.stores["contacts"].live()
    assert {contact.properties["email"] for contact in contacts} == {
        f"{name}@acme.example" for name in ("ada", "bob", "zed")
    }
    assert service.sandbox.portal.events.counts == {"pe1234567_bought_item": 4}

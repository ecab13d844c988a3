"""A start with a token that HubSpot refuses says so, stops the destination, and recovers by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from hubwire.backends.store import Store, open_store
from hubwire.clock import FakeClock
from hubwire.destination import Destination
from hubwire.errors import SettingsError, Unreachable
from hubwire.process.hub_ids import HubIds
from hubwire.process.server import banner
from hubwire.process.service import Service
from hubwire.secret import Secret
from hubwire.settings import Settings

GOOD, WRONG = Secret("pat-na1-good-token"), Secret("pat-na1-wrong-token")


class Portal:
    """HubSpot, as far as a token goes."""

    def __init__(self) -> None:
        self.is_up = True

    async def with_token(self, destination: Destination, token: str) -> Destination:
        if not self.is_up:
            raise Unreachable("no route to host")
        if token != GOOD.reveal():
            raise SettingsError("HubSpot does not accept this token: 401")
        return msgspec.structs.replace(destination, hub_id="7654321")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(Settings(data=str(tmp_path)), FakeClock(), appends=False)
    opened.registry.save_destination(Destination(destination_id=0, name="hubspot"))
    opened.registry.set_token(1, WRONG)
    yield opened
    opened.close()


def hub_ids(store: Store, portal: Portal, lines: list[str], settings_token: Secret | None = None) -> HubIds:
    return HubIds(
        store.registry,
        store.record,
        FakeClock(),
        portal.with_token,
        settings_token=settings_token,
        changed=lambda: None,
        announce=lines.append,
    )


async def test_a_refused_token_is_announced_once_and_stops_the_destination(store: Store) -> None:
    lines: list[str] = []
    asking = hub_ids(store, Portal(), lines, WRONG)
    with capture_logs() as logged:
        await asking.ask()
        await asking.ask()
    [words] = lines
    assert "HubSpot refuses the access token of the destination `hubspot` (401)." in words
    assert "stores messages and delivers nothing" in words
    assert "hubwire destination token hubspot" in words
    assert [line["event"] for line in logged] == ["token.refused"]
    assert store.record.lane(1).stopped_reason == "unauthorised"


async def test_a_portal_that_does_not_answer_refuses_no_token(store: Store) -> None:
    lines: list[str] = []
    portal = Portal()
    portal.is_up = False
    with capture_logs() as logged:
        await hub_ids(store, portal, lines).ask()
    assert (lines, logged, store.record.lane(1).stopped_reason) == ([], [], None)


async def test_a_start_with_a_good_token_replaces_the_refused_one(store: Store) -> None:
    lines: list[str] = []
    await hub_ids(store, Portal(), lines).ask()
    await hub_ids(store, Portal(), lines, GOOD).ask()
    assert lines[-1] == "HubSpot accepts HUBSPOT_ACCESS_TOKEN: it replaces the refused token of `hubspot`."
    assert store.registry.token(1) == GOOD
    assert store.registry.destinations()[1].hub_id == "7654321"
    assert store.record.lane(1).stopped_reason is None


async def test_a_token_that_works_is_not_replaced_by_the_settings(store: Store) -> None:
    store.registry.set_token(1, GOOD)
    await hub_ids(store, Portal(), [], WRONG).ask()
    await hub_ids(store, Portal(), [], WRONG).ask()
    assert store.registry.token(1) == GOOD


async def test_the_last_lines_of_a_start_name_a_stopped_destination(tmp_path: Path) -> None:
    service = Service(Settings(data=str(tmp_path), hubspot_access_token=GOOD, hubspot_hub_id="7654321"))
    service.store.record.stop_lane(1, "unauthorised", "401", None)
    shown = banner(service, "http://127.0.0.1:8080").split("\n")
    await service.stop()
    assert shown[-2:] == [
        "Delivery to `hubspot` is stopped. HubSpot does not accept the access token. Hubwire keeps every message.",
        "  Set a valid token; delivery resumes where it stopped.",
    ]

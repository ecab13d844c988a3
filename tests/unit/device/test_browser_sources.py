"""What a page is told of its source: the destination that is the page's, and the rules that the server keeps."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from typing import Any, cast

import pytest

from hubwire.clock import SystemClock
from hubwire.destination import Destination, Mapping, Source, SourceKind
from hubwire.device.source import DeviceSource
from hubwire.installation.browser_sources import BrowserSources
from hubwire.plan.calls.events import CONSENT_EVENT
from hubwire.registry.protocol import Registry

SITE = Source(source_id=1, name="site", kind=SourceKind.WEB, identity_space="site", device_mode=True)


class Registered:
    """A registry with one source."""

    def __init__(self, source: Source, *destinations: Destination) -> None:
        self.source, self.kept = source, {destination.destination_id: destination for destination in destinations}

    def version(self) -> int:
        return 1

    def source_of_key(self, _key: str) -> Source | None:
        return self.source

    def destinations(self) -> MappingOf[int, Destination]:
        return self.kept


def portal(destination_id: int, hub_id: str | None, **fields: Any) -> Destination:
    return Destination(destination_id=destination_id, name=f"portal {destination_id}", hub_id=hub_id, **fields)


def seen(*destinations: Destination, source: Source = SITE) -> DeviceSource | None:
    return BrowserSources(cast(Registry, Registered(source, *destinations)), SystemClock()).get("KEY")


def with_rules(**rules: Any) -> DeviceSource:
    found = seen(portal(1, "1", mapping=Mapping(**rules)))
    assert found is not None
    return found


def test_of_several_portals_the_first_with_a_hub_id_is_the_pages() -> None:
    found = seen(portal(1, "11", source_ids=(9,)), portal(2, None), portal(3, "33"), portal(4, "44"))
    assert found is not None
    assert (found.hub_id, found.uses_plugin) == ("33", True)


@pytest.mark.parametrize("destinations", [(), (portal(1, None),), (portal(1, "1", is_paused=True),)])
def test_no_plugin_without_a_portal_that_delivers(destinations: tuple[Destination, ...]) -> None:
    found = seen(*destinations)
    assert found is not None
    assert not found.uses_plugin


def test_a_server_source_is_unknown_to_pages() -> None:
    assert (
        seen(portal(1, "1"), source=Source(source_id=1, name="s", kind=SourceKind.SERVER, identity_space="s")) is None
    )


def test_renamed_and_filtered_tracks_are_left_to_the_server() -> None:
    found = with_rules(events={" Card Entered ": None, "Bought": "purchase"})
    assert (found.events, found.only_events) == (("bought", "card entered", CONSENT_EVENT), False)


def test_of_listed_tracks_the_page_sends_those_without_a_rule() -> None:
    found = with_rules(only_events=("Bought", "Looked"), events={"bought": "purchase"})
    assert (found.events, found.only_events) == (("looked",), True)
    found = with_rules(only_events=("Bought",), events={"Bought": "purchase"})
    assert (found.events, found.only_events) == ((), True)


def test_rules_for_traits_are_the_servers() -> None:
    assert with_rules(contact={"passport": None}).email_only
    assert not with_rules(company={"plan": "tier"}).email_only
    assert with_rules().events == (CONSENT_EVENT,)


def test_a_change_of_consent_is_left_to_the_server_unless_it_is_listed() -> None:
    assert CONSENT_EVENT in with_rules().events
    assert with_rules(only_events=("Bought",)).events == ("bought",)
    assert with_rules(only_events=("Segment Consent Preference Updated",)).events == (CONSENT_EVENT,)

"""Sources as a page sees them: the write key's source, with the HubSpot destination that it feeds.

A page has one HubSpot tracking code. If a source feeds several destinations, the page gets the first one with a Hub ID,
and the server delivers to the others.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from hubwire.clock import Clock
from hubwire.destination import Destination, Mapping, Source, SourceKind
from hubwire.device.source import DeviceSource
from hubwire.plan.calls.events import CONSENT_EVENT
from hubwire.receive.sources import CachedSources
from hubwire.registry.protocol import Registry

STAND_IN_SCRIPTS = "/_hubspot/js"
STAND_IN_FORMS = "/_hubspot/js/forms/v2.js"
MAX_KNOWN = 1024


class BrowserSources:
    """`DeviceSources` over the registry. It answers from memory, and notices a change within a second."""

    def __init__(self, registry: Registry, clock: Clock) -> None:
        self._registry = registry
        self._sources = CachedSources(registry.source_of_key, registry.version, clock)
        self._destinations: tuple[int, list[Destination]] = (-1, [])
        self._built: OrderedDict[tuple[str, int], DeviceSource] = OrderedDict()

    def get(self, write_key: str) -> DeviceSource | None:
        """The enabled source with this write key and its current settings; None for an unknown key."""
        source = self._sources.by_write_key(write_key)
        if source is None or source.kind is SourceKind.SERVER:
            return None
        version = self._registry.version()
        built = self._built.get((write_key, version))
        if built is None:
            built = self._built[write_key, version] = device_source(write_key, source, self._fed_by(source, version))
            if len(self._built) > MAX_KNOWN:
                self._built.popitem(last=False)
        return built

    def first(self) -> DeviceSource | None:
        """The first web source in device mode, for the demo page."""
        for source in self._registry.sources().values():
            if source.kind is SourceKind.WEB and source.device_mode and source.is_enabled:
                keys = [key.text for key in self._registry.write_keys(source.source_id) if not key.is_revoked]
                if keys and keys[0] is not None:
                    return self.get(keys[0])
        return None

    def _fed_by(self, source: Source, version: int) -> Destination | None:
        if self._destinations[0] != version:
            self._destinations = (version, list(self._registry.destinations().values()))
        return page_destination(source, self._destinations[1])


def page_destination(source: Source, destinations: Iterable[Destination]) -> Destination | None:
    """The destination whose HubSpot a source's pages load: the first one with a Hub ID among those that it feeds."""
    return next(
        (destination for destination in destinations if destination.hub_id and destination.takes(source.source_id)),
        None,
    )


def device_source(write_key: str, source: Source, destination: Destination | None) -> DeviceSource:
    """The source as its pages see it. `destination` is the result of `page_destination`."""
    if destination is None:
        return DeviceSource(write_key=write_key, device_mode=False)
    events, only_events = _events_of(destination.mapping)
    return DeviceSource(
        write_key=write_key,
        hub_id=destination.hub_id,
        device_mode=source.device_mode and not destination.is_paused,
        load_forms_sdk=destination.load_forms_sdk,
        region=destination.region,
        consent_categories=destination.mapping.consent_categories,
        events=events,
        only_events=only_events,
        email_only=bool(destination.mapping.contact),
        script_host=STAND_IN_SCRIPTS if destination.is_sandbox else None,
        forms_url=STAND_IN_FORMS if destination.is_sandbox else None,
    )


def _events_of(mapping: Mapping) -> tuple[tuple[str, ...], bool]:
    """The tracks that a page leaves to the server: these, or, with True, all except these."""
    ruled = {name.strip().lower() for name in mapping.events}
    if not mapping.only_events:
        return tuple(sorted({*ruled, CONSENT_EVENT})), False
    return tuple(sorted({name.strip().lower() for name in mapping.only_events} - ruled)), True

"""The device mode set-up of each source: snippet, HubSpot's script host, consent, policy. Only reads.

Console, admin API and `hubwire browser` show the same. Only public write keys of web sources appear here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import msgspec

from hubwire.destination import Destination, Source, SourceKind
from hubwire.device.source import DeviceSource
from hubwire.installation.browser_sources import device_source, page_destination
from hubwire.registry.protocol import Registry

LOOK_YOURSELF = (
    "({hubwire: !!window.analytics?.initialize, hubspot: !!window._hsq && window._hsq.push !== [].push,"
    " utk: (/hubspotutk=([^;]+)/.exec(document.cookie) || [])[1]})"
)
"""A script to paste into a browser's console on the operator's own page."""


class BrowserSetup(msgspec.Struct, kw_only=True, frozen=True):
    """One web source. `why_off` is empty when HubSpot loads in its pages.

    `write_key` and `snippet` are null when there is no key, or the reader may not see it; `snippet` also when the
    browser files are not built. `script_url`: HubSpot's tracking code, in the portal's region.
    """

    source_id: int
    name: str
    why_off: str = ""
    write_key: str | None = None
    snippet: str | None = None
    destination_id: int | None = None
    destination: str | None = None
    hub_id: str | None = None
    region: str = ""
    script_url: str | None = None
    forms_url: str | None = None
    consent_categories: list[str] = []
    consent_code: str = ""
    script_hosts: list[str] = []
    policy: str = ""
    look_yourself: str = LOOK_YOURSELF
    is_sandbox: bool = False


def browser_setups(
    registry: Registry, snippet: Callable[[str], str | None], public_url: str, *, shows_keys: bool = True
) -> list[BrowserSetup]:
    """The web sources, in their order. `snippet`: the page snippet of a write key, without script tags."""
    destinations = registry.destinations()
    return [
        _setup(source, _key(registry, source) if shows_keys else None, destinations, snippet, public_url)
        for source in registry.sources().values()
        if source.kind is SourceKind.WEB
    ]


def _key(registry: Registry, source: Source) -> str | None:
    keys = registry.write_keys(source.source_id)
    return next((key.text for key in keys if key.text is not None and not key.is_revoked), None)


def _setup(
    source: Source,
    write_key: str | None,
    destinations: Mapping[int, Destination],
    snippet: Callable[[str], str | None],
    public_url: str,
) -> BrowserSetup:
    destination = page_destination(source, destinations.values())
    page = device_source(write_key or "", source, destination)
    script = snippet(write_key) if write_key is not None else None
    shown = BrowserSetup(
        source_id=source.source_id,
        name=source.name,
        why_off=_why_off(source, destination),
        write_key=write_key,
        snippet=None if script is None else f"<script>\n{script.strip()}\n</script>",
    )
    if destination is None:
        return shown
    return msgspec.structs.replace(
        shown,
        destination_id=destination.destination_id,
        destination=destination.name,
        hub_id=destination.hub_id,
        region=destination.region,
        script_url=f"{page.script_base(public_url)}/{destination.hub_id}.js",
        forms_url=page.forms_sdk(public_url) if page.load_forms_sdk else None,
        consent_categories=list(page.consent_categories),
        consent_code=_consent_code(page.consent_categories),
        script_hosts=[] if page.script_host else page.script_hosts(),
        policy=_policy(page, public_url),
        is_sandbox=destination.is_sandbox,
    )


def _why_off(source: Source, destination: Destination | None) -> str:
    if not source.is_enabled:
        return "The source takes no uploads."
    if not source.device_mode:
        return "Device mode is off: the server delivers everything."
    if destination is None:
        return "It feeds no destination with a Hub ID."
    if destination.is_paused:
        return f"{destination.name} is paused: its pages load no HubSpot until it is resumed."
    return ""


def _consent_code(categories: tuple[str, ...]) -> str:
    if not categories:
        return ""
    preferences = json.dumps(dict.fromkeys(categories, True))
    return (
        "analytics.addSourceMiddleware(({ payload, next }) => {\n"
        f"  // What your consent tool says of this visitor, now.\n"
        f"  payload.obj.context.consent = {{ categoryPreferences: {preferences} }}\n"
        "  next(payload)\n})"
    )


def _policy(page: DeviceSource, public_url: str) -> str:
    scheme, _, rest = public_url.partition("://")
    host = f"{scheme}://{rest.partition('/')[0]}"
    hosts = [] if page.script_host else page.script_hosts()
    return f"script-src 'nonce-…' {' '.join([host, *hosts])}; connect-src {host}"

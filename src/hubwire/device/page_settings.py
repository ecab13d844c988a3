"""The settings that analytics.js reads: who the source is, where its events go, which plugin to run.

A page with HubSpot in it gets only `Segment.io` in `integrations`, and no page gets a `plan`: each of them would cost
one more request. `apiHost` and `metrics` are always there: without them, analytics.js sends events and counters to
Segment.
"""

from __future__ import annotations

import json
from typing import Any

from hubwire.device.source import DeviceSource

PLUGIN_NAME = "HubSpot"
LIBRARY_NAME = "hubspotDevice"
PLUGIN_PATH = "/next-integrations/actions/hubspot-device/{version}.js"

CUSTOMER_IO = "Customer.io Data Pipelines"
"""The name under which Customer.io's browser SDK looks for where its events go. Without it, they go to Customer.io.

Only for a source without HubSpot in the page: beside a second name, analytics.js loads a chunk (3 kB) before its first
event. That chunk finds nothing to install, because the block names no version for browsers.
Source: @customerio/cdp-analytics-browser 0.5.11, @segment/analytics-next 1.84.3.
"""

NOT_IN_SCRIPT = ("middlewareSettings", "enabledMiddleware", "legacyVideoPluginsEnabled", "edgeFunction")
"""Settings that are empty here, for other SDKs that read the settings file and expect them."""

PROTOCOL, HOST, KEY = "@protocol@", "@host@", "@key@"
"""Stand for what only the page knows, in settings that travel inside a script; see `as_function`."""


def settings_json(source: DeviceSource, base_url: str, plugin_version: str | None) -> bytes:
    """The settings file of a source, as `/v1/projects/<write key>/settings` gives it.

    Shape: Segment's CDN settings; `remotePlugins` is empty when the source has no device mode or no plugin is built.
    `base_url` is the address of this server without a slash at the end; it may have a path.
    """
    return _encode(_settings(source, base_url, plugin_version))


def as_function(source: DeviceSource, plugin_version: str) -> bytes:
    """The same settings as a JavaScript function of protocol, host and write key: one script for all our addresses.

    Fields that the script does not need are omitted: its analytics.js runs the plugin in the same script.
    """
    settings = _settings(source, f"{PROTOCOL}://{HOST}", plugin_version)
    settings["integrations"]["Segment.io"]["apiKey"] = KEY
    settings["integrations"].pop(CUSTOMER_IO, None)
    for name in NOT_IN_SCRIPT:
        del settings[name]
    for plugin in settings["remotePlugins"]:
        del plugin["libraryName"], plugin["url"]
    literal = _encode(settings).decode()
    for placeholder, variable in ((PROTOCOL, "p"), (HOST, "h"), (KEY, "k")):
        literal = literal.replace(placeholder, f'"+{variable}+"')
    return f"window.__hubwireSettings=function(p,h,k){{return {literal}}};\n".encode()


def _encode(settings: dict[str, Any]) -> bytes:
    """JSON that is JavaScript as well: ASCII only, so that no line separator breaks a script."""
    return json.dumps(settings, separators=(",", ":"), ensure_ascii=True).encode()


def _settings(source: DeviceSource, base_url: str, plugin_version: str | None) -> dict[str, Any]:
    protocol, _, host = base_url.partition("://")
    api_host = f"{host}/v1"
    settings: dict[str, Any] = {
        "integrations": {
            "Segment.io": {
                "apiKey": source.write_key,
                "apiHost": api_host,
                "protocol": protocol,
            }
        },
        "metrics": {"sampleRate": 0, "host": api_host},
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "legacyVideoPluginsEnabled": False,
        "edgeFunction": {},
        "remotePlugins": [],
    }
    if plugin_version and source.uses_plugin:
        settings["remotePlugins"].append(_remote_plugin(source, base_url, plugin_version))
    else:
        settings["integrations"][CUSTOMER_IO] = settings["integrations"]["Segment.io"].copy()
    if source.consent_categories:
        categories = sorted(source.consent_categories)
        settings["consentSettings"] = {"allCategories": categories, "hasUnmappedDestinations": False}
    return settings


def _remote_plugin(source: DeviceSource, base_url: str, plugin_version: str) -> dict[str, Any]:
    options: dict[str, Any] = {"hubId": source.hub_id}
    if source.load_forms_sdk:
        options["loadFormsSdk"] = True
    if source.consent_categories:
        options["consentCategories"] = list(source.consent_categories)
    if source.events or source.only_events:
        options["events"] = list(source.events)
    if source.only_events:
        options["onlyEvents"] = True
    if source.email_only:
        options["emailOnly"] = True
    options["scriptBase"] = source.script_base(base_url)
    if source.load_forms_sdk:
        options["formsUrl"] = source.forms_sdk(base_url)
    plugin: dict[str, Any] = {
        "name": PLUGIN_NAME,
        "creationName": PLUGIN_NAME,
        "libraryName": LIBRARY_NAME,
        "url": base_url + PLUGIN_PATH.format(version=plugin_version),
        "settings": options,
    }
    if source.consent_categories:
        plugin["consentSettings"] = {"categories": list(source.consent_categories)}
    return plugin

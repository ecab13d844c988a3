"""The settings that analytics.js reads: nothing that costs a request or reaches Segment, all that the plugin needs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.device.fixtures import SOURCE, made_assets

from hubwire.device.bundle import NO_SOURCE, bundle
from hubwire.device.page_settings import CUSTOMER_IO, NOT_IN_SCRIPT, as_function, settings_json
from hubwire.device.snippet import snippet
from hubwire.device.source import DeviceSource

BASE = "https://cdp.example.com/tools"


def settings(source: DeviceSource = SOURCE, base_url: str = BASE, version: str | None = "1.0.0-abc") -> Any:
    return json.loads(settings_json(source, base_url, version))


def plugin(source: DeviceSource = SOURCE) -> Any:
    return settings(source)["remotePlugins"][0]


def test_no_chunk_is_needed_and_nothing_goes_to_segment() -> None:
    found = settings()
    assert list(found["integrations"]) == ["Segment.io"]
    assert "plan" not in found
    assert found["metrics"] == {"sampleRate": 0, "host": "cdp.example.com/tools/v1"}
    assert found["integrations"]["Segment.io"]["apiHost"] == "cdp.example.com/tools/v1"
    assert found["integrations"]["Segment.io"]["apiKey"] == "WEBKEY"
    assert "segment.com" not in json.dumps(found)
    assert "segment.io/" not in json.dumps(found)


def test_the_plugin_as_a_remote_plugin() -> None:
    assert plugin() == {
        "name": "HubSpot",
        "creationName": "HubSpot",
        "libraryName": "hubspotDevice",
        "url": f"{BASE}/next-integrations/actions/hubspot-device/1.0.0-abc.js",
        "settings": {"hubId": "1234", "scriptBase": "https://js.hs-scripts.com"},
    }


def test_every_option_of_the_source_reaches_the_plugin() -> None:
    source = replace(SOURCE, load_forms_sdk=True, region="eu1", consent_categories=("Ads",), events=("x",))
    source = replace(source, only_events=True, email_only=True)
    assert plugin(source)["settings"] == {
        "hubId": "1234",
        "loadFormsSdk": True,
        "consentCategories": ["Ads"],
        "events": ["x"],
        "onlyEvents": True,
        "emailOnly": True,
        "scriptBase": "https://js-eu1.hs-scripts.com",
        "formsUrl": "https://js-eu1.hsforms.net/forms/v2.js",
    }


@pytest.mark.parametrize(
    ("place", "address"),
    [
        ("/_hubspot/js", f"{BASE}/_hubspot/js"),
        ("js.example.com", "https://js.example.com"),
        ("http://127.0.0.1:8081/_hubspot/js/", "http://127.0.0.1:8081/_hubspot/js"),
    ],
)
def test_scripts_from_elsewhere(place: str, address: str) -> None:
    source = replace(SOURCE, script_host=place, forms_url=f"{place.rstrip('/')}/f.js", load_forms_sdk=True)
    found = plugin(source)["settings"]
    assert (found["scriptBase"], found["formsUrl"]) == (address, f"{address}/f.js")


def test_consent_wrappers_find_the_categories() -> None:
    source = replace(SOURCE, consent_categories=("Functional", "Ads"))
    found = settings(source)
    assert found["consentSettings"] == {"allCategories": ["Ads", "Functional"], "hasUnmappedDestinations": False}
    assert found["remotePlugins"][0]["consentSettings"] == {"categories": ["Functional", "Ads"]}
    assert "consentSettings" not in settings()


def test_customer_ios_sdk_finds_its_block_where_no_page_pays_for_it() -> None:
    assert CUSTOMER_IO not in settings()["integrations"]
    integrations = settings(replace(SOURCE, device_mode=False))["integrations"]
    assert list(integrations) == ["Segment.io", CUSTOMER_IO]
    assert integrations[CUSTOMER_IO] == integrations["Segment.io"]
    assert CUSTOMER_IO.encode() not in as_function(replace(SOURCE, device_mode=False), "1.0.0")


@pytest.mark.parametrize(
    "source", [replace(SOURCE, device_mode=False), replace(SOURCE, hub_id=None)], ids=["cloud mode", "no Hub ID"]
)
def test_no_plugin_without_device_mode(source: DeviceSource) -> None:
    assert settings(source)["remotePlugins"] == []


def test_no_plugin_when_it_is_not_built() -> None:
    assert settings(version=None)["remotePlugins"] == []


def as_evaluated(function: bytes, protocol: str, host: str, key: str) -> Any:
    """What the JavaScript function returns: its strings are joined by `+`, the rest is JSON."""
    literal = function.decode().partition("{return ")[2].removesuffix("};\n")
    for variable, value in (("p", protocol), ("h", host), ("k", key)):
        literal = literal.replace(f'"+{variable}+"', value)
    return json.loads(literal)


def test_the_script_carries_the_same_settings_as_the_settings_file() -> None:
    source = replace(SOURCE, script_host="/_hubspot/js", load_forms_sdk=True, consent_categories=("Ads",))
    function = as_function(source, "1.0.0-abc")
    expected = {name: value for name, value in settings(source).items() if name not in NOT_IN_SCRIPT}
    [plugin] = expected["remotePlugins"]
    del plugin["url"], plugin["libraryName"]
    assert as_evaluated(function, "https", "cdp.example.com/tools", "WEBKEY") == expected


def test_a_script_does_not_break_out_of_its_strings() -> None:
    function = as_function(replace(SOURCE, hub_id='1"};alert(1)//\u2028'), "1.0.0")
    assert function.isascii()
    assert as_evaluated(function, "https", "h", "k")["remotePlugins"][0]["settings"]["hubId"] == '1"};alert(1)//\u2028'


def test_the_script_is_the_core_unmodified_and_hidden_from_module_loaders() -> None:
    assets = made_assets()
    script = bundle(SOURCE, assets).body
    assert b"HEAD;(function(exports,module,define){" + assets.core + b"\n})();\n" + assets.plugin.body in script
    assert script.index(b"__hubwireSettings") < script.index(b"HEAD;")
    assert script.endswith(b"BOOT;")
    assert script.startswith(b"/*! analytics.js 1.84.3 (c) Segment, MIT")


def test_the_script_names_neither_address_nor_key() -> None:
    assert b"WEBKEY" not in bundle(SOURCE, made_assets()).body
    assert b"remotePlugins" in bundle(NO_SOURCE, made_assets()).body


def test_the_snippet_has_this_host_and_key() -> None:
    text = snippet(made_assets(), "http://127.0.0.1:8080", "WEBKEY")
    assert 't.src="http://127.0.0.1:8080/analytics.js/v1/"' in text
    assert 'analytics.load("WEBKEY")' in text
    assert "@" not in text


def test_the_snippet_cannot_be_left_by_a_key() -> None:
    text = snippet(made_assets(), BASE, '"</script>')
    assert 'analytics.load("\\"\\u003c/script>")' in text

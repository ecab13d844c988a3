"""The addresses of the browser side: caching, compression, CORS, methods, unknown keys, and nothing built."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace

import pytest
from tests.unit.device.asgi import ask
from tests.unit.device.fixtures import SOURCE, Sources, made_assets

from hubwire.device.routes import device_routes
from hubwire.device.source import DeviceSource

ROUTES = device_routes(Sources(SOURCE), made_assets())
SCRIPT = "/analytics.js/v1/WEBKEY/analytics.min.js"
SETTINGS = "/v1/projects/WEBKEY/settings"
CHUNK = "/analytics-next/bundles/x.bundle.1.js"
PLUGIN = "/next-integrations/actions/hubspot-device/1.0.0-abc.js"
NOTICES = "/analytics-next/notices.txt"
SOURCE_CONFIG = "/sourceConfig/?p=npm&v=3.34.1&writeKey=WEBKEY"
EVERYTHING = [SCRIPT, SETTINGS, CHUNK, PLUGIN, NOTICES, SOURCE_CONFIG]


@pytest.mark.parametrize("path", EVERYTHING)
async def test_everything_is_public_and_cacheable(path: str) -> None:
    answer = await ask(ROUTES, path)
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["cache-control"].startswith("public, max-age=")
    assert answer.headers["content-length"] == str(len(answer.body))
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", [SCRIPT, SETTINGS, "/analytics.js/v1/OTHER/analytics.min.js"])
async def test_a_changed_setting_reaches_browsers_within_ten_minutes(path: str) -> None:
    answer = await ask(ROUTES, path)
    directives = dict(part.strip().partition("=")[::2] for part in answer.headers["cache-control"].split(","))
    assert int(directives["max-age"]) <= 300
    assert not {"immutable", "stale-while-revalidate", "stale-if-error"} & set(directives)


@pytest.mark.parametrize("path", [CHUNK, PLUGIN])
async def test_files_named_by_their_content_are_kept_for_a_year(path: str) -> None:
    answer = await ask(ROUTES, path)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_an_older_plugin_address_gets_todays_plugin_for_a_short_time() -> None:
    answer = await ask(ROUTES, PLUGIN.replace("abc", "old"))
    assert (answer.status, answer.headers["cache-control"]) == (200, "public, max-age=300")
    assert answer.body == (await ask(ROUTES, PLUGIN)).body


@pytest.mark.parametrize("path", EVERYTHING)
async def test_unchanged_is_304_without_a_body(path: str) -> None:
    etag = (await ask(ROUTES, path)).headers["etag"]
    for given in (etag, etag.removeprefix("W/"), f'"other", {etag}', "*"):
        answer = await ask(ROUTES, path, headers={"If-None-Match": given})
        assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", etag)
        assert answer.headers["cache-control"].startswith("public")
    assert (await ask(ROUTES, path, headers={"If-None-Match": '"other"'})).status == 200


async def test_a_changed_setting_changes_the_tag() -> None:
    changed = device_routes(Sources(replace(SOURCE, load_forms_sdk=True)), made_assets())
    for path in (SCRIPT, SETTINGS):
        assert (await ask(ROUTES, path)).headers["etag"] != (await ask(changed, path)).headers["etag"]


@pytest.mark.parametrize("path", [SCRIPT, CHUNK, PLUGIN, NOTICES])
async def test_gzip_when_the_browser_takes_it(path: str) -> None:
    plain = await ask(ROUTES, path)
    assert "content-encoding" not in plain.headers
    for accepted in ("gzip", "br, GZIP;q=0.5", "*"):
        packed = await ask(ROUTES, path, headers={"Accept-Encoding": accepted})
        assert packed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(packed.body) == plain.body
        assert packed.headers["vary"] == "Accept-Encoding"
    for refused in ("gzip;q=0", "br", "gzip; q=0.0"):
        assert (await ask(ROUTES, path, headers={"Accept-Encoding": refused})).body == plain.body


@pytest.mark.parametrize("path", EVERYTHING)
async def test_head_has_the_headers_and_no_body(path: str) -> None:
    got, head = await ask(ROUTES, path), await ask(ROUTES, path, "HEAD")
    assert (head.status, head.body, head.headers) == (200, b"", got.headers)


@pytest.mark.parametrize("path", EVERYTHING)
async def test_preflight(path: str) -> None:
    answer = await ask(ROUTES, path, "OPTIONS", {"Access-Control-Request-Method": "GET"})
    assert (answer.status, answer.body) == (204, b"")
    assert "GET" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("path", EVERYTHING)
async def test_a_preflight_allows_the_headers_that_are_asked_for(path: str) -> None:
    request = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization,content-type"}
    answer = await ask(ROUTES, path, "OPTIONS", request)
    assert answer.headers["access-control-allow-headers"] == "authorization,content-type"


@pytest.mark.parametrize("path", ["/sourceConfig", "/sourceConfig/"])
async def test_rudderstacks_sdks_get_a_source_without_destinations(path: str) -> None:
    source = json.loads((await ask(ROUTES, f"{path}?writeKey=any")).body)["source"]
    assert (source["writeKey"], source["enabled"], source["destinations"]) == ("any", True, [])
    assert source["config"]["statsCollection"] == {"errors": {"enabled": False}, "metrics": {"enabled": False}}


@pytest.mark.parametrize("path", EVERYTHING)
async def test_nothing_can_be_posted_here(path: str) -> None:
    assert (await ask(ROUTES, path, "POST")).status == 405


@pytest.mark.parametrize("path", ["/analytics-next/bundles/nope.js", "/analytics-next/bundles/..%2fmanifest.json"])
async def test_a_missing_chunk_is_404_as_json(path: str) -> None:
    answer = await ask(ROUTES, path)
    assert (answer.status, json.loads(answer.body)["code"]) == (404, "not-found")
    assert answer.headers["cache-control"] == "no-store"


async def test_an_unknown_key_gets_settings_that_send_its_events_here() -> None:
    answer = await ask(ROUTES, '/v1/projects/a"b</script>/settings')
    assert answer.status == 404  # a slash ends the key
    answer = await ask(ROUTES, '/v1/projects/a"b/settings')
    settings = json.loads(answer.body)
    assert settings["integrations"]["Segment.io"]["apiKey"] == 'a"b'
    assert settings["integrations"]["Segment.io"]["apiHost"] == "cdp.example.com/v1"
    assert settings["remotePlugins"] == []


async def test_unknown_keys_share_one_script() -> None:
    scripts = {(await ask(ROUTES, f"/analytics.js/v1/K{n}/analytics.min.js")).body for n in range(300)}
    assert len(scripts) == 1
    assert b"PLUGIN" not in scripts.pop()


async def test_a_source_that_changes_gets_its_new_script_at_once() -> None:
    sources = Sources(SOURCE)
    routes = device_routes(sources, made_assets())
    before = (await ask(routes, SCRIPT)).body
    sources["WEBKEY"] = replace(SOURCE, device_mode=False)
    after = (await ask(routes, SCRIPT)).body
    assert b"PLUGIN" in before
    assert b"PLUGIN" not in after


async def test_not_built_is_503_with_a_reason_and_settings_without_a_plugin() -> None:
    routes = device_routes(Sources(SOURCE), None)
    for path in (SCRIPT, CHUNK, PLUGIN, NOTICES):
        answer = await ask(routes, path)
        assert (answer.status, answer.headers["cache-control"]) == (503, "no-store")
        assert answer.headers["access-control-allow-origin"] == "*"
        problem = json.loads(answer.body)
        assert (problem["code"], problem["success"]) == ("device-mode-not-built", False)
        assert "python -m hubwire.device.build" in problem["message"]
    assert json.loads((await ask(routes, SETTINGS)).body)["remotePlugins"] == []


@pytest.mark.parametrize(("scheme", "host"), [("https", "cdp.example.com"), ("http", "127.0.0.1:8080")])
async def test_settings_name_the_address_that_was_asked(scheme: str, host: str) -> None:
    answer = await ask(ROUTES, SETTINGS, scheme=scheme, host=host)
    settings = json.loads(answer.body)
    api = settings["integrations"]["Segment.io"]
    assert (api["protocol"], api["apiHost"]) == (scheme, f"{host}/v1")
    assert settings["remotePlugins"][0]["url"] == f"{scheme}://{host}{PLUGIN}"


async def test_settings_name_the_public_address_where_one_is_set() -> None:
    routes = device_routes(Sources(SOURCE), made_assets(), "https://cdp.example.com/tools/")
    settings = json.loads((await ask(routes, SETTINGS, scheme="http", host="10.0.0.7:8080")).body)
    assert settings["integrations"]["Segment.io"]["apiHost"] == "cdp.example.com/tools/v1"
    assert settings["integrations"]["Segment.io"]["protocol"] == "https"
    assert settings["remotePlugins"][0]["url"] == f"https://cdp.example.com/tools{PLUGIN}"


def test_device_source_is_off_without_a_hub_id() -> None:
    assert not DeviceSource(write_key="K").uses_plugin
    assert not DeviceSource(write_key="K", hub_id="1", device_mode=False).uses_plugin
    assert DeviceSource(write_key="K", hub_id="1").uses_plugin

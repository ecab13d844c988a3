"""The standard snippet, only its host changed: what is loaded, counted, marked and received."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.browser.harness import HUB_ID, KEY, Host, Visit, sandbox_source


def test_one_script_request_makes_the_page_ready(host: Host, visit: Visit) -> None:
    visit.open(host.add_page())
    visit.is_ready()
    host.await_counted("landing view /")
    ours = [url.removeprefix(host.origin) for url in visit.requests if url.startswith(host.origin)]
    fetched = [path for path in ours if not path.startswith(("/_hubspot/", "/v1/p"))]
    assert fetched == [f"/analytics.js/v1/{KEY}/analytics.min.js"]
    assert visit.complaints == []


def test_the_first_page_is_counted_once_and_later_ones_once_each(host: Host, visit: Visit) -> None:
    visit.open(host.add_page("/landing"))
    visit.is_ready()
    host.await_counted("landing view /landing")
    visit.evaluate("analytics.page()")
    host.await_counted("view /landing")
    host.await_exactly("landing view /landing", "view /landing")


def test_without_page_nothing_reaches_hubspot(host: Host, visit: Visit) -> None:
    script = "analytics.identify('u', {email: 'a@b.co'}); analytics.track('Bought')"
    visit.open(host.add_page(script=script, page_call=False))
    visit.is_ready()
    host.message(event="Bought")
    assert visit.asked_for("/_hubspot/") == []
    assert host.entries() == []


def test_identify_at_load_travels_with_the_landing_view(host: Host, visit: Visit) -> None:
    script = "analytics.identify('user1234', {email: 'petergibbon@email.com', firstname: 'Peter', lastname: 'Gibbon'})"
    visit.open(host.add_page(script=script))
    host.await_counted("landing view /")
    person = {"id": "user1234", "email": "petergibbon@email.com", "firstname": "Peter", "lastname": "Gibbon"}
    assert ["identify", person] in host.commands()
    assert [entry["identity"] for entry in host.entries("view")] == [person]


def test_identified_data_leaves_with_the_next_page_or_track_and_not_before(host: Host, visit: Visit) -> None:
    visit.open(host.add_page())
    visit.is_ready()
    host.await_counted("landing view /")
    visit.evaluate("analytics.identify('u', {email: 'a@b.co'})")
    assert host.entries("view", "event")[1:] == []
    visit.evaluate("analytics.track('First'); analytics.track('Second')")
    host.await_counted(f"event pe{HUB_ID}_first", f"event pe{HUB_ID}_second")
    assert [entry["identity"] for entry in host.entries("event")] == [{"id": "u", "email": "a@b.co"}, None]


def test_where_the_destination_has_rules_for_traits_identify_says_who_it_is(host: Host, visit: Visit) -> None:
    host.source = sandbox_source(email_only=True)
    traits = "{email: 'a@b.co', passport: 'X1', address: {city: 'Rome'}}"
    visit.open(host.add_page(script=f"analytics.identify('u', {traits})"))
    host.await_counted("landing view /")
    assert ["identify", {"id": "u", "email": "a@b.co"}] in host.commands()
    assert host.message(type="identify")["traits"]["passport"] == "X1"
    assert "X1" not in json.dumps(host.entries())


def test_identify_without_an_email_and_group_send_nothing_to_hubspot(host: Host, visit: Visit) -> None:
    visit.open(host.add_page())
    visit.is_ready()
    visit.evaluate("analytics.identify('u', {plan: 'pro'}); analytics.group('g', {name: 'Acme'}); analytics.alias('v')")
    visit.evaluate("analytics.track('Last')")
    host.await_counted(f"event pe{HUB_ID}_last")
    host.message(type="group")
    assert [command for command, *_ in host.commands()] == ["setPath", "trackCustomBehavioralEvent"]


def test_every_message_carries_the_mark_and_the_visitors_token(host: Host, visit: Visit) -> None:
    page = visit.open(host.add_page())
    visit.is_ready()
    host.await_counted("landing view /")
    assert host.message(type="page")["context"]["hubspot"] == {"device": "pending", "hubId": HUB_ID}
    token = next(cookie["value"] for cookie in page.context.cookies(host.site) if cookie["name"] == "hubspotutk")
    for call in ("track('T')", "identify('u', {email: 'a@b.co'})", "group('g')", "alias('v')", "page('Again')"):
        visit.evaluate(f"analytics.{call}")
    for fields in ({"event": "T"}, {"type": "identify"}, {"type": "group"}, {"type": "alias"}, {"name": "Again"}):
        assert host.message(**fields)["context"]["hubspot"] == {"device": "loaded", "hubId": HUB_ID, "utk": token}, (
            fields
        )


def test_messages_come_with_the_key_and_say_nothing_of_segment(host: Host, visit: Visit) -> None:
    visit.open(host.add_page(script="analytics.track('T', {n: 1})"))
    message = host.message(event="T")
    upload = next(upload for upload in host.uploads if upload["body"] is message)
    assert (upload["path"], upload["key"], message["writeKey"]) == ("/v1/t", f"{KEY}:", KEY)
    assert message["_metadata"]["bundled"] == ["Segment.io"]
    assert {upload["path"] for upload in host.uploads} <= {"/v1/t", "/v1/p"}


def test_an_unknown_key_still_tracks_to_this_server_and_loads_no_hubspot(host: Host, visit: Visit) -> None:
    visit.open(host.add_page(key="NOSUCHKEY", script="analytics.track('T')"))
    visit.is_ready()
    assert host.message(event="T")["writeKey"] == "NOSUCHKEY"
    assert "hubspot" not in host.message(event="T")["context"]
    assert visit.asked_for("/_hubspot/") == []


def test_a_source_without_device_mode_gets_analytics_js_alone(host: Host, visit: Visit) -> None:
    host.source = sandbox_source(device_mode=False)
    visit.open(host.add_page(script="analytics.track('T')"))
    visit.is_ready()
    assert "hubspot" not in host.message(event="T")["context"]
    assert visit.asked_for("/_hubspot/") == []
    assert visit.evaluate("typeof window.hubspotDevice") == "undefined"


def test_european_portals_load_from_europe(host: Host, visit: Visit) -> None:
    host.source = sandbox_source(region="eu1", script_host=None, forms_url=None, load_forms_sdk=True)
    visit.context.route("**/*.hs-scripts.com/**", lambda route: route.abort())
    visit.context.route("**/*.hsforms.net/**", lambda route: route.abort())
    visit.open(host.add_page())
    visit.is_ready()
    foreign = sorted(url for url in visit.requests if "localhost" not in url and "127.0.0.1" not in url)
    assert foreign == [f"https://js-eu1.hs-scripts.com/{HUB_ID}.js", "https://js-eu1.hsforms.net/forms/v2.js"]


PRELOADED = "[...document.querySelectorAll('link[rel=preload]')].map((link) => link.href)"


def test_hubspots_scripts_are_asked_for_while_the_core_starts_and_fetched_once(host: Host, visit: Visit) -> None:
    host.source = sandbox_source(load_forms_sdk=True)
    visit.open(host.add_page())
    visit.is_ready()
    loader, forms = f"{host.origin}/_hubspot/js/{HUB_ID}.js", f"{host.origin}/_hubspot/js/forms/v2.js"
    assert visit.evaluate(PRELOADED) == [loader, forms]
    assert (len(visit.asked_for(loader)), len(visit.asked_for(forms))) == (1, 1)


@pytest.mark.parametrize(
    ("changes", "page"),
    [
        ({"consent_categories": ("Advertising",)}, {}),
        ({}, {"options": "{integrations: {HubSpot: false}}"}),
        ({}, {"options": "{updateCDNSettings: (settings) => ({...settings, remotePlugins: []})}"}),
        ({}, {"page_call": False, "script": "analytics.page({}, {integrations: {HubSpot: false}})"}),
    ],
    ids=["consent is asked", "switched off at load", "settings changed by the page", "the page call alone"],
)
def test_nothing_of_hubspot_is_asked_for_before_it_is_certain(
    host: Host, visit: Visit, changes: dict[str, Any], page: dict[str, Any]
) -> None:
    host.source = sandbox_source(**changes)
    denied = "analytics.addSourceMiddleware(({payload, next}) => { payload.obj.context.consent = "
    consent = denied + "{categoryPreferences: {Advertising: false}}; next(payload) })" if changes else ""
    visit.open(host.add_page(**{"script": consent, **page}))
    visit.is_ready()
    host.message(type="page")
    assert visit.evaluate(PRELOADED) == []
    assert visit.asked_for("/_hubspot/") == []

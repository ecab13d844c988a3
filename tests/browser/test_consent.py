"""Who may not be sent to HubSpot is not: `integrations`, consent categories, and HubSpot's own opt-out."""

from __future__ import annotations

import pytest
from tests.browser.harness import HUB_ID, Host, Visit, sandbox_source

CONSENT = """
window.consent = {consent}
analytics.addSourceMiddleware(({{ payload, next }}) => {{
  if (window.consent) payload.obj.context.consent = {{ categoryPreferences: window.consent }}
  next(payload)
}})
"""


@pytest.mark.parametrize("integrations", ["{HubSpot: false}", "{All: false}"])
def test_switched_off_at_load_no_script_of_hubspot_comes(host: Host, visit: Visit, integrations: str) -> None:
    visit.open(host.add_page(options=f"{{integrations: {integrations}}}", script="analytics.track('T')"))
    if "All" not in integrations:
        visit.is_ready()
        message = host.message(event="T")
        assert message["integrations"] == {"HubSpot": False}
        assert "hubspot" not in message["context"]
    visit.evaluate("analytics.track('Last').then(() => {})")
    assert visit.asked_for("/_hubspot/") == []
    assert visit.evaluate("window._hsq") is None


def test_all_off_but_hubspot_and_our_server(host: Host, visit: Visit) -> None:
    options = "{integrations: {All: false, HubSpot: true, 'Segment.io': true}}"
    visit.open(host.add_page(options=options, script="analytics.track('T')"))
    host.await_counted("landing view /", f"event pe{HUB_ID}_t")
    assert host.message(event="T")["integrations"] == {"All": False, "HubSpot": True, "Segment.io": True}


@pytest.mark.parametrize(
    ("integrations", "is_sent"),
    [
        ("{HubSpot: false}", False),
        ("{All: false}", False),
        ("{All: false, HubSpot: true}", True),
        ("{Other: false}", True),
        ("{HubSpot: true}", True),
    ],
)
def test_one_call_can_be_kept_from_hubspot(host: Host, visit: Visit, integrations: str, is_sent: bool) -> None:
    visit.open(host.add_page())
    visit.is_ready()
    visit.evaluate(f"analytics.track('Chosen', {{}}, {{integrations: {integrations}}})")
    visit.evaluate("analytics.track('Last')")
    host.await_counted(f"event pe{HUB_ID}_last")
    assert (f"event pe{HUB_ID}_chosen" in host.counted()) is is_sent
    assert host.message(event="Chosen")["context"]["hubspot"]["device"] == "loaded"


def test_a_call_kept_from_our_server_still_reaches_hubspot(host: Host, visit: Visit) -> None:
    visit.open(host.add_page())
    visit.is_ready()
    visit.evaluate("analytics.track('Direct', {}, {integrations: {'Segment.io': false}})")
    visit.evaluate("analytics.track('Last')")
    host.await_counted(f"event pe{HUB_ID}_direct", f"event pe{HUB_ID}_last")
    host.message(event="Last")
    assert "Direct" not in [message.get("event") for message in host.messages]


def test_consent_given_later_brings_hubspot_without_a_reload(host: Host, visit: Visit) -> None:
    host.source = sandbox_source(consent_categories=("Advertising",), load_forms_sdk=True)
    script = CONSENT.format(consent="{Advertising: false, Analytics: true}")
    visit.open(host.add_page(script=script + "analytics.track('Denied')"))
    visit.is_ready()
    host.message(event="Denied")
    assert visit.asked_for("/_hubspot/") == []
    visit.evaluate("consent = {Advertising: true, Analytics: true}; analytics.track('Agreed')")
    host.await_counted("landing view /", f"event pe{HUB_ID}_agreed")
    visit.evaluate("consent = {Advertising: false}; analytics.track('Withdrawn')")
    host.message(event="Withdrawn")
    visit.evaluate("consent = null; analytics.track('Unsaid')")
    host.await_counted(f"event pe{HUB_ID}_unsaid")
    assert [name for name in host.counted() if name.startswith("event")] == [
        f"event pe{HUB_ID}_agreed",
        f"event pe{HUB_ID}_unsaid",
    ]


def test_consent_given_from_the_start(host: Host, visit: Visit) -> None:
    host.source = sandbox_source(consent_categories=("Advertising",))
    visit.open(host.add_page(script=CONSENT.format(consent="{Advertising: true}")))
    host.await_counted("landing view /")


def test_hubspots_opt_out_is_respected_on_both_sides_until_the_visitor_opts_in(host: Host, visit: Visit) -> None:
    page = visit.open(host.add_page(script="window._hsq = [['doNotTrack']]; analytics.track('Queued')"))
    visit.is_ready()
    visit.evaluate("analytics.track('After', {}); analytics.identify('u', {email: 'a@b.co'})")
    assert host.message(event="After")["integrations"] == {"HubSpot": False}
    assert host.message(type="identify")["integrations"] == {"HubSpot": False}
    page.reload()
    visit.is_ready()
    visit.evaluate("analytics.track('Next')")
    assert host.message(event="Next")["integrations"] == {"HubSpot": False}
    assert "utk" not in host.message(event="Next")["context"]["hubspot"]
    assert host.counted() == []
    visit.evaluate("_hsq.push(['doNotTrack', {track: true}]); analytics.track('Back')")
    host.await_counted(f"event pe{HUB_ID}_back")

"""`analytics.ready`: HubSpot's scripts and the Forms SDK are there, whatever an ad blocker stops it comes, and once."""

from __future__ import annotations

import pytest
from tests.browser.harness import HUB_ID, Host, Visit, sandbox_source

FORM_IN_READY = """
window.readyCalls = 0
analytics.ready(function () {
  window.readyCalls++
  window.wasThere = { create: typeof window.hbspt?.forms?.create, live: window._hsq?.push !== [].push }
  hbspt.forms.create({ portalId: '1234', formId: 'f-1', target: '#form', css: '', cssRequired: '' })
})
"""


def test_forms_sdk_is_there_inside_ready_which_comes_once(host: Host, visit: Visit) -> None:
    host.source = sandbox_source(load_forms_sdk=True)
    page = visit.open(host.add_page(script=FORM_IN_READY))
    page.fill("#form input[name=email]", "a@b.co")
    page.fill("#form input[name=firstname]", "Ann")
    page.click("#form input[type=submit]")
    page.wait_for_selector("text=Thanks for submitting")
    assert visit.evaluate("wasThere") == {"create": "function", "live": True}
    assert visit.evaluate("readyCalls") == 1
    (form,) = host.entries("form")
    assert (form["formId"], form["values"]["email"], form["values"]["firstname"]) == ("f-1", "a@b.co", "Ann")


def test_no_forms_sdk_unless_the_source_says_so(host: Host, visit: Visit) -> None:
    visit.open(host.add_page())
    visit.is_ready()
    assert visit.asked_for("/forms/") == []
    assert visit.evaluate("typeof window.hbspt") == "undefined"


def test_ready_with_page_called_inside_it_is_not_a_deadlock(host: Host, visit: Visit) -> None:
    visit.open(host.add_page(script="analytics.ready(() => analytics.page())", page_call=False))
    host.await_counted("landing view /")


@pytest.mark.parametrize(
    ("blocked", "device"),
    [
        ("/forms/", "loaded"),
        ("/_hubspot/js/analytics/", "failed"),
        (f"/_hubspot/js/{HUB_ID}.js", "failed"),
        ("/_hubspot/", "failed"),
    ],
    ids=["only the Forms SDK", "only the tracking code", "only the loader", "all of HubSpot"],
)
def test_blocked_scripts_break_nothing(host: Host, visit: Visit, blocked: str, device: str) -> None:
    host.source = sandbox_source(load_forms_sdk=True)
    visit.context.route(f"**{blocked}**", lambda route: route.abort("blockedbyclient"))
    visit.open(host.add_page(script="analytics.identify('u', {email: 'a@b.co'}); analytics.track('Early')"))
    visit.is_ready()
    assert visit.evaluate("analytics.track('Late').then(() => 'settled')") == "settled"
    assert host.message(event="Early")["context"]["hubspot"]["device"] == "pending"
    assert host.message(event="Late")["context"]["hubspot"]["device"] == device
    assert host.message(type="identify")["traits"] == {"email": "a@b.co"}
    late_at_hubspot = f"event pe{HUB_ID}_late"
    if device == "loaded":
        host.await_counted("landing view /", f"event pe{HUB_ID}_early", late_at_hubspot)
    else:
        assert host.counted() == []
        queued = visit.evaluate("(window._hsq || []).filter(([name]) => name === 'trackCustomBehavioralEvent').length")
        assert queued == 1
    assert "failedInitializations" not in host.message(event="Late")["_metadata"]
    assert [complaint for complaint in visit.complaints if "net::ERR_BLOCKED_BY_CLIENT" not in complaint] == []


def test_scripts_that_never_answer_hold_ready_up_for_a_limited_time(host: Host, visit: Visit) -> None:
    visit.context.route("**/_hubspot/js/analytics/**", lambda route: None)
    page = visit.open(host.add_page())
    page.clock.install()
    visit.evaluate("void analytics.ready(() => (window.isReady = true))")
    page.wait_for_function("window._hsq && window._hsq.length")
    page.clock.run_for(9_000)
    page.wait_for_function("window.isReady")
    visit.evaluate("analytics.track('Late')")
    assert host.message(event="Late")["context"]["hubspot"]["device"] == "failed"

"""Pages that come and go: single-page applications, fast clicks, back/forward cache, leaving in the middle."""

from __future__ import annotations

from playwright.sync_api import Route
from tests.browser.harness import HUB_ID, Host, Visit


def test_single_page_application_counts_each_route_once_with_its_path(host: Host, visit: Visit) -> None:
    visit.open(host.add_page("/app"))
    visit.is_ready()
    host.await_counted("landing view /app")
    for path in ("/app/cart", "/app/pay?step=2"):
        visit.evaluate(f"history.pushState({{}}, '', '{path}'); analytics.page()")
    visit.evaluate("history.back()")
    visit.page.wait_for_url("**/app/cart")
    visit.evaluate("analytics.page()")
    host.await_counted("view /app/pay?step=2")
    eventual = ["landing view /app", "view /app/cart", "view /app/pay?step=2", "view /app/cart"]
    visit.evaluate("analytics.track('Last')")
    host.await_counted(f"event pe{HUB_ID}_last")
    host.await_exactly(*eventual, f"event pe{HUB_ID}_last")


def test_routes_before_hubspots_script_has_come_are_counted_once_each(host: Host, visit: Visit) -> None:
    held: list[Route] = []
    visit.context.route("**/_hubspot/js/analytics/**", lambda route: held.append(route))
    visit.open(host.add_page("/app"))
    visit.page.wait_for_function("analytics.initialized && document.getElementById('hs-analytics')")
    for path in ("/app/a", "/app/b"):
        visit.evaluate(f"history.pushState({{}}, '', '{path}'); analytics.page().then(() => {{}})")
    assert host.counted() == []
    held[0].continue_()
    host.await_counted("landing view /app/b")
    host.await_exactly("view /app", "view /app/a", "landing view /app/b")


WHEN_RESTORED = """
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) analytics.track('Back again')
})
"""
GO_BACK = "analytics.ready(() => setTimeout(() => history.back(), 0))"


def test_a_page_restored_by_the_back_button_goes_on_where_it_was(host: Host, visit: Visit) -> None:
    host.add_page("/next", script=GO_BACK)
    page = visit.open(host.add_page("/", script=WHEN_RESTORED))
    visit.is_ready()
    host.await_counted("landing view /")
    visit.evaluate("analytics.identify('u', {email: 'a@b.co'})")
    page.evaluate("document.getElementById('next').click()")
    host.await_counted("landing view /next", f"event pe{HUB_ID}_back_again")
    assert host.message(event="Back again")["context"]["hubspot"]["device"] == "loaded"
    host.await_exactly("landing view /", "landing view /next", f"event pe{HUB_ID}_back_again")
    assert host.entries("event")[0]["identity"] == {"id": "u", "email": "a@b.co"}


def test_a_page_left_while_hubspot_was_loading_resumes_when_it_is_restored(host: Host, visit: Visit) -> None:
    host.add_page("/next", script=GO_BACK)
    page = visit.open(host.add_page("/", script=WHEN_RESTORED))
    page.wait_for_function("document.getElementById('hs-script-loader')")
    page.evaluate("document.getElementById('next').click()")
    host.await_counted("landing view /", "landing view /next", f"event pe{HUB_ID}_back_again")
    assert len(host.counted()) == 3


def test_the_same_visitor_has_the_same_token_on_every_page(host: Host, visit: Visit) -> None:
    host.add_page("/next")
    page = visit.open(host.add_page("/"))
    visit.is_ready()
    host.await_counted("landing view /")
    page.goto(f"{host.site}/next")
    host.await_counted("landing view /next")
    tokens = {entry["utk"] for entry in host.entries("view")}
    assert len(tokens) == 1
    second_page = next(m for m in host.messages if m["properties"]["path"] == "/next")
    assert second_page["context"]["hubspot"]["utk"] == tokens.pop()

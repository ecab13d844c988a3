"""The standard snippet, only its host changed: one script, then HubSpot's; the landing page counted once."""

from __future__ import annotations

from tests.browser.conftest import Visit
from tests.browser.harness import KEY, Host


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
    assert host.counted() == ["landing view /landing", "view /landing"]

"""Device mode: the code that each site pastes, and a page that checks whether HubSpot loads in a browser.

The check page runs the site's own scripts, including HubSpot's, on the origin of the console. So it has its own policy:
scripts may come from the hosts that a site allows, and may not connect to the console. The page opens in a separate
browsing context (no `same-origin` opener policy), so its scripts cannot reach a page of the console.
"""

from __future__ import annotations

import secrets
from shlex import quote

import msgspec
from markupsafe import Markup
from starlette.responses import Response

from hubwire.device.source import HUBSPOT_TELLS
from hubwire.errors import Missing
from hubwire.manage.browser_setup import BrowserSetup, browser_setups
from hubwire.receive.sources import is_allowed
from hubwire.registry.access import Role
from hubwire.web.request import (
    View,
    frame_of,
    html_response,
    json_response,
    wants_json,
)


class BrowserPage(msgspec.Struct, frozen=True, kw_only=True):
    setups: list[BrowserSetup]
    may_check: bool
    may_admin: bool


class CheckPage(msgspec.Struct, frozen=True, kw_only=True):
    """`script`: Segment's snippet. The write key in it is escaped for a script and must not be escaped again for HTML.

    `is_foreign`: the source does not allow this page's origin, so it refuses the page's own messages."""

    setup: BrowserSetup
    script: Markup
    nonce: str
    is_foreign: bool


async def browser(view: View) -> Response:
    """`/browser`."""
    page = BrowserPage(
        setups=await view.read(_setups, view), may_check=view.may(Role.OPERATE), may_admin=view.may(Role.ADMIN)
    )
    return view.render("set_up/browser.html", page, title="Device mode", cli="hubwire browser")


async def check(view: View) -> Response:
    """`/browser/check/{source_id}`: a page with the site's snippet, which reports whether it works."""
    setup = next(
        (setup for setup in await view.read(_setups, view) if setup.source_id == view.request.path_params["source_id"]),
        None,
    )
    if setup is None:
        raise Missing("source", "there is no such web source")
    if wants_json(view.request):
        return json_response(setup)
    nonce = secrets.token_urlsafe(16)
    code = (setup.snippet or "").removeprefix("<script>").removesuffix("</script>")
    script = Markup(code)  # noqa: S704 - our own code; `device.snippet` escapes what is put into it
    page = CheckPage(setup=setup, script=script, nonce=nonce, is_foreign=await view.read(_is_foreign, view, setup))
    frame = frame_of(
        view.request, view.deps, view.viewer, f"Check of {setup.name}", f"hubwire browser {quote(setup.name)}", None
    )
    answer = html_response(view.shared, "set_up/browser_check.html", page, frame)
    answer.headers["content-security-policy"] = policy(setup, view.deps.public_url, nonce)
    answer.headers["cross-origin-opener-policy"] = "unsafe-none"
    return answer


def policy(setup: BrowserSetup, public_url: str, nonce: str) -> str:
    """The sources of scripts and connections of the check page. The console is excluded, by path on the same origin."""
    scripts = [f"{public_url}/{path}/" for path in ("analytics.js/v1", "analytics-next/bundles", "next-integrations")]
    connections = [f"{public_url}/v1/", *([f"{public_url}/_hubspot/track"] if setup.is_sandbox else HUBSPOT_TELLS)]
    scripts += [f"{public_url}/_hubspot/js/"] if setup.is_sandbox else setup.script_hosts
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}' {' '.join(scripts)}; connect-src {' '.join(connections)};"
        f" img-src 'self' data: {' '.join(HUBSPOT_TELLS)}; style-src 'self'; form-action 'none'; base-uri 'none';"
        " frame-ancestors 'none'"
    )


def _setups(view: View) -> list[BrowserSetup]:
    deps = view.deps
    return browser_setups(deps.registry, deps.snippet, deps.public_url, shows_keys=view.may(Role.OPERATE))


def _is_foreign(view: View, setup: BrowserSetup) -> bool:
    allowed = view.deps.registry.sources()[setup.source_id].allowed_origins
    url = view.request.url
    return not is_allowed(f"{url.scheme}://{url.netloc}".encode(), allowed)

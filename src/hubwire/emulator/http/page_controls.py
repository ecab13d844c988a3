"""The page's log of requests, and its buttons for the clock, faults and limits."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from urllib.parse import parse_qs

import msgspec

from hubwire.emulator.http.page_parts import View, cut, moment, opening_row, section, table
from hubwire.emulator.moments import iso
from hubwire.emulator.store.faults import FaultRule
from hubwire.emulator.store.portal import Portal, SeenRequest
from hubwire.emulator.wire import Refusal, Reply, Request, json_reply

MAX_BODY = 20_000
OPEN_WHEN_LIVE = 10


def requests(portal: Portal, view: View) -> str:
    """The newest API calls with their bodies; secrets are masked."""
    titles = ["Request", "Status", "At"]
    seen = portal.requests.newest()
    if view.query:
        seen = [call for call in seen if view.holds([call.method, call.path, str(call.status), call.text()])]
    part, page = cut(view, "requests", "Requests", seen)
    opened = OPEN_WHEN_LIVE if view.is_live else 0  # a reload would close what a visitor opened
    rows = [_request_row(call, titles, is_open=number < opened) for number, call in enumerate(page)]
    return section(view, part, table(titles, rows))


def _request_row(call: SeenRequest, titles: list[str], *, is_open: bool) -> str:
    shown = call.shown()
    query = f"?{shown['query']}" if shown["query"] else ""
    body = "" if shown["body"] is None else msgspec.json.format(msgspec.json.encode(shown["body"])).decode()
    headers = "\n".join(f"{name}: {value}" for name, value in shown["headers"].items())
    kind = "bad" if call.status >= 400 else ""
    cells = [
        (f'<span class="chip">{escape(call.method)} {escape(shown["path"] + query)}</span>', ""),
        (f'<span class="{kind}">{call.status}</span>', ""),
        (moment(iso(call.at_ms)), "at"),
    ]
    below = f"<pre tabindex=0>{escape(headers)}\n\n{escape(body[:MAX_BODY])}</pre>"
    return opening_row(titles, cells, below, is_open=is_open)


def _advance(seconds: int) -> Callable[[Portal], None]:
    return lambda portal: portal.clock.advance(seconds)


def _fault(**rule: object) -> Callable[[Portal], None]:
    return lambda portal: portal.faults.add(msgspec.convert({"times": 1, **rule}, FaultRule))


# group, value, what the button says, what it does
_BUTTONS: tuple[tuple[str, str, str, Callable[[Portal], None]], ...] = (
    ("Clock", "second", "+ 1 s", _advance(1)),
    ("Clock", "minute", "+ 1 min", _advance(60)),
    ("Clock", "hour", "+ 1 h", _advance(3_600)),
    ("Clock", "day", "+ 1 day", _advance(86_400)),
    ("Clock", "freeze", "Stop the clock", lambda portal: portal.clock.freeze()),
    ("Clock", "follow", "Let the clock run", lambda portal: portal.clock.follow()),
    ("Next API call", "429", "Rate limit (429)", _fault(status=429)),
    ("Next API call", "503", "Unavailable (503)", _fault(status=503)),
    ("Next API call", "401", "Wrong token (401)", _fault(status=401)),
    ("Next API call", "lost", "Done, but answered 500", _fault(status=500, when="after")),
    ("Next API call", "empty", "Next batch: 200, nothing written", _fault(kind="silent_empty", path="*/batch/*")),
    ("Next API call", "cut", "Connection cut", _fault(kind="reset")),
    ("Next API call", "clear", "Remove all faults", lambda portal: portal.faults.rules.clear()),
    ("Portal", "limits", "Rate limits on or off", lambda portal: _toggle_limits(portal)),
    ("Portal", "reset", "Start over", lambda portal: portal.reset()),
)


def controls(portal: Portal, view: View) -> str:
    """Buttons for the clock, the next call and the portal, and the faults in force."""
    groups = dict.fromkeys(group for group, *_ in _BUTTONS)
    shown = "".join(
        f"<h3>{escape(group)}: {escape(_state(portal, group))}</h3>"
        + "".join(
            f'<button name="do" value="{value}">{escape(text)}</button>'
            for known, value, text, _ in _BUTTONS
            if known == group
        )
        for group in groups
    )
    form = f'<form class="acts" action="/_emulator/page{view.parameters()}" method="post">{shown}</form>'
    return f'<section id="controls"><h2>Clock and faults</h2>{form}</section>'


def press(portal: Portal, request: Request) -> Reply:
    """Carry out a button of the page and go back to it, with the search and the pages that it showed.

    Errors: 403 for a form of another site, 400 for a button that is not there.
    """
    origin, host = request.headers.get(b"origin"), request.headers.get(b"host", b"")
    if origin is not None and origin.partition(b"://")[2] != host:
        refusal = Refusal(403, "The buttons work from the emulator's own page only")
        return json_reply(403, refusal.body(portal.correlation_id()))
    value = parse_qs(request.body.decode("latin-1")).get("do", [""])[0]
    act = next((act for _, known, _, act in _BUTTONS if known == value), None)
    if act is None:
        return json_reply(400, Refusal(400, f"The page has no button {value[:40]}").body(portal.correlation_id()))
    act(portal)
    reply = Reply(303)
    shown = b"?" + request.query_string if request.query_string else b""
    reply.headers.append((b"location", b"/" + shown + b"#controls"))
    return reply


def _state(portal: Portal, group: str) -> str:
    if group == "Clock":
        return f"{moment(portal.now_iso())} UTC, {'stopped' if portal.clock.is_frozen else 'running'}"
    if group == "Portal":
        return f"rate limits {'on' if portal.config.limits_enabled else 'off'}"
    left = [rule for rule in portal.faults.rules if rule.times is None or rule.applied < rule.times]
    return {0: "no faults in force", 1: "1 fault in force"}.get(len(left), f"{len(left)} faults in force")


def _toggle_limits(portal: Portal) -> None:
    portal.configure(limits_enabled=not portal.config.limits_enabled)

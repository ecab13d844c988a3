"""Test: a dry run of a message, rule by rule, and a button that sends it."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from hubwire.console.pages.watch.messages import message_href
from hubwire.console.parts.lanes import names
from hubwire.decoding import merged
from hubwire.errors import BadValue, HubwireError
from hubwire.manage.rules.hints import message_text
from hubwire.registry.named import numbered
from hubwire.web.parameters import Fields, number, text
from hubwire.web.ports import DryRun
from hubwire.web.request import Problem, View, problem_of

MAX_MESSAGE_BYTES = 64 * 1024
EXAMPLE = {
    "type": "identify",
    "userId": "user1234",
    "traits": {"email": "peter@example.com", "firstname": "Peter", "lastname": "Gibbon", "plan": "Enterprise"},
}


class DryRunPage(msgspec.Struct, frozen=True, kw_only=True):
    """`written` is the message as text, even if it is not valid JSON."""

    written: str
    source_id: int | None
    destination_id: int | None
    sources: dict[int, str]
    destinations: dict[int, str]
    run: DryRun | None


async def test(view: View) -> Response:
    """`/test`, filled with the message of `?message=…` if given."""
    written = await view.read(_stored, view)
    return await _show(view, view.fields, written)


async def run(view: View) -> Response:
    """POST `/test`: the dry run, or with `send` the real thing."""
    form = await view.form()
    written = form.get("message", "")
    try:
        source_id, destination_id = _chosen(view, form)
        body = message_of(written)
        if form.get("do") == "send":
            message_id = await view.deps.sender(source_id, body)
            await view.read(view.deps.registry.write_audit, view.viewer.name, "message.sent", message_id)
            return view.redirect(message_href(message_id), "sent")
        found = await view.deps.planner(destination_id, source_id, body)
    except HubwireError as exc:
        return await _show(view, form, written, problem=problem_of(exc))
    return await _show(view, form, written, run_result=found)


async def _show(
    view: View, chosen: Fields, written: str, run_result: DryRun | None = None, problem: Problem | None = None
) -> Response:
    sources, destinations = names(view.deps.registry.sources()), names(view.deps.registry.destinations())
    page = DryRunPage(
        written=written,
        source_id=_known(chosen, "source", sources),
        destination_id=_known(chosen, "destination", destinations),
        sources=sources,
        destinations=destinations,
        run=run_result,
    )
    status = 200 if problem is None else 422
    return view.render("set_up/test.html", page, title="Tester", cli="hubwire plan -", problem=problem, status=status)


def _known(chosen: Fields, name: str, known: dict[int, str]) -> int | None:
    found = numbered(known, chosen.get(name, ""))
    return next(iter(known), None) if found is None else found


def _chosen(view: View, form: Fields) -> tuple[int, int]:
    source_id, destination_id = number(form, "source", 1, 1 << 31), number(form, "destination", 1, 1 << 31)
    if source_id is None or source_id not in view.deps.registry.sources():
        raise BadValue("source", "choose a source", value=source_id)
    if destination_id is None or destination_id not in view.deps.registry.destinations():
        raise BadValue("destination", "choose a destination", value=destination_id)
    return source_id, destination_id


def message_of(written: str) -> dict[str, Any]:
    """The message of a text that a person entered. Errors: BadValue."""
    if len(written.encode()) > MAX_MESSAGE_BYTES:
        raise BadValue("message", f"a message has at most {MAX_MESSAGE_BYTES} bytes", limit=MAX_MESSAGE_BYTES)
    try:
        body = msgspec.json.decode(written)
    except msgspec.DecodeError as exc:
        raise BadValue("message", f"this is not JSON: {exc}") from exc
    if not isinstance(body, dict):
        raise BadValue("message", "a message is a JSON object")
    return body


def _stored(view: View) -> str:
    message_id = text(view.fields, "message", 1024)
    details = view.deps.queries.message(message_id) if message_id else []
    body = merged(details[0].body, details[0].envelope) if details else EXAMPLE
    return message_text(body)

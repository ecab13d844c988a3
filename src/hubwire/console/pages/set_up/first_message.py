"""The first message: sends an identify call as if a source had sent it, and redirects to its page."""

from __future__ import annotations

from starlette.responses import Response

from hubwire.console.pages.watch.messages import message_href
from hubwire.errors import Missing
from hubwire.web.parameters import number, text
from hubwire.web.request import View

EMAIL = "peter.gibbon@example.com"


async def send_first(view: View) -> Response:
    """POST `/setup/{destination_id}/first`: an identify call, the example in Segment's documentation."""
    form = await view.form()
    source_id = number(form, "source", 1, 1 << 31)
    if source_id is None or source_id not in view.deps.registry.sources():
        raise Missing("source", "there is no such source", value=source_id)
    traits = {"email": text(form, "email") or EMAIL, "firstname": "Peter", "lastname": "Gibbon"}
    body = {"type": "identify", "userId": "user1234", "traits": traits}
    message_id = await view.deps.sender(source_id, body)
    await view.read(view.deps.registry.write_audit, view.viewer.name, "message.sent", message_id)
    return view.redirect(message_href(message_id), "sent")

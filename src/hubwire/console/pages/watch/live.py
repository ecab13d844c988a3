"""Live: the newest messages, as they arrive.

The page reloads its list every few seconds. The event stream `/live/changes` tells it to reload at once when something
is new; without the stream, the page still works.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import anyio
import msgspec
from starlette.responses import Response, StreamingResponse

from hubwire.console.pages.watch.messages import MessageLine, lines
from hubwire.record.message_filter import MessageFilter
from hubwire.web.parameters import text
from hubwire.web.request import View

LIVE_MESSAGES = 40
LOOK_SECONDS = 1.0
STREAM_LOOKS = 60
"""A stream ends after this many checks; the browser then opens another one, and must still be signed in."""
CHANGED = b"event: changed\ndata: \n\n"
UNCHANGED = b": nothing new\n\n"


class LivePage(msgspec.Struct, frozen=True, kw_only=True):
    query: str
    is_paused: bool
    lines: list[MessageLine]


async def live(view: View) -> Response:
    """`/live`."""
    page = await view.read(_read, view)
    return view.render("watch/live.html", page, title="Live", cli=f"hubwire messages --limit {LIVE_MESSAGES}")


async def changes(view: View) -> Response:
    """`/live/changes`: an event whenever the page of the same query would look different."""
    looks = partial(view.read, _read, view)
    stream = events(looks, view.deps.is_stopping, partial(anyio.sleep, LOOK_SECONDS))
    return StreamingResponse(stream, media_type="text/event-stream")


async def events(
    look: Callable[[], Awaitable[object]], is_stopping: Callable[[], bool], wait: Callable[[], Awaitable[None]]
) -> AsyncIterator[bytes]:
    """One line for each check but the first: whether the result changed since the previous check."""
    seen = await look()
    yield UNCHANGED
    for _ in range(STREAM_LOOKS):
        if is_stopping():
            return
        await wait()
        found = await look()
        yield UNCHANGED if found == seen else CHANGED
        seen = found


def _read(view: View) -> LivePage:
    query = text(view.fields, "q", 1024)
    criteria = MessageFilter(limit=LIVE_MESSAGES)
    if query is not None:
        criteria = msgspec.structs.replace(criteria, **{"contains" if view.sees_payloads else "text": query})
    found = view.deps.queries.messages(criteria)
    return LivePage(query=query or "", is_paused=view.fields.get("paused") == "1", lines=lines(view, found))

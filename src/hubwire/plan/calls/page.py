"""page and screen -> nothing, or a custom event if the mapping wants one.

Our decisions: only the browser can send a page view (HubSpot's API has none), and HubSpot has no screens. With
`pages_as_events` / `screens_as_events`, every page is an event `Page Viewed`, every screen a `Screen Viewed`, with
`name` and `category` as properties (one definition instead of one for each page, because a portal has 500). Everything
else is as for track, including `context.traits`. They are also sent if the browser has sent its own page view, which is
not an event.
Sources: the seed, "Page"; HubSpot destination metadata (page: device mode only; screen: not supported).
"""

from __future__ import annotations

from msgspec.structs import replace

from hubwire.destination import Source
from hubwire.message import Message
from hubwire.operation import Discard, Plan
from hubwire.plan.calls.track import plan_event
from hubwire.plan.filters import was_delivered_in_browser
from hubwire.plan.identity import Identity
from hubwire.plan.rulebook import Rulebook
from hubwire.reasons import Reason

_DEVICE_ONLY = Discard(Reason.PAGE_IS_DEVICE_ONLY)
_IN_BROWSER = Discard(Reason.DELIVERED_IN_BROWSER)
_OF_EVERY_PAGE = ("path", "referrer", "search", "title", "url")
"""Properties that analytics.js gives every page, empty where the page has none: nothing that anybody left out."""
_NO_SCREENS = Discard(Reason.SCREEN_NOT_SUPPORTED)


def plan_page(message: Message, source: Source, book: Rulebook, identity: Identity, by_cookie: bool) -> Plan:
    """A discard, or the event `Page Viewed`."""
    if book.mapping.pages_as_events:
        return plan_event(_with_name(message), source, book, identity, "Page Viewed", by_cookie)
    return Plan(
        fate=_IN_BROWSER
        if was_delivered_in_browser(message, source, book.mapping, book.schema.hub_id)
        else _DEVICE_ONLY
    )


def plan_screen(message: Message, source: Source, book: Rulebook, identity: Identity, by_cookie: bool) -> Plan:
    """A discard, or the event `Screen Viewed`."""
    if book.mapping.screens_as_events:
        return plan_event(_with_name(message), source, book, identity, "Screen Viewed", by_cookie)
    return Plan(fate=_NO_SCREENS)


def _with_name(message: Message) -> Message:
    """The message with its name among the properties, unless they have one, and without what its page lacks."""
    properties = message.properties
    if any(properties.get(name) == "" for name in _OF_EVERY_PAGE):
        properties = {name: value for name, value in properties.items() if value != "" or name not in _OF_EVERY_PAGE}
    if message.name is not None and "name" not in properties:
        properties = {"name": message.name, **properties}
    return message if properties is message.properties else replace(message, properties=properties)

"""HubSpot's object library: whether each of its types is switched on. Only a person can switch one on or off.

Source: HubSpot's guide to the object library and its OpenAPI.
"""

from __future__ import annotations

from hubwire.emulator.standard.kinds import BY_NAME, LIBRARY
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import Reply, Request, json_reply, not_found


def read_all(portal: Portal, _request: Request) -> Reply:
    """`GET …/object-library/…/enablement`: every type of the library, by its id."""
    enabled = {BY_NAME[name].type_id: name in portal.config.library for name in LIBRARY}
    return json_reply(200, {"enablementByObjectTypeId": enabled})


def read_one(portal: Portal, request: Request) -> Reply:
    """`GET …/enablement/{objectTypeId}`: one type of the library."""
    given = request.params["objectTypeId"]
    name = next((name for name in LIBRARY if BY_NAME[name].type_id == given), None)
    if name is None:
        raise not_found()
    return json_reply(200, {"enablement": name in portal.config.library})

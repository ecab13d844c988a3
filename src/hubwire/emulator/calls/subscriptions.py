"""Communication preferences: subscription types and what each address is subscribed to.

Source: HubSpot's OpenAPI and guides; the two 400s of v3 (already subscribed; unsubscribed and not to be subscribed
again) are recorded in public tests. An address needs no contact (chosen).
"""

from __future__ import annotations

from typing import Any

import msgspec

from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import Id, Reply, Request, decode, invalid, json_reply

DEFINITIONS: tuple[dict[str, Any], ...] = tuple(
    {
        "id": number,
        "name": name,
        "description": description,
        "purpose": purpose,
        "communicationMethod": "Email",
        "isActive": True,
        "isDefault": number == "101",
        "isInternal": False,
        "businessUnitId": 0,
        "createdAt": "2026-01-01T00:00:00.000Z",
        "updatedAt": "2026-01-01T00:00:00.000Z",
    }
    for number, name, description, purpose in (
        ("101", "Marketing Information", "Marketing offers and updates.", "Marketing"),
        ("102", "One to One", "One to One emails", "Sales"),
        (
            "103",
            "Customer Service Communication",
            "Receive feedback requests and customer service information.",
            "Service",
        ),
    )
)
_NAMES = {definition["id"]: definition for definition in DEFINITIONS}


class V3Body(msgspec.Struct, rename="camel"):
    """Subscribe or unsubscribe, v3."""

    email_address: str
    subscription_id: Id
    legal_basis: str | None = None
    legal_basis_explanation: str | None = None


class StatusBody(msgspec.Struct, rename="camel"):
    """A new status, v4 and dates."""

    subscription_id: Id
    status_state: str
    channel: str = "EMAIL"
    legal_basis: str | None = None
    legal_basis_explanation: str | None = None


_v3_body = msgspec.json.Decoder(V3Body)
_status_body = msgspec.json.Decoder(StatusBody)


def list_definitions(portal: Portal, request: Request) -> Reply:
    """`GET …/definitions`: subscription types."""
    if request.version == "v3":
        return json_reply(200, {"subscriptionDefinitions": list(DEFINITIONS)})
    return json_reply(200, {"status": "COMPLETE", "results": list(DEFINITIONS), **_times(portal)})


def list_definitions_v1(portal: Portal, _request: Request) -> Reply:
    """`GET /email/public/v1/subscriptions`: subscription types in v1's shape."""
    shown = [
        {
            "id": int(definition["id"]),
            "portalId": portal.config.portal_id,
            "name": definition["name"],
            "description": definition["description"],
            "active": True,
            "internal": False,
            "category": definition["purpose"],
            "channel": "Email",
            "order": place,
        }
        for place, definition in enumerate(DEFINITIONS)
    ]
    return json_reply(200, {"subscriptionDefinitions": shown})


def read_status_v3(portal: Portal, request: Request) -> Reply:
    """`GET /communication-preferences/v3/status/email/{email}`: every type's status of one address."""
    email = request.params["email"].lower()
    statuses = [
        {
            "id": number,
            "name": definition["name"],
            "description": definition["description"],
            "status": _v3_state(_state(portal, email, number)),
            "sourceOfStatus": "SUBSCRIPTION_STATUS",
        }
        for number, definition in _NAMES.items()
    ]
    return json_reply(200, {"recipient": email, "subscriptionStatuses": statuses})


def subscribe_v3(portal: Portal, request: Request) -> Reply:
    """`POST …/v3/subscribe`: 400 when it is so already, and for an address that has unsubscribed."""
    body = decode(_v3_body, request.body)
    email, number = body.email_address.lower(), _known(body.subscription_id)
    state = portal.subscriptions.get(email, {}).get(number)
    if state == "SUBSCRIBED":
        raise invalid(f"{email} is already subscribed to subscription {number}")
    if state == "UNSUBSCRIBED":
        raise invalid(f"Subscription {number} for {email} cannot be updated because they have unsubscribed")
    return _set_v3(portal, email, number, "SUBSCRIBED")


def unsubscribe_v3(portal: Portal, request: Request) -> Reply:
    """`POST …/v3/unsubscribe`."""
    body = decode(_v3_body, request.body)
    email, number = body.email_address.lower(), _known(body.subscription_id)
    if portal.subscriptions.get(email, {}).get(number) == "UNSUBSCRIBED":
        raise invalid(f"{email} is already unsubscribed from subscription {number}")
    return _set_v3(portal, email, number, "UNSUBSCRIBED")


def read_statuses(portal: Portal, request: Request) -> Reply:
    """`GET …/statuses/{subscriberIdString}`: every type's status of one address."""
    email = request.params["email"].lower()
    results = [_shown(portal, email, number) for number in _NAMES]
    return json_reply(200, {"status": "COMPLETE", "results": results, **_times(portal)})


def set_status(portal: Portal, request: Request) -> Reply:
    """`POST …/statuses/{subscriberIdString}`: one status; an opt-out may be taken back here."""
    body, email = decode(_status_body, request.body), request.params["email"].lower()
    number = _known(body.subscription_id)
    if body.status_state not in ("SUBSCRIBED", "UNSUBSCRIBED", "NOT_SPECIFIED"):
        raise invalid(f"{body.status_state} is not a valid statusState")
    before = _state(portal, email, number)
    portal.subscriptions.setdefault(email, {})[number] = body.status_state
    reason = "NO_STATUS_CHANGE" if before == body.status_state else "REQUESTED_CHANGE_OCCURRED"
    if (before, body.status_state) == ("UNSUBSCRIBED", "SUBSCRIBED"):
        reason = "RESUBSCRIBE_OCCURRED"
    results = [{**_shown(portal, email, number), "setStatusSuccessReason": reason}]
    return json_reply(200, {"status": "COMPLETE", "results": results, **_times(portal)})


def unsubscribe_all(portal: Portal, request: Request) -> Reply:
    """`POST …/statuses/{subscriberIdString}/unsubscribe-all`: out of every type."""
    email = request.params["email"].lower()
    portal.subscriptions[email] = dict.fromkeys(_NAMES, "UNSUBSCRIBED")
    results = [_shown(portal, email, number) for number in _NAMES] if request.query_flag("verbose") else []
    return json_reply(200, {"status": "COMPLETE", "results": results, **_times(portal)})


def _known(subscription_id: str | int) -> str:
    number = str(subscription_id)
    if number not in _NAMES:
        raise invalid(f"Subscription {number[:40]} does not exist")
    return number


def _state(portal: Portal, email: str, number: str) -> str:
    return portal.subscriptions.get(email, {}).get(number, "NOT_SPECIFIED")


def _v3_state(state: str) -> str:
    return "SUBSCRIBED" if state == "SUBSCRIBED" else "NOT_SUBSCRIBED"


def _set_v3(portal: Portal, email: str, number: str, state: str) -> Reply:
    portal.subscriptions.setdefault(email, {})[number] = state
    definition = _NAMES[number]
    return json_reply(
        200,
        {
            "id": number,
            "name": definition["name"],
            "description": definition["description"],
            "status": _v3_state(state),
            "sourceOfStatus": "SUBSCRIPTION_STATUS",
        },
    )


def _shown(portal: Portal, email: str, number: str) -> dict[str, Any]:
    return {
        "subscriptionId": int(number),
        "subscriptionName": _NAMES[number]["name"],
        "status": _state(portal, email, number),
        "source": "API",
        "channel": "EMAIL",
        "subscriberIdString": email,
        "businessUnitId": 0,
        "timestamp": portal.now_iso(),
    }


def _times(portal: Portal) -> dict[str, str]:
    now = portal.now_iso()
    return {"startedAt": now, "completedAt": now}

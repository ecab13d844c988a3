"""Communication preferences: subscription types and what each address is subscribed to.

Source: HubSpot's OpenAPI and guides; the two 400s of v3 (already subscribed; unsubscribed and not to be subscribed
again) are recorded in public tests. An address needs no contact (chosen). Chosen: the text of the 400 for a missing
legal basis, 100 addresses in a batch, and that an opt-out of everything shows in the contact's `hs_email_optout`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from hubwire.emulator.moments import iso
from hubwire.emulator.store.config import Tier
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import Id, Refusal, Reply, Request, decode, invalid, json_reply

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


class BulkStatusBody(msgspec.Struct, rename="camel"):
    """A new status of one address in a batch."""

    subscriber_id_string: str
    subscription_id: Id
    status_state: str
    channel: str = "EMAIL"
    legal_basis: str | None = None
    legal_basis_explanation: str | None = None


class BulkBody(msgspec.Struct):
    """A batch of new statuses."""

    inputs: list[BulkStatusBody]


class EmailsBody(msgspec.Struct):
    """A batch of addresses."""

    inputs: list[str]


class StatusBody(msgspec.Struct, rename="camel"):
    """A new status, v4 and dates."""

    subscription_id: Id
    status_state: str
    channel: str = "EMAIL"
    legal_basis: str | None = None
    legal_basis_explanation: str | None = None


_v3_body = msgspec.json.Decoder(V3Body)
_status_body = msgspec.json.Decoder(StatusBody)
_bulk_body = msgspec.json.Decoder(BulkBody)
_emails_body = msgspec.json.Decoder(EmailsBody)
STATES = ("SUBSCRIBED", "UNSUBSCRIBED", "NOT_SPECIFIED")
LEGAL_BASES = (
    "LEGITIMATE_INTEREST_PQL",
    "LEGITIMATE_INTEREST_CLIENT",
    "LEGITIMATE_INTEREST_OTHER",
    "PERFORMANCE_OF_CONTRACT",
    "CONSENT_WITH_NOTICE",
    "PROCESS_AND_STORE",
    "NON_GDPR",
)
MAX_BATCH = 100


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
    results = [_change(portal, email, body)]
    return json_reply(200, {"status": "COMPLETE", "results": results, **_times(portal)})


def _change(portal: Portal, email: str, body: StatusBody | BulkStatusBody) -> dict[str, Any]:
    """Set one status, and show it."""
    number = _known(body.subscription_id)
    if body.status_state not in STATES:
        raise invalid(f"{body.status_state} is not a valid statusState")
    if body.legal_basis is not None and body.legal_basis not in LEGAL_BASES:
        raise invalid(f"{body.legal_basis} is not a valid legalBasis")
    if portal.config.requires_legal_basis and not (body.legal_basis and body.legal_basis_explanation):
        raise invalid("legalBasis and legalBasisExplanation are required when data privacy is turned on")
    before = _state(portal, email, number)
    if before != body.status_state:
        _set(portal, email, number, body.status_state)
    reason = "NO_STATUS_CHANGE" if before == body.status_state else "REQUESTED_CHANGE_OCCURRED"
    if (before, body.status_state) == ("UNSUBSCRIBED", "SUBSCRIBED"):
        reason = "RESUBSCRIBE_OCCURRED"
        _set_opt_out(portal, email, "false")
    legal = {"legalBasis": body.legal_basis, "legalBasisExplanation": body.legal_basis_explanation}
    given = {name: value for name, value in legal.items() if value is not None}
    return {**_shown(portal, email, number), **given, "setStatusSuccessReason": reason}


def read_batch(portal: Portal, request: Request) -> Reply:
    """`POST …/statuses/batch/read`: every type's status of many addresses."""
    emails = [email.lower() for email in decode(_emails_body, request.body).inputs]
    _check_batch(portal, len(emails))
    results = [
        {"subscriberIdString": email, "statuses": [_shown(portal, email, number) for number in _NAMES]}
        for email in emails
    ]
    return json_reply(200, {"status": "COMPLETE", "results": results, **_times(portal)})


def write_batch(portal: Portal, request: Request) -> Reply:
    """`POST …/statuses/batch/write`: one status of many addresses."""
    inputs = decode(_bulk_body, request.body).inputs
    _check_batch(portal, len(inputs))
    results = [_change(portal, status.subscriber_id_string.lower(), status) for status in inputs]
    return json_reply(200, {"status": "COMPLETE", "results": results, **_times(portal)})


def _check_batch(portal: Portal, count: int) -> None:
    if portal.config.tier is not Tier.ENTERPRISE:
        raise Refusal(403, "Batches of statuses need Marketing Hub Enterprise.", "FORBIDDEN")
    if count > MAX_BATCH:
        raise invalid(f"The maximum number of inputs supported in a batch request is {MAX_BATCH}")


def unsubscribe_all(portal: Portal, request: Request) -> Reply:
    """`POST …/statuses/{subscriberIdString}/unsubscribe-all`: out of every type."""
    email = request.params["email"].lower()
    for number in _NAMES:
        if _state(portal, email, number) != "UNSUBSCRIBED":
            _set(portal, email, number, "UNSUBSCRIBED")
    _set_opt_out(portal, email, "true")
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


def _set(portal: Portal, email: str, number: str, state: str) -> None:
    portal.subscriptions.setdefault(email, {})[number] = state
    portal.subscription_times.setdefault(email, {})[number] = portal.clock.now_ms()


def _set_opt_out(portal: Portal, email: str, value: str) -> None:
    """Write the opt-out of everything to the contact, if there is one."""
    store = portal.stores["contacts"]
    record = store.by_property("email", email)
    if record is not None and record.properties.get("hs_email_optout", "false") != value:
        store.write(record, {"hs_email_optout": value}, portal.clock.now_ms(), portal.search_lag_ms)


def _set_v3(portal: Portal, email: str, number: str, state: str) -> Reply:
    _set(portal, email, number, state)
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
        "timestamp": iso(portal.subscription_times.get(email, {}).get(number, portal.clock.now_ms())),
    }


def _times(portal: Portal) -> dict[str, str]:
    now = portal.now_iso()
    return {"startedAt": now, "completedAt": now}

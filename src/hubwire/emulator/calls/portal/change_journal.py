"""The webhooks journal: subscriptions, and the files of changes that an app reads.

Source: HubSpot's OpenAPI for the webhooks journal. Chosen: a token that is not an OAuth app's gets a 403, an unknown
offset a 404, and files lie at the emulator's own address, which needs no token.
"""

from __future__ import annotations

import msgspec

from hubwire.emulator.moments import iso
from hubwire.emulator.store.change_log import ChangeFile, Subscription
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import NO_CONTENT, Refusal, Reply, Request, decode, invalid, json_reply, not_found

VALID_MS = 15 * 60_000
KINDS = ("OBJECT", "GDPR_PRIVACY_DELETION")


class SubscriptionBody(msgspec.Struct, rename="camel"):
    """A new subscription."""

    subscription_type: str
    object_type_id: str
    portal_id: int
    actions: tuple[str, ...]
    properties: tuple[str, ...] = ()
    object_ids: tuple[int, ...] = ()


_subscription_body = msgspec.json.Decoder(SubscriptionBody)


def create_subscription(portal: Portal, request: Request) -> Reply:
    """`POST /webhooks-journal/subscriptions/{date}`: changes are kept from now on."""
    _require_app(request)
    body = decode(_subscription_body, request.body)
    if body.subscription_type not in KINDS:
        raise invalid(f"subscriptionType must be one of {', '.join(KINDS)}, not {body.subscription_type[:100]}")
    if body.portal_id != portal.config.portal_id:
        raise Refusal(403, f"The app is not installed in portal {body.portal_id}")
    store = portal.store(body.object_type_id)
    subscription = Subscription(portal.changes.next_number(), **msgspec.structs.asdict(body))
    portal.changes.subscriptions[subscription.id] = subscription
    store.changes = portal.changes
    return json_reply(201, subscription)


def list_subscriptions(portal: Portal, request: Request) -> Reply:
    """`GET /webhooks-journal/subscriptions/{date}`: all of them, without pages."""
    _require_app(request)
    return json_reply(200, {"results": list(portal.changes.subscriptions.values())})


def delete_subscription(portal: Portal, request: Request) -> Reply:
    """`DELETE /webhooks-journal/subscriptions/{date}/{subscriptionId}`: 204 also for one that is not there."""
    _require_app(request)
    number = request.params["subscriptionId"]
    portal.changes.subscriptions.pop(int(number) if number.isascii() and number.isdigit() else 0, None)
    return Reply(NO_CONTENT)


def read_earliest(portal: Portal, request: Request) -> Reply:
    """`GET /webhooks-journal/journal/{date}/earliest`: the oldest file."""
    return _place(portal, request, _files(portal, request)[:1])


def read_latest(portal: Portal, request: Request) -> Reply:
    """`GET /webhooks-journal/journal/{date}/latest`: the newest file."""
    return _place(portal, request, _files(portal, request)[-1:])


def read_next(portal: Portal, request: Request) -> Reply:
    """`GET /webhooks-journal/journal/{date}/offset/{offset}/next`: the file after this one."""
    files = _files(portal, request)
    offsets = [file.offset for file in files]
    if request.params["offset"] not in offsets:
        raise not_found("Offset not found")
    start = offsets.index(request.params["offset"]) + 1
    return _place(portal, request, files[start : start + 1])


def read_file(portal: Portal, request: Request) -> Reply:
    """The file itself, at the address that the calls above give."""
    for file in portal.changes.files:
        if file.offset == request.params["offset"]:
            body = {"offset": file.offset, "journalEvents": file.events, "publishedAt": iso(file.published_at_ms)}
            return json_reply(200, body)
    raise not_found("File not found")


def _files(portal: Portal, request: Request) -> list[ChangeFile]:
    _require_app(request)
    portal.changes.publish(portal.clock.now_ms())
    return portal.changes.files


def _place(portal: Portal, request: Request, files: list[ChangeFile]) -> Reply:
    if not files:
        return Reply(NO_CONTENT)
    host = request.headers.get(b"host", b"localhost").decode("latin-1")
    body = {
        "url": f"{request.scheme}://{host}/webhooks-journal/files/{files[0].offset}",
        "expiresAt": iso(portal.clock.now_ms() + VALID_MS),
        "currentOffset": files[0].offset,
    }
    return json_reply(200, body)


def _require_app(request: Request) -> None:
    if not request.grant.is_oauth:
        raise Refusal(403, "The webhooks journal needs the token of an OAuth app", "MISSING_SCOPES")

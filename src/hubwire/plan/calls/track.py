"""track -> one custom event of one contact; `context.traits` also update the contact.

Our decisions: the e-mail is `properties.email` (the seed), or else `context.traits.email`, or else the remembered
e-mail of the userId or anonymousId, or else the userId if it is an e-mail. Without any, the track is held until an
identify arrives; when that wait is over, a track with a `hubspotutk` cookie is sent with the cookie alone, without a
contact. If both e-mails are given and differ, each gets its own data: the event goes to `properties.email`,
the traits to `context.traits.email` (an "Invited a friend" must not give the friend the inviter's name). The contact is
always written before its event, so that it exists. Without custom events in the portal (no Enterprise tier), the traits
are still sent. A track that the browser's own tracking code has sent is discarded completely.
Sources: the seed, "Track" and "Setting Contact Properties on Track"; HubSpot, "Send custom event completions" (uuid).
"""

from __future__ import annotations

import hashlib
from uuid import UUID

from hubwire.destination import Source
from hubwire.message import Message
from hubwire.operation import Discard, Hold, LeftOut, Link, Plan, PropertyValue, SendEvent, UpsertContact
from hubwire.plan.calls.events import Event, EventWriter, find_event
from hubwire.plan.calls.identify import own_contact
from hubwire.plan.conversion.properties import Writer, may_create, shortened
from hubwire.plan.emails import as_email, context_traits, email_value, external_email, utk_of, without_utk
from hubwire.plan.filters import was_delivered_in_browser
from hubwire.plan.hold import unknown_person, waits_with_cookie
from hubwire.plan.identity import Identity, Resolution, names_someone
from hubwire.plan.rulebook import Rulebook
from hubwire.reasons import Reason

MAX_UTK = 64
CONTEXT_SAID = 2
PROPERTY_SAID = 1
NAMESPACE = UUID("6f1b1c5e-6f1d-5b0c-9a3c-3c1f8f3c2b7a")
_NAMESPACE = hashlib.sha1(NAMESPACE.bytes, usedforsecurity=False)
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
_NO_EVENTS = Discard(Reason.EVENTS_NOT_AVAILABLE)
_IS_OFF = Discard(Reason.DEFAULT_IS_OFF, "events")
BY_COOKIE = LeftOut("contact", Reason.SENT_BY_COOKIE)
"""Reported with each event that is sent with the cookie: Hubwire writes no contact for it."""


def plan_track(message: Message, source: Source, book: Rulebook, identity: Identity, by_cookie: bool) -> Plan:
    """The event and its contact, or a hold or discard."""
    if was_delivered_in_browser(message, source, book.mapping, book.schema.hub_id):
        return Plan(fate=Discard(Reason.DELIVERED_IN_BROWSER))
    return plan_event(message, source, book, identity, message.event or "", by_cookie)


def plan_event(
    message: Message, source: Source, book: Rulebook, identity: Identity, label: str, by_cookie: bool
) -> Plan:
    """An occurrence named `label` of the message's person, with the message's properties.

    `by_cookie`: the wait for the person is over, so the event is sent with the visitor's cookie.
    """
    event = find_event(label, book)
    if isinstance(event, Discard) and event.reason in (Reason.EVENT_FILTERED, Reason.CONSENT_NOTED):
        return Plan(fate=event)
    if not book.schema.events_available:
        event = _NO_EVENTS
    traits = context_traits(message.context)
    if "events" not in book.defaults:
        event = _IS_OFF
        if not traits or "context-traits" not in book.defaults:
            return Plan(fate=event)
    plan = Plan()
    person = _person_of(message, source, book, identity, traits, plan)
    if isinstance(person, Resolution):
        plan.fate = unknown_person(source, person)
        if isinstance(event, Event) and book.mapping.events_by_cookie and utk_of(message) is not None:
            _use_cookie(message, event, label, book, plan, by_cookie)
        return plan
    contact, friend = person
    written = _contact_properties(traits, source, book, plan)
    contact.properties.update(written)
    if friend is not None:
        if written:
            plan.operations.append(contact)
        contact, written = UpsertContact(friend, {}, message.timestamp_ms, message.position), {}
    if isinstance(event, Discard):
        _without_event(contact if written else None, event, plan)
    else:
        plan.operations += (contact, _occurrence(message, contact.email, event, label, book, plan))
    if plan.left_out:
        shortened(plan.left_out)
    return plan


def _person_of(
    message: Message, source: Source, book: Rulebook, identity: Identity, traits: dict[str, object], plan: Plan
) -> tuple[UpsertContact, str | None] | Resolution:
    """The contact of `context.traits`, and the e-mail of the event's contact if that is another one; else what the
    ids lead to."""
    of_event = _email_in(message.properties, "properties", (), plan)
    of_traits = _email_in(traits, "context.traits", book.email_keys, plan) if traits else None
    given = of_traits or external_email(message.context)
    key = book.contact_key.of(message, book.schema.contact, plan) if book.contact_key is not None else None
    if key is not None:
        resolution = identity.resolve(source.identity_space, message.user_id, message.anonymous_id)
        known = given or resolution.email
        contact = own_contact(message, source, (key, known or of_event), {}, given)
        if contact.known_as is None:
            contact.unknown = unknown_person(source, resolution)
        return contact, of_event if known is not None and of_event != known else None
    email = of_event or given
    if email is None:
        resolution = identity.resolve(source.identity_space, message.user_id, message.anonymous_id)
        if resolution.email is None:
            return resolution
        email = resolution.email
    friend = None
    if of_traits is not None and of_event is not None and of_event != of_traits:
        email, friend = of_traits, of_event
    return UpsertContact(email, {}, message.timestamp_ms, message.position), friend


def _email_in(fields: dict[str, object], name: str, keys: tuple[str, ...], plan: Plan) -> str | None:
    """A valid e-mail among the fields; an invalid one is reported."""
    value = email_value(fields, keys)
    email = as_email(value)
    if email is None and value is not None and value != "":
        plan.left_out.append(LeftOut(f"{name}.email", Reason.INVALID_EMAIL))
    return email


def _contact_properties(
    traits: dict[str, object], source: Source, book: Rulebook, plan: Plan
) -> dict[str, PropertyValue]:
    """The contact properties of `context.traits`, formatted and filtered as an identify's."""
    if not traits or (len(traits) == 1 and "email" in traits) or "context-traits" not in book.defaults:
        return {}
    writer = Writer(book.context_traits, plan, may_create(book.mapping, source))
    writer.write(traits)
    if "name" in traits:
        writer.split_name(traits["name"])
    return writer.properties


def _without_event(contact: UpsertContact | None, why: Discard, plan: Plan) -> None:
    """The traits without the event, which is reported as left out; a discard if no trait remains."""
    if contact is not None:
        plan.operations.append(contact)
    if not plan.operations:
        plan.fate = why
    elif why is not _IS_OFF:
        plan.left_out.append(LeftOut("event", why.reason, why.detail))


def _use_cookie(message: Message, event: Event, label: str, book: Rulebook, plan: Plan, is_over: bool) -> None:
    """The event alone when the wait `is_over`: without an e-mail there is no contact to set traits on."""
    if isinstance(plan.fate, Hold) and not is_over:
        plan.fate = waits_with_cookie(plan.fate)
        return
    plan.fate = None
    plan.operations.append(_occurrence(message, None, event, label, book, plan))
    plan.left_out.append(BY_COOKIE)
    plan.left_out += [
        LeftOut(f"context.traits.{key}", Reason.SENT_BY_COOKIE)
        for key in context_traits(message.context)
        if key != "email" and "context-traits" in book.defaults
    ]
    shortened(plan.left_out)


def _occurrence(message: Message, email: str | None, event: Event, label: str, book: Rulebook, plan: Plan) -> SendEvent:
    writer = EventWriter(event, book, plan)
    if message.properties:
        writer.write(without_utk(message.properties, writer.known_names), label)
    return SendEvent(
        email,
        event.name,
        event.label,
        writer.properties,
        writer.types,
        message.timestamp_ms,
        event_uuid(message.source_id, message.message_id),
        message.position,
        utk_of(message),
    )


def event_uuid(source_id: int, message_id: str) -> str:
    """UUIDv5 of source and messageId. HubSpot drops a repeated uuid, so a retry or replay counts once.

    Written out by hand: `uuid.uuid5` takes three times as long, and every track needs one.
    """
    named = _NAMESPACE.copy()
    named.update(f"{source_id}:{message_id}".encode("utf-8", "surrogatepass"))
    text = named.hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"


def links_of_event(message: Message, space: str, email_keys: tuple[str, ...], with_properties: bool) -> list[Link]:
    """The links of a message that is not an identify: `context.traits.email`, and for a track `properties.email`."""
    email, strength = None, CONTEXT_SAID
    traits = context_traits(message.context)
    if traits:
        email = as_email(email_value(traits, email_keys))
    if email is None:
        email = external_email(message.context)
    if email is None and with_properties:
        email, strength = as_email(email_value(message.properties)), PROPERTY_SAID
    if email is None:
        return []
    at_ms = message.timestamp_ms
    device = f"a:{message.anonymous_id}" if names_someone(message.anonymous_id) else None
    if not names_someone(message.user_id):
        return [Link(space, device, email, strength, at_ms)] if device else []
    user = f"u:{message.user_id}"
    link = Link(space, user, email, strength, at_ms)
    return [link, Link(space, device, f"@{user}", strength, at_ms)] if device else [link]

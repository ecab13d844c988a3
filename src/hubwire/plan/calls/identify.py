"""identify -> one contact, created or updated.

Our decisions: the e-mail is `traits.email`, else `context.traits.email`, else one among the external ids, else what is
remembered of the userId or anonymousId, else the userId when it is an e-mail. So an identify without e-mail still
updates a known person, and one of an unknown person is held. An identify without `traits` is read from
`context.traits` (RudderStack's SDKs put them there). A company name becomes the contact property `company`, never a
company record. A new e-mail for the same id is another contact, as in HubSpot; the memory then follows the newer one.
With a destination's `contact_key`, the person is known by it instead, and a new e-mail changes on the record.
Sources: the seed, "Identify" (its lost words: a `traits.email` value must be included); facade `Identify.email`.
"""

from __future__ import annotations

from typing import Any

from hubwire.destination import Source
from hubwire.message import Message
from hubwire.operation import Discard, LeftOut, Link, Plan, PropertyValue, UpsertContact
from hubwire.plan.conversion.properties import Writer, may_create, shortened
from hubwire.plan.emails import as_email, context_traits, email_value, external_email
from hubwire.plan.hold import unknown_person
from hubwire.plan.identity import IDENTIFIED, Identity, Resolution, names_someone
from hubwire.plan.rulebook import Rulebook
from hubwire.reasons import Reason


def given_email(message: Message, keys: tuple[str, ...]) -> tuple[str | None, str | None]:
    """The e-mail that the message itself names, and the field that names an invalid one."""
    invalid = None
    for field, traits in (("traits", message.traits), ("context.traits", context_traits(message.context))):
        if not traits:
            continue
        value = email_value(traits, keys)
        email = as_email(value)
        if email is not None:
            return email, invalid
        if value is not None and value != "" and invalid is None:
            invalid = f"{field}.email"
    return external_email(message.context), invalid


def plan_identify(message: Message, source: Source, book: Rulebook, identity: Identity) -> Plan:
    """The contact with all traits that the portal accepts, or a hold while the person's e-mail is unknown."""
    if "contacts" not in book.defaults:
        return Plan(fate=Discard(Reason.DEFAULT_IS_OFF, "contacts"))
    plan = Plan()
    email, invalid = given_email(message, book.email_keys)
    if invalid is not None:
        plan.left_out.append(LeftOut(invalid, Reason.INVALID_EMAIL))
    key = book.contact_key.of(message, book.schema.contact, plan) if book.contact_key is not None else None
    is_given = email is not None or key is not None
    given = email
    resolution = Resolution(None, 0, ())
    if email is None:
        resolution = identity.resolve(source.identity_space, message.user_id, message.anonymous_id)
        email = resolution.email
        if email is None and key is None:
            is_lost = invalid is not None
            plan.fate = Discard(Reason.INVALID_EMAIL) if is_lost else unknown_person(source, resolution)
            return plan
        is_given = is_given or as_email(message.user_id) == email
    traits: dict[str, Any] = message.traits
    rules = book.traits
    if not traits:
        traits, rules = context_traits(message.context), book.context_traits
    writer = Writer(rules, plan, may_create(book.mapping, source))
    writer.write(traits)
    if "name" in traits:
        writer.split_name(traits["name"])
    shortened(plan.left_out)
    if not is_given and not writer.properties:
        plan.fate = Discard(Reason.NOTHING_TO_SEND)
        return plan
    contact = own_contact(message, source, (key, email), writer.properties, given)
    if email is None:
        contact.unknown = unknown_person(source, resolution)
    plan.operations.append(contact)
    return plan


def own_contact(
    message: Message,
    source: Source,
    keys: tuple[str | None, str | None],
    properties: dict[str, PropertyValue],
    given: str | None,
) -> UpsertContact:
    """The upsert of the message's own person by `contact_key`, else by e-mail.

    Shape: `keys` are both, `given` is the e-mail in the message, which then changes on the record. Anybody can claim to
    be any user with a public write key, so such a message changes no e-mail.
    """
    key, email = keys
    if key is None:
        return UpsertContact(email or "", properties, message.timestamp_ms, message.position)
    properties.pop(key.partition(":")[0], None)
    if given is not None and not source.is_public:
        properties["email"] = PropertyValue(given, "contact_key")
    return UpsertContact(key, properties, message.timestamp_ms, message.position, known_as=email)


def links_of_identify(message: Message, space: str, email_keys: tuple[str, ...]) -> list[Link]:
    """The links of an identify: from the user to the e-mail, and from the device to the user.

    An e-mail as userId is its own e-mail with the earliest possible time, so that an e-mail in any identify is always
    newer. A user's pointer to a device has that time too, because it must not displace an alias.
    """
    user = f"u:{message.user_id}" if names_someone(message.user_id) else None
    device = f"a:{message.anonymous_id}" if names_someone(message.anonymous_id) else None
    at_ms = message.timestamp_ms
    email, _ = given_email(message, email_keys)
    if user is None:
        return [Link(space, device, email, IDENTIFIED, at_ms)] if device and email else []
    links = []
    strength = IDENTIFIED
    if email is not None:
        links.append(Link(space, user, email, IDENTIFIED, at_ms))
    elif (itself := as_email(message.user_id)) is not None:
        links.append(Link(space, user, itself, IDENTIFIED, 0))
    elif device is not None:
        strength = 0
        links.append(Link(space, user, f"@{device}", 0, 0))
    if device is not None:
        links.append(Link(space, device, f"@{user}", strength, at_ms))
    return links

"""Operations for HubSpot, and the plan of one message.

An operation has the position of its message: after coalescing, one HubSpot input stands for many messages, and the
returned record settles each of them.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from msgspec import Struct

from hubwire.reasons import Reason


class PropertyValue(Struct, frozen=True, gc=False):
    """One property value in the form that HubSpot receives, and the rule that made it."""

    value: str
    rule: str


class Discard(Struct, frozen=True, gc=False):
    """Dropped on purpose by rule: counted, recorded, never retried."""

    reason: Reason
    detail: str = ""


class Hold(Struct, frozen=True, gc=False):
    """Held until one of `keys` (made by `hold_key`) is linked; discarded for `ends_as` when the hold's time is over.

    `until_ms`: tried again then, at the latest.

    `has_cookie`: the message names its visitor by a cookie, and is sent with that when the wait for its person is over.
    """

    reason: Reason
    keys: tuple[str, ...] = ()
    detail: str = ""
    ends_as: Reason = Reason.NEVER_IDENTIFIED
    has_cookie: bool = False
    until_ms: int | None = None


Mode = Literal["upsert", "update", "create"]
"""`update` never makes a record; `create` never changes one."""


def record_key(property_name: str, value: str) -> str:
    """The key of a record that is known by another unique property than e-mail or domain: `user_id:U7`.

    Neither an e-mail nor a domain has a colon.
    """
    return f"{property_name}:{value}"


def unique_property(key: str) -> tuple[str, str] | None:
    """The property and the value of such a key; None for an e-mail and for a domain."""
    name, colon, value = key.partition(":")
    return (name, value) if colon else None


Clue = tuple[str, str]
"""A property and a value by which a record is looked for."""


class UpsertContact(Struct, gc=False):
    """Create or update the contact with this e-mail, lower-cased and trimmed, or with this `record_key`.

    `known_as`: the e-mail by which a contact with a `record_key` is found when HubSpot has no record of that key.
    """

    email: str
    properties: dict[str, PropertyValue]
    at_ms: int
    position: int
    mode: Mode = "upsert"
    only_if_empty: frozenset[str] = frozenset()
    """Properties that are written only where HubSpot has no value."""
    known_as: str | None = None
    unknown: Discard | Hold | None = None
    """The fate of the message if HubSpot has no contact with a `record_key` and lacks what it needs to make one."""
    find: tuple[Clue, ...] = ()
    """How the contact is looked for, each by itself, if HubSpot has none with the `record_key`."""


class UpsertCompany(Struct, gc=False):
    """Create, adopt or update the company of this registrable domain, or with this `record_key`."""

    domain: str
    properties: dict[str, PropertyValue]
    at_ms: int
    position: int
    mode: Mode = "upsert"
    only_if_empty: frozenset[str] = frozenset()
    find: tuple[Clue, ...] = ()
    """As for contacts."""


class Associate(Struct, gc=False):
    """Link this contact to this company; both are keys of their upserts.

    `label`: a label of the portal, by its text or as `CATEGORY:id`. `is_primary`: as the contact's primary company.
    `replaces`: the contact leaves the companies that Hubwire associated it with before. `only_if_made`: as in
    `AssociateRecords`.
    """

    email: str
    domain: str
    position: int
    at_ms: int = 0
    label: str | None = None
    is_primary: bool = False
    replaces: bool = False
    only_if_made: RecordRef | None = None


class UpsertRecord(Struct, gc=False):
    """Create or update the record with this `record_key`, of any type but contact and company.

    Shape: `object` is the type as the portal's schema has it (`PortalSchema.objects`): `order`, `line_item`, or the id
    of a custom object. A record without a key property has a `key` without a colon: of one that is looked for by `find`
    it is derived from these values, of one that is always made (`create`) from the message and the rule, so that it is
    made once.
    """

    object: str
    key: str
    properties: dict[str, PropertyValue]
    at_ms: int
    position: int
    mode: Mode = "upsert"
    only_if_empty: frozenset[str] = frozenset()
    reports_missing: bool = True
    """With `update`: a record that HubSpot does not have is reported on the message."""
    find: tuple[Clue, ...] = ()
    """How the record is looked for, each by itself, if HubSpot has none with the key."""


class RecordRef(NamedTuple):
    """A record that an association names: its type, and the key of its upsert (of a contact: its e-mail)."""

    object: str
    key: str


RecordPair = tuple[RecordRef, RecordRef]
"""The source and the target of an association."""


class AssociateRecords(Struct, gc=False):
    """Link two records, other than a contact with a company.

    `label`: a label of the portal for these types, by its text or as `CATEGORY:id`. `is_primary`: the default
    association as the primary one. `replaces`: the first record leaves the records of the second one's type that
    Hubwire associated it with before. `takes_away`: the association is removed. `may_make`: False associates only with
    a record that HubSpot has. `only_if_made`: the record that must be new: one that HubSpot had before is not
    associated.
    """

    source: RecordRef
    target: RecordRef
    position: int
    at_ms: int = 0
    label: str | None = None
    is_primary: bool = False
    replaces: bool = False
    takes_away: bool = False
    may_make: bool = True
    only_if_made: RecordRef | None = None


class ArchiveOthers(Struct, gc=False):
    """Archive the records of a type that Hubwire associated with the parent and that are not in `kept`.

    Shape: `kept` are the keys of their upserts: the line items that an order has now. A record that a newer message
    associated with the parent stays.
    """

    parent: RecordRef
    object: str
    kept: frozenset[str]
    position: int
    at_ms: int


class SendEvent(Struct, gc=False):
    """One custom event occurrence of the contact with this e-mail or `record_key`, or of the visitor with this cookie
    (`utk`), or of the contact with this record id (`object_id`).

    Shape: `event` is the internal name without prefix (`order_completed`) or a full name (`pe123_x`) that exists;
    `label` is the caller's name for it, `types` the HubSpot type of each property (for a definition to be created);
    `uuid` is derived from messageId, so that a repeat has no effect. `email` is None if only the cookie or the record
    id is known.
    """

    email: str | None
    event: str
    label: str
    properties: dict[str, PropertyValue]
    types: dict[str, str]
    occurred_at_ms: int
    uuid: str
    position: int
    utk: str | None = None
    object_id: str | None = None
    record: RecordRef | None = None
    """The company, deal, ticket or other record whose event it is; then it has no contact."""


class SetMembership(Struct, gc=False):
    """Put a record on a static list, or take it off.

    Shape: `list_key` is the list's name, its id (only digits), or a `list_key_of_name`. `object` and `key` are those of
    the record's upsert.
    `may_make`: a list that the portal lacks is created.
    """

    list_key: str
    object: str
    key: str
    is_member: bool
    at_ms: int
    position: int
    may_make: bool = False


def list_key_of_name(name: str) -> str:
    """The key of a list whose name may have only digits: with a space before it, as no name begins."""
    return f" {name}"


ALL_SUBSCRIPTIONS = "all"
"""In place of a subscription type: all of them."""
SubscriptionStatus = Literal["SUBSCRIBED", "UNSUBSCRIBED", "NOT_SPECIFIED"]


class SetSubscription(Struct, gc=False):
    """Subscribe an address to a subscription type (its id or its name), unsubscribe it, or clear its state.

    Shape: `key` is the key of the contact's upsert, or None if none is needed. `may_resubscribe`: an earlier opt-out is
    taken back. `legal_basis` is HubSpot's word for it.
    """

    email: str
    key: str | None
    subscription: str
    status: SubscriptionStatus
    at_ms: int
    position: int
    legal_basis: str | None = None
    explanation: str | None = None
    may_resubscribe: bool = False


class FormField(NamedTuple):
    """One field of a form. `object`: the type of the record that the field belongs to."""

    object: str
    name: str
    value: str


class SubmitForm(Struct, gc=False):
    """Submit a form for the person with this e-mail.

    Shape: `context` is HubSpot's (`hutk`, `pageUri`, `pageName`, `ipAddress`); `consent` its `legalConsentOptions`.
    `submission_id` is derived from messageId and rule, so that a repeat has no effect. `key` is that of the contact's
    upsert.
    """

    form: str
    email: str
    key: str
    fields: tuple[FormField, ...]
    context: dict[str, str]
    at_ms: int
    submission_id: str
    position: int
    consent: dict[str, Any] | None = None


MarketingOperation = SetMembership | SetSubscription | SubmitForm
RecordOperation = UpsertContact | UpsertCompany | Associate | UpsertRecord | AssociateRecords | ArchiveOthers
Operation = RecordOperation | SendEvent | MarketingOperation


class LeftOut(Struct, frozen=True, gc=False):
    """One left-out field of a message, with the reason. `field` is its path (`traits.plan`)."""

    field: str
    reason: Reason
    detail: str = ""


class Link(NamedTuple):
    """One link between ids, in an identity space.

    Shape: `key` is `u:<userId>`, `a:<anonymousId>` or `g:<groupId>`, or `i:<userId>` for the e-mail that a user has
    from another id of theirs; `target` is an e-mail (u, a, i), a domain (g), or `@<key>` when it points to another id
    of the same person. `strength`: 3 identify, 2 context.traits, 1 properties.email, 0 a pointer that no e-mail came
    with (alias, or an identify without e-mail). If a key has two links, the one with the greater `rank` stays, so
    the order of arrival does not matter.
    """

    space: str
    key: str
    target: str
    strength: int
    at_ms: int

    @property
    def rank(self) -> tuple[int, int, str]:
        """The order of links for one key: the link with the greater rank stays."""
        return self.strength, self.at_ms, self.target


def space_of_person(space: str, person: str) -> str:
    """The space of the links with one person's remembered traits: key -> value as JSON.

    Shape: `person` is `u:<userId>`, `a:<anonymousId>` or `e:<e-mail>`, in an identity space.
    """
    return f"traits:{space}|{person}"


def hold_key(space: str, key: str) -> str:
    """The name of the link that releases a hold: `<space>|<key>`."""
    return f"{space}|{key}"


def record_hold_key(destination_id: int, ref: RecordRef) -> str:
    """The name of the record that releases a hold at this destination."""
    return hold_key(f"record:{destination_id}", f"{ref.object}:{ref.key}")


UNIQUE = "unique"
"""In place of a HubSpot type: a text property with unique values, by which records are known."""


class Plan(Struct, gc=False):
    """The plan of one message: operations, or a discard or hold; and its left-out fields."""

    operations: list[Operation] = []
    fate: Discard | Hold | None = None
    left_out: list[LeftOut] = []
    missing_properties: list[tuple[str, str, str]] = []
    """(object type, property name, HubSpot type or `UNIQUE`) that the portal lacks and the destination may create."""
    missing_options: list[tuple[str, str, str]] = []
    """(object type, property name, option) that a property lacks and a rule may add."""

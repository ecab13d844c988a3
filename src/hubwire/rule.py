"""Rules: what a destination does with the messages that a trigger selects. Values, no I/O."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import force_setattr

from hubwire.object_types import TYPE_NAME, type_name

ObjectName = Annotated[str, Meta(extra_json_schema={"pattern": f"^{TYPE_NAME}$"})]
"""An object type: one of HubSpot's own by its name, plural or id, or a custom object by its id or its name."""


class Association(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The association of a rule's record with another record."""

    object: ObjectName
    key: dict[str, Any] = {}
    """The other record. Default: the message's own person, and the company of a group call."""
    label: str | None = None
    """A label of the portal for the two object types, by its text, or as `CATEGORY:id`."""
    primary: bool = False
    """The company becomes the record's primary company."""
    replace: bool = False
    """The rule's record leaves the records of this type that Hubwire associated it with before."""
    create: bool = True
    """False associates only with a record that HubSpot has."""
    part: bool = False
    """The association is removed."""

    def __post_init__(self) -> None:
        force_setattr(self, "object", type_name(self.object))


class Each(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One record for each element of a list. In its values, `$` is the element, and `$parent` the message."""

    list: Any
    object: ObjectName
    key: dict[str, Any] = {}
    mode: Literal["upsert", "update", "create"] = "upsert"
    properties: dict[str, Any] = {}
    fallback: dict[str, Any] = {}
    only_if_empty: tuple[str, ...] = ()
    empty: Literal["clear", "leave"] = "clear"
    max: dict[str, int] = {}
    add_options: bool = False
    associate: bool = True
    """Each record is associated with the rule's record."""
    label: str | None = None
    """The label of that association."""
    removed: Literal["keep", "archive"] = "keep"
    """Earlier records of the rule's record that the list no longer has."""
    same_key: Literal["merge", "number"] = "merge"
    """Elements with the same key: one record, or a record each, of which the second has the key `key#2`."""

    def __post_init__(self) -> None:
        force_setattr(self, "object", type_name(self.object))


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A trigger, and what it does in addition to the default behaviour: write a record or an event, or take away.

    Shape: one of `skip`, `drop` or `keep`, `object` and `event` is given. Values of `key`, `person`, `fallback` and
    `properties` are literals, directives of Segment's mapping language, or texts that begin with `$.` or `$person.`,
    which are paths. `plan/rules` gives the meaning of all fields.
    """

    name: str
    trigger: str
    reading: Literal["documented", "segment"] = "documented"
    """`segment` reads the trigger as Segment's package does; only an import sets it."""
    enabled: bool = True
    default: bool = True
    """False turns the default behaviour off for the messages that the rule fires for."""
    skip: str | None = None
    """The reason why such a message is not sent at all."""
    drop: tuple[str, ...] = ()
    """Paths of fields that are taken out of the message before anything else sees it, such as `traits.secret`."""
    keep: dict[str, tuple[str, ...]] = {}
    """`properties` or `traits` -> the only keys that stay in it."""
    object: ObjectName | None = None
    """The object type of the record to write."""
    event: str | None = None
    """The HubSpot event to send, by its label or its internal name, or a path to one of these."""
    key: dict[str, Any] = {}
    """The record: `email` of a contact, `domain` of a company, or another unique property. Default: the message's own;
    an event has the e-mail of its person here."""
    find: tuple[dict[str, Any], ...] = ()
    """How the record is looked for if HubSpot has none with the key, or if there is no key: each a property with its
    value. Exactly one record that they lead to is written and gets the key."""
    person: dict[str, Any] = {}
    """The person of an event: `email`, `utk` (HubSpot's cookie), `id` (of the record), `match` (a unique property with
    its value); the first usable one counts."""
    mode: Literal["upsert", "update", "create"] = "upsert"
    """`update` never makes a record, `create` never changes one."""
    missing: Literal["report", "ignore"] = "report"
    """With `update`: whether the message names a record that HubSpot does not have."""
    transform: Annotated[dict[str, Any], Meta(extra_json_schema={"maxProperties": 50})] = {}
    """Name -> a value that is computed first, and that the rule's other values take as `$transform.NAME`."""
    properties: dict[str, Any] | str = {}
    """Property -> value; for an event also one path to an object."""
    fallback: dict[str, Any] = {}
    """Property -> the value for messages that have no usable one."""
    only_if_empty: tuple[str, ...] = ()
    """Properties that are written only where HubSpot has no value."""
    empty: Literal["clear", "leave"] = "clear"
    """The meaning of an empty text: it clears the property, or changes nothing."""
    max: dict[str, int] = {}
    """Property -> the number of characters that a longer text is cut to."""
    add_options: bool = False
    """Options that an enumeration lacks are added to it, except for messages of a public write key."""
    associate: tuple[Association, ...] = ()
    each: tuple[Each, ...] = ()
    """Records for the elements of lists, such as the line items of an order."""
    if_portal_has: tuple[ObjectName, ...] = ()
    """The rule is on only in a portal that has all of these object types."""
    if_portal_lacks: tuple[ObjectName, ...] = ()
    """The rule is on only in a portal that has none of these object types."""
    list: Any = None
    """The static list of HubSpot, by its name or its id, that `member` is about."""
    member: Any = True
    """True puts the record on the list, false takes it off."""
    on: ObjectName = "contact"
    """The object type of the list."""
    create_list: bool = False
    """A list that the portal lacks is created, except for messages of a public write key."""
    flag: Any = None
    """The name of a property that gets the value of `member`, if the portal has it as a yes-or-no property."""
    subscription: Any = None
    """The subscription type, by its name or its id; `all` unsubscribes from all of them."""
    status: Any = "subscribed"
    """`subscribed` or true, `unsubscribed` or false, `not_specified`."""
    legal_basis: Any = None
    legal_basis_explanation: Any = None
    resubscribe: bool = False
    """People who opted out are subscribed again, except for messages of a public write key."""
    form: str | None = None
    """The id of the form to submit."""
    fields: dict[str, Any] = {}
    """Field of the form -> value; `company.name` is a field of another object type."""
    legal_consent: dict[str, Any] = {}
    """HubSpot's `legalConsentOptions`, with values as in `fields`."""
    send_ip: bool = False
    """The visitor's IP address goes with the form."""

    def __post_init__(self) -> None:
        if self.object is not None:
            force_setattr(self, "object", type_name(self.object))
        force_setattr(self, "on", type_name(self.on))
        for field in ("if_portal_has", "if_portal_lacks"):
            if getattr(self, field):
                force_setattr(self, field, tuple([type_name(name) for name in getattr(self, field)]))

    @property
    def writes(self) -> bool:
        """True if the rule writes something to HubSpot."""
        return self.object is not None or self.event is not None or self.is_marketing

    @property
    def is_marketing(self) -> bool:
        """True if the rule is about a list, a subscription or a form."""
        return self.list is not None or self.subscription is not None or self.form is not None

    @property
    def marketing_values(self) -> dict[str, Any]:
        """The values of such a rule that a message fills in, by the place where the rule has them."""
        if self.form is not None:
            filled = {f"fields.{name}": value for name, value in self.fields.items()}
            return filled | ({"legal_consent": self.legal_consent} if self.legal_consent else {})
        names: tuple[str, ...] = ("list", "member", "flag") if self.list is not None else ()
        if self.subscription is not None:
            names = ("subscription", "status", "legal_basis", "legal_basis_explanation")
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    @property
    def object_types(self) -> frozenset[str]:
        """All object types that the rule names."""
        is_on = self.list is not None or self.event is not None
        written = [self.object] if self.object else [self.on] if is_on else []
        own = frozenset([*self.if_portal_has, *self.if_portal_lacks, *written])
        return own.union([other.object for other in self.associate], [each.object for each in self.each])

    @property
    def does(self) -> str:
        """A short description of the rule."""
        if self.skip is not None:
            return f"skip ({self.skip})"
        if self.drop or self.keep:
            kept = [f"only {name}.{key}" for name, keys in self.keep.items() for key in keys]
            return f"take away {', '.join([*self.drop, *kept])}"
        written = _marketing(self) if self.is_marketing else self._written
        return written if self.default else f"{written}, and nothing by default"

    @property
    def _written(self) -> str:
        names = self.properties if isinstance(self.properties, str) else ", ".join(self.properties) or "no properties"
        written = f"event {self.event}: {names}" if self.event is not None else f"{self.object}: {names}"
        written += "".join([f"; each {each.object}" for each in self.each])
        return written + (f", in a portal without {', '.join(self.if_portal_lacks)}" if self.if_portal_lacks else "")


def _marketing(rule: Rule) -> str:
    """A short description of a rule about a list, a subscription or a form."""
    if rule.form is not None:
        return f"form {rule.form}: {', '.join(rule.fields) or 'no fields'}"
    if rule.list is not None:
        return f"{rule.on} list {_shown(rule.list)}: member {_shown(rule.member)}"
    return f"subscription {_shown(rule.subscription)}: {_shown(rule.status)}"


def _shown(value: Any) -> str:
    """A value of a rule in a few words."""
    if isinstance(value, dict):
        return str(next(iter(value.values()), "")) if len(value) == 1 else "by mapping"
    return str(value).lower() if isinstance(value, bool) else str(value)

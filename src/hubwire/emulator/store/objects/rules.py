"""Rules for a whole call or a whole record: limits, duplicate ids, lifecycle, the account's own rules.

Each function either returns or raises the `Refusal` that HubSpot would answer. Each function names its source.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from hubwire.emulator.store.objects.records import ObjectStore
from hubwire.emulator.store.objects.schema import Schema
from hubwire.emulator.store.objects.values import PropertyFault
from hubwire.emulator.wire import Refusal, encode, invalid

MAX_OBJECTS = 100
MAX_OBJECTS_WITH_HISTORY = 50
MAX_PROPERTIES = 100
MAX_EVENTS = 500
MAX_ASSOCIATIONS = 2_000
MAX_ASSOCIATION_READS = 1_000


def check_batch_size(count: int, limit: int, *, with_history: bool = False) -> None:
    """Refuse a batch of more than `limit` inputs; the text was observed live by third parties."""
    if count <= limit:
        return
    kind = "batch request for property histories" if with_history else "batch"
    raise invalid(
        f"The maximum number of inputs supported in a {kind} is {limit}. "
        "Please reduce the number of items and try again"
    )


def check_distinct(ids: Sequence[str]) -> None:
    """Refuse a batch that names a record twice, trace ids or not (observed live by third parties)."""
    if len(set(ids)) == len(ids):
        return
    seen: set[str] = set()
    repeated = list(dict.fromkeys(name for name in ids if name in seen or seen.add(name)))  # type: ignore[func-returns-value]
    raise invalid(
        f"Duplicate IDs found in batch input: [{', '.join(repeated)}]. IDs must be unique", context={"ids": repeated}
    )


class PropertiesRefused(Refusal):
    """The 400 that lists every property at fault: as JSON inside `message` and in `errors` (both recorded).

    Shape: `is_older` gives the texts of older bodies.
    """

    def __init__(self, faults: Sequence[PropertyFault], *, is_older: bool = False) -> None:
        embedded = encode([fault.embedded(is_older=is_older) for fault in faults]).decode()
        super().__init__(
            400,
            f"Property values were not valid: {embedded}",
            "VALIDATION_ERROR",
            errors=[fault.detail(is_older=is_older) for fault in faults],
        )
        self.faults = list(faults)
        self.is_older = is_older


def unknown_property(name: str) -> PropertyFault:
    """A property that does not exist, or is archived."""
    return PropertyFault(name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')


def normalised_warning(name: str, raw: str, stored: str) -> dict[str, Any]:
    """The 2026-09 warning for a date that was not canonical (HubSpot docs, validation changelog 2026-09)."""
    return {
        "category": "PROPERTY_VALUE_NORMALIZED",
        "message": f"The value of {name} was normalized from {raw} to {stored}",
        "context": {"propertyName": [name], "rawValue": [raw], "normalizedValue": [stored]},
    }


_IDENTIFYING = {"contacts": ("email", "firstname", "lastname"), "companies": ("name", "domain")}


def check_identifying(object_name: str, values: Mapping[str, str]) -> None:
    """A new contact needs an e-mail or a name, a new company a name or a domain (HubSpot object guides).

    The wording and the code are unsure.
    """
    needed = _IDENTIFYING.get(object_name)
    if needed is None:
        return
    for name in needed:
        if values.get(name):
            return
    faults = [_missing(name) for name in needed]
    raise invalid(
        f"Unable to create {object_name}: at least one of [{', '.join(needed)}] is required",
        errors=[fault.detail() for fault in faults],
    )


def blocked_by_privacy_request(email: str) -> Refusal:
    """A contact whose address was deleted for privacy reasons cannot be made again (HubSpot docs; wording unsure)."""
    return invalid(f"Contact {email} was deleted for privacy reasons and cannot be created again")


def value_of_another(store: ObjectStore, portal_id: int, claim: tuple[str, str], ids: tuple[str, str]) -> Refusal:
    """The 400 for a unique value that another record holds; `ids` are the claimant's and the owner's.

    Source: production bodies of 2026-09-14 and seven independent reports, for contacts, companies, deals and orders.
    How a type without an old name is written there is chosen.
    """
    name, value = claim
    family, _, number = store.type_id.partition("-")
    kind = f"legacyObjectType={store.singular}" if family == "0" else f"metaTypeId={family}, innerId={number}"
    return invalid(
        f"Cannot set PropertyValueCoordinates{{portalId={portal_id}, objectTypeId=ObjectTypeId{{{kind}}}, "
        f"propertyName={name}, value={value}}} on {ids[0]}. {ids[1]} already has that value."
    )


def check_required(names: Iterable[str], values: Mapping[str, str]) -> None:
    """Required properties of a custom object type, on create."""
    missing = [name for name in names if not values.get(name)]
    if missing:
        raise missing_required(missing)


def missing_required(names: Sequence[str]) -> Refusal:
    """The 400 for properties that must have a value (HubSpot docs, validation changelog 2026-09)."""
    return invalid(
        f"A value for {', '.join(names)} must be provided",
        errors=[_missing(name).detail() for name in names],
    )


def _missing(name: str) -> PropertyFault:
    return PropertyFault(name, "MISSING_REQUIRED_PROPERTY", f"A value for {name} must be provided")


def moves_backwards(schema: Schema, before: str, after: str) -> bool:
    """True when a lifecycle stage comes before the stage that a record has.

    HubSpot then answers 200 and keeps the old value, unless the stage was cleared by an earlier call (HubSpot docs,
    lifecycle stages).
    """
    order = [option.value for option in schema.live["lifecyclestage"].options]
    return before in order and after in order and order.index(after) < order.index(before)


class ConditionalRule(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """When `property` holds one of `values` (any value when empty), `required` must have values."""

    property: str
    required: list[str]
    values: list[str] = []


class AdminRules(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """The account's own rules for one object type, enforced by 2026-09 paths only (HubSpot docs, 2026-09 changelog)."""

    required: list[str] = []
    conditional: list[ConditionalRule] = []

    def names(self) -> set[str]:
        """Every property that the rules mention; such a property is in use."""
        conditional = (name for rule in self.conditional for name in (rule.property, *rule.required))
        return {*self.required, *conditional}

    def check(self, values: Mapping[str, str], before: Mapping[str, str]) -> None:
        """Refuse a write that leaves the record without a value that the rules demand."""
        after = {**before, **values}
        missing = [name for name in self.required if not after.get(name)]
        if missing:
            raise missing_required(missing)
        for rule in self.conditional:
            self._check_conditional(rule, after)

    def _check_conditional(self, rule: ConditionalRule, after: Mapping[str, str]) -> None:
        value = after.get(rule.property)
        if not value or (rule.values and value not in rule.values):
            return
        faults = [
            PropertyFault(
                name,
                "MISSING_CONDITIONAL_REQUIRED_PROPERTY",
                f"{name} is required because of a conditional property rule based on [{rule.property}]",
            )
            for name in rule.required
            if not after.get(name)
        ]
        if faults:
            raise invalid(faults[0].message, errors=[fault.detail() for fault in faults])

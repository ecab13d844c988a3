"""The write path of CRM records: what an input would change, whether HubSpot would take it, and then the change.

Every rule is checked for the whole batch before anything is written, because a batch without trace ids is all or
nothing. Sources: HubSpot docs (batch guide, validation changelog 2026-09, lifecycle stages), and live observations by
third parties; each rule says what is unsure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hubwire.emulator.store.objects import rules
from hubwire.emulator.store.objects.history import API, PERSON, Origin
from hubwire.emulator.store.objects.keys import split_keys
from hubwire.emulator.store.objects.records import ObjectStore, Record
from hubwire.emulator.store.objects.values import (
    MAX_TEXT,
    PropertyFault,
    ValueRefused,
    ValueRule,
    as_text,
    is_canonical_moment,
    is_moment,
)
from hubwire.emulator.store.pipelines import Pipeline, settle_stage
from hubwire.emulator.wire import Refusal, conflict

Scalar = str | int | float | bool | None
Warnings = list[dict[str, Any]]


class Plan:
    """One input that HubSpot would take. `record=None` creates; `associations` are made along with a create."""

    __slots__ = ("associations", "record", "trace_id", "values", "warnings")

    def __init__(self, record: Record | None, values: dict[str, str], warnings: Warnings | None) -> None:
        self.record = record
        self.values = values
        self.warnings = warnings
        self.trace_id: str | None = None
        self.associations: list[Any] = []


@dataclass(slots=True)
class WriteContext:
    """What the inputs of one call share.

    Shape: `claims` and `addresses` map unique values and e-mail addresses taken by earlier inputs of this call to
    whoever takes them; `origin` is who writes.
    """

    store: ObjectStore
    now_ms: int
    search_lag_ms: int
    is_lenient: bool
    validation: rules.AdminRules | None
    default_lifecycle_stage: str
    requires_identifying_property: bool
    lists_unique_conflicts: bool
    has_older_texts: bool
    portal_id: int
    pipelines: Mapping[str, Pipeline]
    origin: Origin = API
    claims: dict[tuple[str, str], object] = field(default_factory=dict)
    addresses: dict[str, object] = field(default_factory=dict)


def plan_write(
    context: WriteContext, raw: Mapping[str, Scalar], record: Record | None, key: tuple[str, str] | None = None
) -> Plan:
    """The result of writing `raw` to `record` (None: a new record).

    Shape: `key` is the (property, value) that addressed the record; it becomes a value of a new record.
    Errors: a `Refusal` naming every property at fault.
    """
    values, warnings = _checked_values(context, raw, record)
    if key is not None:
        _apply_key(context, values, record, key)
    if record is None:
        _complete_new(context, values)
    elif "lifecyclestage" in values and context.origin.kind != PERSON.kind:
        _hold_lifecycle(context.store, values, record)
    if context.pipelines and context.store.kind.pipeline is not None:
        fault = settle_stage(context.store.kind, context.pipelines, values, record.properties if record else {})
        if fault is not None:
            raise rules.PropertiesRefused([fault], is_older=context.has_older_texts)
    if context.validation is not None:
        context.validation.check(values, record.properties if record else {})
    plan = Plan(record, values, warnings)
    _claim_unique(context, plan)
    return plan


def apply_plan(context: WriteContext, plan: Plan) -> Record:
    """Carry out a plan and give the record."""
    store, record = context.store, plan.record
    if record is None:
        return store.create(plan.values, context.now_ms, context.search_lag_ms, context.origin)
    store.write(record, plan.values, context.now_ms, context.search_lag_ms, context.origin)
    return record


def _checked_values(
    context: WriteContext, raw: Mapping[str, Scalar], record: Record | None
) -> tuple[dict[str, str], Warnings | None]:
    property_rules = context.store.schema.rules
    values: dict[str, str] = {}
    faults: list[PropertyFault] = []
    warnings: Warnings | None = None
    if context.store.schema.plain_names.issuperset(raw) and (plain := _plain_texts(raw)) is not None:
        return plain, None
    for name, value in raw.items():
        if type(value) is not str:
            value = as_text(value)
        rule = property_rules.get(name)
        if rule is not None and rule.is_plain and len(value) <= MAX_TEXT:
            values[name] = value
            continue
        if rule is None:
            faults.append(rules.unknown_property(name))
            continue
        try:
            stored = _stored(context, rule, value, record)
        except ValueRefused as refused:
            faults.append(PropertyFault(name, refused.code, refused.message, refused.older_message))
            continue
        values[name] = stored
        if context.is_lenient and stored and is_moment(rule) and not is_canonical_moment(rule, value, stored):
            warnings = [*(warnings or ()), rules.normalised_warning(name, value, stored)]
    if faults:
        raise rules.PropertiesRefused(faults, is_older=context.has_older_texts)
    return values, warnings


def _plain_texts(raw: Mapping[str, Scalar]) -> dict[str, str] | None:
    """A copy of values that are all short enough texts, which most writes are; None otherwise."""
    values: Iterable[Any] = raw.values()
    if set(map(type, values)) - {str} or max(map(len, values), default=0) > MAX_TEXT:
        return None
    return dict(raw)  # type: ignore[arg-type]  # only texts


def _stored(context: WriteContext, rule: ValueRule, value: str, record: Record | None) -> str:
    if value == "" and not rule.is_read_only:
        return ""
    current = record.properties.get(rule.name) if record else None
    return rule.check(value, current, context.is_lenient)


def _apply_key(context: WriteContext, values: dict[str, str], record: Record | None, key: tuple[str, str]) -> None:
    name, text = key
    if name == "email":
        values.pop("email", None)  # an upsert by e-mail never changes the e-mail (HubSpot docs, contacts guide)
    if record is not None:
        return
    rule = context.store.schema.rules[name]
    try:
        values[name] = rule.check(text, None, context.is_lenient)
    except ValueRefused as refused:
        fault = PropertyFault(name, refused.code, refused.message, refused.older_message)
        raise rules.PropertiesRefused([fault], is_older=context.has_older_texts) from refused


def _complete_new(context: WriteContext, values: dict[str, str]) -> None:
    store = context.store
    if context.requires_identifying_property:
        rules.check_identifying(store.name, values)
    if store.required and (context.requires_identifying_property or store.kind.is_custom):
        rules.check_required(store.required, values)
    if store.name == "contacts":
        if context.default_lifecycle_stage and "lifecyclestage" not in values:
            values["lifecyclestage"] = context.default_lifecycle_stage
    elif store.name == "companies" and values.get("domain") and not values.get("website"):
        values["website"] = values["domain"]


def _hold_lifecycle(store: ObjectStore, values: dict[str, str], record: Record) -> None:
    before, after = record.properties.get("lifecyclestage"), values["lifecyclestage"]
    if before and after and rules.moves_backwards(store.schema, before, after):
        values["lifecyclestage"] = before


def _claim_unique(context: WriteContext, plan: Plan) -> None:
    store, values = context.store, plan.values
    claimant: object = plan.record or plan
    claims, addresses = context.claims, context.addresses
    taken = [(name, value) for name in store.schema.unique_names if (value := values.get(name))]
    for name, value in taken:
        owner = store.by_property(name, value) or claims.get((name, value))
        if owner is not None and owner is not claimant:
            raise _unique_conflict(context, plan, (name, value), owner)
    emails: list[str] = []
    if store.name == "contacts" and store.keys is not None:
        if email := values.get("email"):
            emails = [email]  # its rule has made it one address in lower case
        if "hs_additional_emails" in values:
            emails += split_keys(values["hs_additional_emails"])
        holders, blocked = store.keys.holders, store.blocked_emails
        for address in emails:
            if address in blocked:
                raise rules.blocked_by_privacy_request(address)
            owner = holders.get(address) or addresses.get(address)
            if owner is not None and owner is not claimant:
                raise _email_conflict(context, plan, address, owner)
    for claim in taken:
        claims[claim] = claimant
    for address in emails:
        addresses[address] = claimant


def _unique_conflict(context: WriteContext, plan: Plan, claim: tuple[str, str], owner: object) -> Refusal:
    store, (name, value) = context.store, claim
    if context.lists_unique_conflicts:
        message = f"{value} is already the {name} of another record."
        fault = PropertyFault(name, "CONFLICTING_UNIQUE_VALUE", message)
        return rules.PropertiesRefused([fault], is_older=context.has_older_texts)
    if plan.record is None:
        # HubSpot gives the new record an id before it finds the conflict; nothing is ever found under that id.
        claimant_id = str(store.next_id)
        store.next_id += 1
    else:
        claimant_id = plan.record.id
    owner_id = owner.id if isinstance(owner, Record) else str(store.next_id)
    return rules.value_of_another(store, context.portal_id, claim, (claimant_id, owner_id))


def _email_conflict(context: WriteContext, plan: Plan, address: str, owner: object) -> Refusal:
    if not isinstance(owner, Record):
        return conflict("Contact already exists")
    if plan.record is not None and not context.lists_unique_conflicts:
        return _unique_conflict(context, plan, ("email", address), owner)
    return conflict(f"Contact already exists. Existing ID: {owner.id}", context={"existingId": [owner.id]})

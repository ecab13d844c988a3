"""Writes the memberships, subscriptions and submissions of rules, with the records that they need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubwire.message import MessageType
from hubwire.operation import (
    Discard,
    Hold,
    MarketingOperation,
    Operation,
    RecordRef,
    SetMembership,
    UpsertContact,
    unique_property,
)
from hubwire.plan.calls.identify import given_email
from hubwire.plan.hold import unknown_person
from hubwire.plan.rules.compiling import CompiledRule
from hubwire.plan.writing.marketing import filled_in, flag_of, membership_of, submission_of, subscription_of
from hubwire.plan.writing.rule_targets import Targets
from hubwire.plan.writing.rule_values import report
from hubwire.rule import Rule


def write_marketing(targets: Targets, compiled: CompiledRule) -> Hold | Discard | None:
    """Add the operation of a rule about a list, a subscription or a form. Returns what waits; None also after a
    report."""
    rule, message, source, plan = compiled.rule, targets.message, targets.source, targets.plan
    record = _record_of(targets, compiled)
    if not isinstance(record, RecordRef):
        return record
    key = record.key
    values = filled_in(compiled, targets.fields)
    operation: MarketingOperation | None
    if rule.list is not None:
        operation = membership_of(rule, values, record, message, source, plan)
        if operation is not None:
            _write_member(targets, rule, values, operation)
    else:
        email = _address(targets, key)
        if not isinstance(email, str):
            return email
        if rule.form is not None:
            operation = submission_of(rule, values, email, key, message, plan)
            targets.contact(key)
        else:
            operation = subscription_of(rule, values, email, key, message, source, plan)
            if operation is not None and operation.key is not None:
                targets.contact(key)
    if operation is not None:
        plan.operations.append(operation)
    return None


def _record_of(targets: Targets, compiled: CompiledRule) -> RecordRef | Hold | Discard | None:
    """The record that a rule is about; None, after a report, without a usable value."""
    rule = compiled.rule
    if compiled.key is None:
        own = targets.own_person() if rule.on == "contact" else targets.own_company()
        return RecordRef(rule.on, own) if isinstance(own, str) else own
    name = next(iter(rule.key))
    record, fault = targets.given(rule.on, name, compiled.key(targets.fields))
    if record is None:
        report(targets.plan, rule, fault, name)
    return record


def _write_member(targets: Targets, rule: Rule, values: Mapping[str, Any], operation: SetMembership) -> None:
    """Write the record of a membership. Who is taken off a list is not made for that."""
    operations, record = targets.plan.operations, RecordRef(operation.object, operation.key)
    flag = flag_of(rule, values, targets.definitions(rule.on), operation.is_member)
    if record.object not in ("contact", "company"):
        # A list makes no order or deal: a rule with its properties does.
        targets.operation(record, "update").properties.update(flag)
    elif record.object == "company":
        targets.company(operation.key).properties.update(flag)
    elif operation.is_member or flag or any(_is_contact(known, operation.key) for known in operations):
        targets.contact(operation.key).properties.update(flag)
    else:
        operations.append(UpsertContact(operation.key, {}, operation.at_ms, operation.position, "update"))


def _is_contact(operation: Operation, key: str) -> bool:
    return isinstance(operation, UpsertContact) and operation.email == key


def _address(targets: Targets, key: str) -> str | Hold | Discard:
    """The e-mail of a contact with this key."""
    if unique_property(key) is None:
        return key
    message = targets.message
    if message.type is MessageType.IDENTIFY:
        email = given_email(message, targets.book.email_keys)[0]
        if email is not None:
            return email
    known = targets.identity.resolve(targets.source.identity_space, message.user_id, message.anonymous_id)
    return known.email or unknown_person(targets.source, known)

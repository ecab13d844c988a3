"""Sends the event of a rule: the person that it is of, its name, and its properties."""

from __future__ import annotations

from typing import Any, NamedTuple

from hubwire.decoding import text_id
from hubwire.object_types import standard_type
from hubwire.operation import Discard, Hold, PropertyValue, RecordRef, SendEvent
from hubwire.plan.calls.events import Event, EventWriter, named_event
from hubwire.plan.calls.track import BY_COOKIE, event_uuid
from hubwire.plan.emails import as_email, is_utk, utk_of
from hubwire.plan.hold import waits_with_cookie
from hubwire.plan.rules.compiling import CompiledRule
from hubwire.plan.rules.values import MISSING
from hubwire.plan.writing.rule_targets import Targets
from hubwire.plan.writing.rule_values import report
from hubwire.reasons import Reason
from hubwire.rule import Rule


class _Person(NamedTuple):
    """Whose event it is: an e-mail or `record_key`, HubSpot's cookie, or the id of the contact's record; or a record of
    another type."""

    email: str | None
    utk: str | None = None
    record_id: str | None = None
    record: RecordRef | None = None


def send_event(targets: Targets, compiled: CompiledRule) -> Hold | Discard | None:
    """Add the event of a rule. Returns the hold or discard of an unknown person; None also after a report."""
    rule, message, book, plan = compiled.rule, targets.message, targets.book, targets.plan
    person = _person_of(targets, compiled)
    if not isinstance(person, _Person):
        return person
    email, utk, record_id, record = person
    properties = compiled.whole(targets.fields) if compiled.whole is not None else _resolved(compiled, targets.fields)
    if not isinstance(properties, dict):
        report(plan, rule, Reason.RULE_FAILED, "its properties give no object")
        return None
    event = _event_of(targets, compiled)
    if isinstance(event, Discard):
        report(plan, rule, event.reason, event.detail)
        return None
    if record is not None:
        targets.operation(record)
    elif email is not None:
        targets.contact(email)
    elif record_id is None and BY_COOKIE not in plan.left_out and not compiled.person:
        plan.left_out.append(BY_COOKIE)
    writer = EventWriter(event, book, plan)
    writer.write_only(properties)
    label = f"rule:{rule.name}"
    plan.operations.append(
        SendEvent(
            email,
            event.name,
            event.label,
            {name: PropertyValue(written.value, label) for name, written in writer.properties.items()},
            writer.types,
            message.timestamp_ms,
            event_uuid(message.source_id, f"{message.message_id}:{rule.name}"),
            message.position,
            utk,
            record_id,
            record,
        )
    )
    return None


def _event_of(targets: Targets, compiled: CompiledRule) -> Event | Discard:
    """The event that a rule names, or why it cannot be sent."""
    book, rule = targets.book, compiled.rule
    if not book.schema.events_available:
        return Discard(Reason.EVENTS_NOT_AVAILABLE)
    name = rule.event if compiled.event is None else compiled.event(targets.fields)
    if not isinstance(name, str) or not name.strip():
        return Discard(Reason.RULE_FAILED, f"{rule.event} gives no name of an event")
    event = named_event(name, name, book)
    if isinstance(event, Discard) or event.definition is None or event.definition.object_id == _type_id(targets, rule):
        return event
    return Discard(Reason.RULE_FAILED, f"HubSpot has {event.label} as an event of another object type")


def _type_id(targets: Targets, rule: Rule) -> str:
    known = targets.object_schema(rule.on)
    standard = standard_type(rule.on)
    return known.object_type.type_id if known is not None else standard.type_id if standard is not None else ""


def _person_of(targets: Targets, compiled: CompiledRule) -> _Person | Hold | Discard | None:
    """The person of a rule's event, or a hold or a discard of an unknown one; None after a report."""
    rule, utk = compiled.rule, utk_of(targets.message)
    for name, resolve in compiled.person:
        value = resolve(targets.fields)
        if name == "email" and (email := as_email(value)) is not None:
            return _Person(email, utk)
        if name == "utk" and is_utk(value):
            return _Person(None, value)
        if name == "match":
            matched = _key_of_match(targets, rule, value)
            if matched is not None:
                return _Person(matched, utk)
        if name == "id" and (record_id := text_id(value)) is not None and record_id.isdecimal():
            return _Person(None, None, record_id)
    if compiled.person:
        report(targets.plan, rule, Reason.RULE_WITHOUT_KEY, "person")
        return None
    if rule.on != "contact":
        return _record_of(targets, compiled)
    key: str | Hold | Discard
    if compiled.key is None:
        key = targets.own_person()
    else:
        name = next(iter(rule.key))
        record, fault = targets.given("contact", name, compiled.key(targets.fields))
        if record is None:
            report(targets.plan, rule, fault, name)
            return None
        key = record.key
    if isinstance(key, str):
        return _Person(key, utk)
    if not targets.book.mapping.events_by_cookie or utk is None:
        return key
    if isinstance(key, Hold) and not targets.by_cookie:
        return waits_with_cookie(key)
    return _Person(None, utk)


def _key_of_match(targets: Targets, rule: Rule, value: object) -> str | None:
    """The key of the contact with a unique property; None after a report if HubSpot cannot find contacts by it."""
    name = next(iter(rule.person["match"]))
    record, fault = targets.given("contact", name, value)
    if record is None and fault is not Reason.RULE_WITHOUT_KEY:
        report(targets.plan, rule, fault, name, "person.match")
    return record.key if record is not None else None


def _record_of(targets: Targets, compiled: CompiledRule) -> _Person | Hold | Discard | None:
    """The company or other record of an event."""
    rule = compiled.rule
    if compiled.key is None:
        own = targets.own_company()
        return _Person(None, record=RecordRef("company", own)) if isinstance(own, str) else own
    name = next(iter(rule.key))
    record, fault = targets.given(rule.on, name, compiled.key(targets.fields))
    if record is None:
        report(targets.plan, rule, fault, name)
        return None
    return _Person(None, record=record)


def _resolved(compiled: CompiledRule, fields: dict[str, Any]) -> dict[str, Any]:
    values = [(name, resolve(fields)) for name, resolve in compiled.fields]
    return {name: value for name, value in values if value is not MISSING}

"""Writes the record of a rule, the records of its lists, and their associations."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hubwire.operation import (
    ArchiveOthers,
    Associate,
    AssociateRecords,
    Clue,
    Discard,
    Hold,
    RecordRef,
    UpsertRecord,
    record_key,
    unique_property,
)
from hubwire.plan.calls.track import event_uuid
from hubwire.plan.company import company_domain
from hubwire.plan.record_keys import value_of_key
from hubwire.plan.rules.compiling import CompiledEach, CompiledRule
from hubwire.plan.rules.directives import MappingFailed
from hubwire.plan.rules.paths import Resolver
from hubwire.plan.rules.resolving import INDEX, root_of
from hubwire.plan.rules.values import MISSING
from hubwire.plan.writing.pipelines import place_in_pipeline
from hubwire.plan.writing.rule_targets import Targets, Upsert, stored_name
from hubwire.plan.writing.rule_values import SourceValue, report, write_conditional, write_values
from hubwire.plan.writing.rule_writers import OtherRule
from hubwire.reasons import Reason
from hubwire.rule import Association, Each, Rule

MAX_ELEMENTS = 250
"""The records that one list of one message makes at most. Chosen."""
Waiting = list[tuple[str, Hold | Discard]]
"""What a rule cannot write yet or at all: its place in the rule ("" for all of it), and the fate."""


def write_record(targets: Targets, other: OtherRule) -> Waiting:
    """Add the operations of a rule with a record. Returns what waits for a person or a company."""
    compiled = other.compiled
    rule = compiled.rule
    clues = _clues(targets, compiled) if compiled.find else ()
    if compiled.find and compiled.key is None:
        record: RecordRef | Hold | Discard | None = _found_record(targets, rule, clues)
    else:
        record = _record_of(targets, rule, rule, compiled.key, targets.fields)
    if not isinstance(record, RecordRef):
        return [] if record is None else [("", record)]
    operation = targets.operation(record, rule.mode)
    operation.find = clues or operation.find
    if type(operation) is UpsertRecord and rule.missing == "ignore":
        operation.reports_missing = False
    _write(targets, rule, rule, other.values, targets.fields, operation)
    waiting: Waiting = []
    for association, resolve in compiled.associations:
        target = _associated(targets, rule, association, resolve)
        if isinstance(target, RecordRef):
            _associate(targets, rule, association, record, target, record if rule.mode == "create" else None)
        elif target is not None:
            waiting.append((f"associate {association.object}", target))
    for part, values in zip(compiled.each, other.each, strict=True):
        _write_each(targets, rule, part, values, record)
    return waiting


def _write(
    targets: Targets,
    rule: Rule,
    part: Rule | Each,
    values: tuple[SourceValue, ...],
    root: dict[str, Any],
    operation: Upsert,
) -> None:
    if part.only_if_empty:
        write_conditional(values, root, operation, targets.plan)
    else:
        write_values(values, root, operation.properties, targets.plan)
    known = targets.object_schema(part.object or "")
    if known is not None and known.object_type.stage:
        for name, refusal in place_in_pipeline(known, operation.properties).items():
            report(targets.plan, rule, refusal.reason, refusal.detail, f"{_place(part)}{name}")


def _clues(targets: Targets, compiled: CompiledRule) -> tuple[Clue, ...]:
    """The properties by which a rule's record is looked for, with their values; those without a value are passed over,
    and those that the portal lacks are reported."""
    rule, object_type = compiled.rule, compiled.rule.object or ""
    schema, clues = targets.object_schema(object_type), []
    is_unread = schema is not None and schema.unavailable is not None
    known = targets.definitions(object_type)
    for name, resolve in compiled.find:
        value = resolve(targets.fields)
        if object_type == "company" and name == "domain":
            text = company_domain(value, targets.book.mapping.company_domain) if isinstance(value, str) else None
        else:
            text = value_of_key(value)
        if text is not None and (name in known or is_unread):
            clues.append((name, text))
        elif text is not None:
            detail = f"the portal has no {object_type} property {name}"
            report(targets.plan, rule, Reason.UNKNOWN_PROPERTY, detail, f"find.{name}")
    return tuple(clues)


def _found_record(targets: Targets, rule: Rule, clues: tuple[Clue, ...]) -> RecordRef | None:
    """A record without a key that is looked for: its name comes from what it is looked for by."""
    known = targets.object_schema(rule.object or "")
    if known is None or not clues:
        fault = Reason.UNKNOWN_OBJECT if known is None else Reason.RULE_WITHOUT_KEY
        report(targets.plan, rule, fault, rule.object or "" if known is None else "find")
        return None
    stored_as = stored_name(rule.object or "", known)
    return RecordRef(stored_as, event_uuid(0, f"{stored_as}:{sorted(clues)}".casefold()))


def _record_of(
    targets: Targets, rule: Rule, part: Rule | Each, resolve: Resolver | None, root: dict[str, Any]
) -> RecordRef | Hold | Discard | None:
    """A record that a rule writes; None, after a report, if its key has no usable value."""
    object_type = part.object or ""
    if resolve is None and object_type not in ("contact", "company"):
        return _new_record(targets, rule, object_type, str(root.get(INDEX, "")))
    return _found(targets, rule, object_type, next(iter(part.key), ""), resolve, root, _place(part))


def _associated(
    targets: Targets, rule: Rule, association: Association, resolve: Resolver | None
) -> RecordRef | Hold | Discard | None:
    name = next(iter(association.key), "")
    return _found(targets, rule, association.object, name, resolve, targets.fields, "associate.")


def _found(
    targets: Targets,
    rule: Rule,
    object_type: str,
    name: str,
    resolve: Resolver | None,
    root: dict[str, Any],
    place: str,
) -> RecordRef | Hold | Discard | None:
    if resolve is None:
        own = targets.own_person() if object_type == "contact" else targets.own_company()
        return RecordRef(object_type, own) if isinstance(own, str) else own
    record, fault = targets.given(object_type, name, resolve(root))
    if record is None:
        report(targets.plan, rule, fault, object_type if fault is Reason.UNKNOWN_OBJECT else name, place.rstrip("."))
    return record


def _place(part: Rule | Each) -> str:
    return f"{part.object}." if isinstance(part, Each) else ""


def _new_record(targets: Targets, rule: Rule, object_type: str, index: str) -> RecordRef | None:
    """A record without a key, which is made once for each message: its name comes from the message's id."""
    known = targets.object_schema(object_type)
    if known is None:
        report(targets.plan, rule, Reason.UNKNOWN_OBJECT, object_type)
        return None
    message = targets.message
    name = f"{message.message_id}:{rule.name}:{object_type}:{index}"
    return RecordRef(stored_name(object_type, known), event_uuid(message.source_id, name))


def _associate(
    targets: Targets,
    rule: Rule,
    association: Association,
    record: RecordRef,
    target: RecordRef,
    new_record: RecordRef | None,
) -> None:
    """Associate the rule's record with another one, which is made if it is missing, unless the rule says otherwise.

    Shape: `new_record` is the record of a rule that only creates, whose records are associated only if they are new.
    """
    message, plan = targets.message, targets.plan
    if record == target:
        report(plan, rule, Reason.RULE_FAILED, "a record has no association with itself", "associate")
        return
    if association.create and not association.part:
        targets.operation(target)
    options = (association.label, association.primary, association.replace)
    if association.create and {record.object, target.object} == {"contact", "company"}:
        pair = (record, target) if record.object == "contact" else (target, record)
        contact, company = (ref.key for ref in pair)
        plan.operations.append(
            Associate(contact, company, message.position, message.timestamp_ms, *options, new_record)
        )
    else:
        linked = AssociateRecords(record, target, message.position, message.timestamp_ms, *options)
        linked.takes_away, linked.may_make, linked.only_if_made = association.part, association.create, new_record
        plan.operations.append(linked)


# -- the elements of a list


def _write_each(
    targets: Targets, rule: Rule, part: CompiledEach, values: tuple[SourceValue, ...], parent: RecordRef
) -> None:
    each, plan, message = part.each, targets.plan, targets.message
    elements = _elements(targets, rule, part)
    if elements is None:
        return
    association = Association(object=each.object, label=each.label)
    written: dict[RecordRef, None] = {}
    seen: Counter[RecordRef] = Counter()
    for index, element in enumerate(elements[:MAX_ELEMENTS]):
        root = root_of(element, targets.fields, index)
        try:
            record = _record_of(targets, rule, each, part.key, root)
        except (MappingFailed, RecursionError) as exc:
            report(plan, rule, Reason.RULE_FAILED, str(exc), each.object)
            continue
        if not isinstance(record, RecordRef):
            continue
        seen[record] += 1
        if seen[record] > 1 and each.same_key == "number":
            record = _numbered(record, seen[record])
        _write(targets, rule, each, values, root, targets.operation(record, each.mode))
        written[record] = None
    if each.associate:
        for record in written:
            _associate(targets, rule, association, parent, record, record if each.mode == "create" else None)
    known = targets.object_schema(each.object)
    if each.removed == "archive" and known is not None and len(elements) <= MAX_ELEMENTS:
        kept = frozenset([record.key for record in written])
        stored_as = stored_name(each.object, known)
        plan.operations.append(ArchiveOthers(parent, stored_as, kept, message.position, message.timestamp_ms))


def _elements(targets: Targets, rule: Rule, part: CompiledEach) -> list[Any] | None:
    """The elements of a list; an object alone counts as a list of one. None without a list; what is no list is
    reported."""
    value = part.items(targets.fields)
    if value is MISSING or value is None:
        return None
    if isinstance(value, dict):
        return [value]
    place = f"each {part.each.object}"
    if not isinstance(value, list):
        report(targets.plan, rule, Reason.RULE_FAILED, "its list is no list of the message", place)
        return None
    if len(value) > MAX_ELEMENTS:
        detail = f"{len(value) - MAX_ELEMENTS:,} of {len(value):,} elements"
        report(targets.plan, rule, Reason.TOO_MANY_RECORDS, detail, place)
    return [element for element in value if element is not MISSING and element is not None]


def _numbered(record: RecordRef, number: int) -> RecordRef:
    """The record of a further element with the same key."""
    name, value = unique_property(record.key) or ("", record.key)
    return RecordRef(record.object, record_key(name, f"{value}#{number}"))

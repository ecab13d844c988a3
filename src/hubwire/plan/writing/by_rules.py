"""The operations of rules for a message, in addition to the default behaviour or instead of it.

If a rule cannot write something for a message (no value for its key, a mapping that fails), it reports that, and the
rest of the message is sent. What waits for a person or a company holds the message: its other operations are sent at
once, and the message is planned again when the person or company is known, or when the wait is over. What still waits
then is reported.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from msgspec.structs import replace

from hubwire.message import MessageType
from hubwire.operation import Discard, Hold, LeftOut, Plan, SendEvent, UpsertCompany, UpsertContact
from hubwire.plan.conversion.properties import shortened
from hubwire.plan.rules.directives import MappingFailed
from hubwire.plan.rules.transforms import with_transform
from hubwire.plan.writing.rule_events import send_event
from hubwire.plan.writing.rule_marketing import write_marketing
from hubwire.plan.writing.rule_records import Waiting, write_record
from hubwire.plan.writing.rule_targets import Targets
from hubwire.plan.writing.rule_values import SourceValue, report, targets_of, write_values
from hubwire.plan.writing.rule_writers import Firing, OtherRule
from hubwire.reasons import Reason
from hubwire.rule import Rule

THE_REST_IS_SENT = "the rest of the message is sent"


def add_to_own(default: Plan, firing: Firing, fields: dict[str, Any]) -> bool:
    """Add the values of rules that only add properties to the records of the default plan; whether that is all.

    Shape: False, with nothing changed, where another record, an event or a fate has to be decided (`plan_by_rules`).
    """
    operations = default.operations
    if firing.others or not operations or default.fate is not None:
        return False
    own_contact, own_company = firing.own_contact, firing.own_company
    if own_contact:
        contact = operations[-1]
        if type(contact) is SendEvent and len(operations) > 1:
            contact = operations[-2]  # An event's own contact comes right before it.
        if type(contact) is not UpsertContact:
            return False
        if not own_company:
            write_values(own_contact, fields, contact.properties, default)
            return True
    company = operations[0]
    if type(company) is not UpsertCompany:
        return False
    write_values(own_company, fields, company.properties, default)
    if own_contact and type(contact) is UpsertContact:
        write_values(own_contact, fields, contact.properties, default)
    return True


class _Wait(NamedTuple):
    """What cannot be written yet, or at all: a rule or its part `place`; without a rule, the default behaviour."""

    rule: Rule | None
    place: str
    fate: Hold | Discard


def plan_by_rules(targets: Targets, firing: Firing, default: Plan | None, is_over: bool) -> Plan:
    """The plan of the message: the default behaviour, unless a rule turns it off, and the rules' operations.

    `is_over`: the message has waited as long as it may.
    """
    before: Discard | None = None
    waiting: list[_Wait] = []
    if default is not None:
        targets.begin_with(default)
        fate, default.fate = default.fate, None
        if isinstance(fate, Hold):
            targets.waits = fate
            waiting.append(_Wait(None, "", fate))
        else:
            before = fate
    waiting += _write_own(targets, firing)
    for other in firing.others:
        rule, fields = other.compiled.rule, targets.fields
        try:
            if rule.transform:
                targets.fields = _transformed(targets, other)
            found = _apply(targets, other)
        except (MappingFailed, RecursionError) as exc:
            report(targets.plan, rule, Reason.RULE_FAILED, str(exc))
        else:
            waiting += [_Wait(rule, place, fate) for place, fate in found]
        finally:
            # No `continue` above: mypyc has none inside of try and finally.
            targets.fields = fields
    _settle(targets, before, waiting, is_over)
    return targets.plan


def _write_own(targets: Targets, firing: Firing) -> list[_Wait]:
    """Add the properties of the message's own person and company."""
    waiting = []
    if firing.own_contact:
        person = targets.waits or targets.own_person()
        if isinstance(person, str):
            write_values(firing.own_contact, targets.fields, targets.contact(person).properties, targets.plan)
        else:
            waiting += [_Wait(rule, "", person) for rule in _rules_of(firing.own_contact)]
    if firing.own_company:
        company = targets.own_company()
        if isinstance(company, str):
            write_values(firing.own_company, targets.fields, targets.company(company).properties, targets.plan)
        else:
            waiting += [_Wait(rule, "", company) for rule in _rules_of(firing.own_company)]
    return waiting


def _transformed(targets: Targets, other: OtherRule) -> dict[str, Any]:
    """The message with the values of the rule's `transform`; those that cannot be computed are reported."""
    fields, faults = with_transform(other.compiled.transform, targets.fields)
    for name, fault in faults.items():
        report(targets.plan, other.compiled.rule, Reason.RULE_FAILED, fault, f"transform.{name}")
    return fields


def _apply(targets: Targets, other: OtherRule) -> Waiting:
    compiled = other.compiled
    if compiled.rule.object is not None:
        return write_record(targets, other)
    fate = send_event(targets, compiled) if compiled.rule.event is not None else write_marketing(targets, compiled)
    return [] if fate is None else [("", fate)]


def _settle(targets: Targets, before: Discard | None, waiting: list[_Wait], is_over: bool) -> None:
    """Set the fate of a message that waits or has no operations, and report what is not written."""
    plan = targets.plan
    held = _joined([wait.fate for wait in waiting if isinstance(wait.fate, Hold)])
    if not plan.operations:
        plan.fate = held or before or (waiting[0].fate if waiting else Discard(Reason.NOTHING_TO_SEND))
    elif held is not None and not is_over:
        plan.fate = replace(held, detail=held.detail or THE_REST_IS_SENT)
    else:
        for rule, place, fate in waiting:
            if rule is not None:
                report(plan, rule, fate.reason, fate.detail, place)
            elif isinstance(fate, Hold):
                field = "event" if targets.message.type is MessageType.TRACK else "traits"
                plan.left_out.append(LeftOut(field, fate.ends_as, fate.detail))
    if plan.left_out:
        shortened(plan.left_out)


def _joined(holds: list[Hold]) -> Hold | None:
    """One hold for all: until the first of their keys is linked."""
    if len(holds) < 2:
        return holds[0] if holds else None
    first = next((hold for hold in holds if hold.has_cookie), holds[0])
    return replace(first, keys=tuple(dict.fromkeys([key for hold in holds for key in hold.keys])))


def _rules_of(values: tuple[SourceValue, ...]) -> list[Rule]:
    return list({written.rule.name: written.rule for _, _, written in targets_of(values)}.values())

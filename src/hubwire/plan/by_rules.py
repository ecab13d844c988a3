"""The operations of rules for a message, in addition to the default behaviour or instead of it.

If a rule cannot write something for a message (no value for its key, a mapping that fails), it reports that, and the
rest of the message is sent. If the default behaviour waits for a person or a company, the whole message waits. If only
rules wait, the message waits unless a part of it can be sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from hubwire.destination import Source
from hubwire.message import Message, MessageType, text_id
from hubwire.operation import (
    Associate,
    Discard,
    Hold,
    MarketingOperation,
    Operation,
    Plan,
    PropertyValue,
    SendEvent,
    SetMembership,
    UpsertCompany,
    UpsertContact,
    unique_property,
)
from hubwire.plan.emails import as_email, context_traits, email_value, is_utk, utk_of
from hubwire.plan.events import EventWriter, named_event
from hubwire.plan.group import given_domain
from hubwire.plan.hold import unknown_company, unknown_person, waits_with_cookie
from hubwire.plan.identify import given_email
from hubwire.plan.identity import Identity
from hubwire.plan.marketing import filled_in, flag_of, membership_of, submission_of, subscription_of
from hubwire.plan.properties import shortened
from hubwire.plan.record_keys import key_of_rule
from hubwire.plan.rule_values import SourceValue, report, targets_of, write_conditional, write_values
from hubwire.plan.rule_writers import Firing
from hubwire.plan.rulebook import Rulebook
from hubwire.plan.rules.directives import MappingFailed
from hubwire.plan.rules.paths import Resolver
from hubwire.plan.rules.rule_set import CompiledRule
from hubwire.plan.rules.values import MISSING
from hubwire.plan.track import BY_COOKIE, event_uuid
from hubwire.reasons import Reason
from hubwire.rule import Association, Rule


def add_to_own(default: Plan, firing: Firing, fields: dict[str, Any]) -> bool:
    """Add the values of rules that only add properties to the records of the default plan; whether that is all.

    Shape: False, with nothing changed, where another record, an event or a fate has to be decided (`RulePlanner`).
    """
    operations = default.operations
    if firing.others or not operations or default.fate is not None:
        return False
    contact = company = operations[0]
    if firing.own_contact:
        last = operations[-1]
        # A track's own person is that of its event, whose contact comes right before it.
        contact = operations[-2] if type(last) is SendEvent and len(operations) > 1 else last
        if type(contact) is not UpsertContact or (type(last) is SendEvent and last.email != contact.email):
            return False
    if firing.own_company and type(company) is not UpsertCompany:
        return False
    if type(contact) is UpsertContact and firing.own_contact:
        write_values(firing.own_contact, fields, contact.properties, default)
    if type(company) is UpsertCompany and firing.own_company:
        write_values(firing.own_company, fields, company.properties, default)
    if default.left_out:
        shortened(default.left_out)
    return True


class _Person(NamedTuple):
    """The person of an event: an e-mail or `record_key`, HubSpot's cookie, the id of the contact's record."""

    email: str | None
    utk: str | None = None
    record_id: str | None = None


class RulePlanner:
    """Plans one message with the rules that fire for it."""

    __slots__ = ("_book", "_by_cookie", "_email", "_fields", "_identity", "_message", "_plan", "_source")

    def __init__(
        self,
        message: Message,
        source: Source,
        book: Rulebook,
        identity: Identity,
        fields: dict[str, Any],
        by_cookie: bool,
    ) -> None:
        self._message = message
        self._source = source
        self._book = book
        self._identity = identity
        self._fields = fields
        self._by_cookie = by_cookie
        self._plan = Plan()
        self._email: str | Hold | Discard | None = None
        """The message's person, resolved when a rule first needs it."""

    def plan(self, firing: Firing, default: Plan | None) -> Plan:
        """The plan of the message: the default behaviour, unless a rule turns it off, and the rules' operations."""
        before: Discard | None = None
        if default is not None:
            self._plan = default
            if isinstance(default.fate, Hold):
                return default
            before, default.fate = default.fate, None
        waiting = []
        if firing.own_contact:
            email = self._own_person()
            if isinstance(email, str):
                write_values(firing.own_contact, self._fields, self._contact(email).properties, self._plan)
            else:
                waiting += [(rule, email) for rule in _rules_of(firing.own_contact)]
        if firing.own_company:
            domain = self._own_company()
            if isinstance(domain, str):
                write_values(firing.own_company, self._fields, self._company(domain).properties, self._plan)
            else:
                waiting += [(rule, domain) for rule in _rules_of(firing.own_company)]
        for compiled, values in firing.others:
            try:
                fate = self._apply(compiled, values)
            except (MappingFailed, RecursionError) as exc:
                report(self._plan, compiled.rule, Reason.RULE_FAILED, str(exc))
                continue
            if fate is not None:
                waiting.append((compiled.rule, fate))
        self._settle(before, waiting)
        return self._plan

    def _settle(self, before: Discard | None, waiting: list[tuple[Rule, Hold | Discard]]) -> None:
        """Set the fate of a message without operations, and report the rules that could not write."""
        plan = self._plan
        if not plan.operations:
            holds = [fate for _, fate in waiting if isinstance(fate, Hold)]
            held = next((hold for hold in holds if hold.has_cookie), holds[0] if holds else None)
            plan.fate = held or before or (waiting[0][1] if waiting else Discard(Reason.NOTHING_TO_SEND))
        else:
            for rule, fate in waiting:
                report(self._plan, rule, fate.reason, fate.detail)
        if plan.left_out:
            shortened(plan.left_out)

    def _apply(self, compiled: CompiledRule, values: tuple[SourceValue, ...]) -> Hold | Discard | None:
        """Add a rule's operations. Returns a hold or a discard if the rule's person or company is unknown."""
        rule = compiled.rule
        if rule.event is not None:
            return self._event(compiled)
        if rule.is_marketing:
            return self._marketing(compiled)
        key = self._target(rule, rule.object or "contact", rule.key, compiled.key)
        if not isinstance(key, str):
            return key
        operation = self._contact(key, rule) if rule.object == "contact" else self._company(key, rule)
        if rule.only_if_empty:
            write_conditional(values, self._fields, operation, self._plan)
        else:
            write_values(values, self._fields, operation.properties, self._plan)
        for association, resolve in compiled.associations:
            other = self._target(rule, association.object, association.key, resolve)
            if isinstance(other, str):
                if association.object == "contact":
                    self._contact(other)
                else:
                    self._company(other)
                self._associate(association, *((key, other) if rule.object == "contact" else (other, key)))
            elif other is not None:
                report(self._plan, rule, other.reason, other.detail, "associate")
        return None

    def _target(
        self, rule: Rule, object_type: str, key: Mapping[str, Any], resolve: Resolver | None
    ) -> str | Hold | Discard | None:
        """The key of a rule's record, or of one to associate; None, after a report, if its key has no usable value."""
        if resolve is None:
            return self._own_person() if object_type == "contact" else self._own_company()
        name = next(iter(key))
        known = self._book.schema.contact if object_type == "contact" else self._book.schema.company
        how = self._book.mapping.company_domain
        found, fault = key_of_rule(object_type, (name, resolve(self._fields)), known, how, self._plan)
        if found is None:
            report(self._plan, rule, fault, name)
        return found

    def _own_person(self) -> str | Hold | Discard:
        """The key of the message's own person, or the hold or discard of an unknown person."""
        if self._email is None:
            self._email = self._own_key()
        return self._email

    def _own_key(self) -> str | Hold | Discard:
        operations, message, book = self._plan.operations, self._message, self._book
        if operations and isinstance(operations[-1], UpsertContact | SendEvent) and operations[-1].email is not None:
            return operations[-1].email
        if book.contact_key is not None:
            key = book.contact_key.of(message, book.schema.contact, self._plan)
            if key is not None:
                return key
        if message.type is MessageType.IDENTIFY:
            email = given_email(message, book.email_keys)[0]
        else:
            email = as_email(email_value(message.properties)) if message.type is MessageType.TRACK else None
            email = email or as_email(email_value(context_traits(message.context), book.email_keys))
        if email is not None:
            return email
        known = self._identity.resolve(self._source.identity_space, message.user_id, message.anonymous_id)
        return known.email or unknown_person(self._source, known)

    def _contact(self, email: str, rule: Rule | None = None) -> UpsertContact:
        """A contact's operation: the existing one, or a new one."""
        mode = rule.mode if rule is not None else "upsert"
        for operation in self._plan.operations:
            if type(operation) is UpsertContact and operation.email == email and operation.mode == mode:
                return operation
        message = self._message
        upsert = UpsertContact(email, {}, message.timestamp_ms, message.position, mode)
        if email == self._email and unique_property(email) is not None:
            known = self._identity.resolve(self._source.identity_space, message.user_id, message.anonymous_id)
            upsert.known_as = known.email
            upsert.unknown = unknown_person(self._source, known) if known.email is None else None
        self._plan.operations.append(upsert)
        return upsert

    def _own_company(self) -> str | Hold | Discard:
        """The key of a group call's company, or the hold or discard of an unknown company."""
        message, book = self._message, self._book
        for operation in self._plan.operations:
            if type(operation) is UpsertCompany:
                return operation.domain
        if book.company_key is not None:
            key = book.company_key.of(message, book.schema.company, self._plan)
            if key is not None:
                return key
        domain, unusable = given_domain(message, book.mapping.company_domain)
        domain = domain or self._identity.domain_of_group(self._source.identity_space, message.group_id)
        return domain or unknown_company(message, self._source, unusable)

    def _company(self, domain: str, rule: Rule | None = None) -> UpsertCompany:
        """A company's operation: the existing one, or a new one."""
        mode = rule.mode if rule is not None else "upsert"
        for operation in self._plan.operations:
            if type(operation) is UpsertCompany and operation.domain == domain and operation.mode == mode:
                return operation
        properties = {} if unique_property(domain) else {"domain": PropertyValue(domain, "website.domain")}
        message = self._message
        upsert = UpsertCompany(domain, properties, message.timestamp_ms, message.position, mode)
        self._plan.operations.append(upsert)
        return upsert

    def _associate(self, association: Association, contact: str, company: str) -> None:
        message = self._message
        self._plan.operations.append(
            Associate(
                contact,
                company,
                message.position,
                message.timestamp_ms,
                association.label,
                association.primary,
                association.replace,
            )
        )

    def _marketing(self, compiled: CompiledRule) -> Hold | Discard | None:
        """Add the operation of a rule about a list, a subscription or a form."""
        rule, message, source, plan = compiled.rule, self._message, self._source, self._plan
        key = self._target(rule, rule.on, rule.key, compiled.key)
        if not isinstance(key, str):
            return key
        values = filled_in(compiled, self._fields)
        operation: MarketingOperation | None
        if rule.list is not None:
            operation = membership_of(rule, values, key, message, source, plan)
            if operation is not None:
                self._listed(rule, values, operation)
        else:
            email = self._address(key)
            if not isinstance(email, str):
                return email
            if rule.form is not None:
                operation = submission_of(rule, values, email, key, message)
                self._contact(key)
            else:
                operation = subscription_of(rule, values, email, key, message, source, plan)
                if operation is not None and operation.key is not None:
                    self._contact(key)
        if operation is not None:
            plan.operations.append(operation)
        return None

    def _listed(self, rule: Rule, values: Mapping[str, Any], operation: SetMembership) -> None:
        """Write the record of a membership. Who is taken off a list is not made for that."""
        schema, operations = self._book.schema, self._plan.operations
        definitions = schema.company if rule.on == "company" else schema.contact
        flag = flag_of(rule, values, definitions, operation.is_member)
        if rule.on == "company":
            self._company(operation.key).properties.update(flag)
        elif operation.is_member or flag or any(_is_contact(known, operation.key) for known in operations):
            self._contact(operation.key).properties.update(flag)
        else:
            operations.append(UpsertContact(operation.key, {}, operation.at_ms, operation.position, "update"))

    def _address(self, key: str) -> str | Hold | Discard:
        """The e-mail of a contact with this key."""
        if unique_property(key) is None:
            return key
        message = self._message
        if message.type is MessageType.IDENTIFY:
            email = given_email(message, self._book.email_keys)[0]
            if email is not None:
                return email
        known = self._identity.resolve(self._source.identity_space, message.user_id, message.anonymous_id)
        return known.email or unknown_person(self._source, known)

    def _person_of(self, compiled: CompiledRule) -> _Person | Hold | Discard | None:
        """The person of a rule's event, or a hold or a discard of an unknown one; None after a report."""
        rule, utk = compiled.rule, utk_of(self._message)
        for name, resolve in compiled.person:
            value = resolve(self._fields)
            if name == "email" and (email := as_email(value)) is not None:
                return _Person(email, utk)
            if name == "utk" and is_utk(value):
                return _Person(None, value)
            if name == "id" and (record_id := text_id(value)) is not None and record_id.isdecimal():
                return _Person(None, None, record_id)
        if compiled.person:
            report(self._plan, rule, Reason.RULE_WITHOUT_KEY, "person")
            return None
        key = self._target(rule, "contact", rule.key, compiled.key)
        if isinstance(key, str):
            return _Person(key, utk)
        if key is None or not self._book.mapping.events_by_cookie or utk is None:
            return key
        if isinstance(key, Hold) and not self._by_cookie:
            return waits_with_cookie(key)
        return _Person(None, utk)

    def _event(self, compiled: CompiledRule) -> Hold | Discard | None:
        rule, message, book = compiled.rule, self._message, self._book
        person = self._person_of(compiled)
        if not isinstance(person, _Person):
            return person
        email, utk, record_id = person
        properties = compiled.whole(self._fields) if compiled.whole is not None else self._resolved(compiled)
        if not isinstance(properties, dict):
            report(self._plan, rule, Reason.RULE_FAILED, "its properties give no object")
            return None
        event = named_event(rule.event or "", rule.event or "", book)
        if not book.schema.events_available:
            event = Discard(Reason.EVENTS_NOT_AVAILABLE)
        if isinstance(event, Discard):
            report(self._plan, rule, event.reason, event.detail)
            return None
        if email is not None:
            self._contact(email)
        elif record_id is None and BY_COOKIE not in self._plan.left_out and not compiled.person:
            self._plan.left_out.append(BY_COOKIE)
        writer = EventWriter(event, book, self._plan)
        writer.write_only(properties)
        label = f"rule:{rule.name}"
        self._plan.operations.append(
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
            )
        )
        return None

    def _resolved(self, compiled: CompiledRule) -> dict[str, Any]:
        values = [(name, resolve(self._fields)) for name, resolve in compiled.fields]
        return {name: value for name, value in values if value is not MISSING}


def _is_contact(operation: Operation, key: str) -> bool:
    return isinstance(operation, UpsertContact) and operation.email == key


def _rules_of(values: tuple[SourceValue, ...]) -> list[Rule]:
    return list({rule.name: rule for _, _, rule in targets_of(values)}.values())

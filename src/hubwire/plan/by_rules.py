"""The operations of rules for a message, in addition to the default behaviour or instead of it.

If a rule cannot write something for a message (no value for its key, a mapping that fails), it reports that, and the
rest of the message is sent. If the default behaviour waits for a person or a company, the whole message waits. If only
rules wait, the message waits unless a part of it can be sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hubwire.destination import Rule, Source
from hubwire.message import Message, MessageType
from hubwire.operation import Discard, Hold, LeftOut, Plan, PropertyValue, SendEvent, UpsertCompany, UpsertContact
from hubwire.plan.company import company_domain
from hubwire.plan.cookie import utk_of
from hubwire.plan.emails import as_email, context_traits, email_value
from hubwire.plan.events import EventWriter, named_event
from hubwire.plan.group import given_domain
from hubwire.plan.hold import unknown_company, unknown_person, waits_with_cookie
from hubwire.plan.identify import given_email
from hubwire.plan.identity import Identity
from hubwire.plan.properties import shortened
from hubwire.plan.rule_writers import FieldWriter, Firing
from hubwire.plan.rulebook import Rulebook
from hubwire.plan.rules.directives import MappingFailed
from hubwire.plan.rules.rule_set import CompiledRule
from hubwire.plan.rules.values import MISSING
from hubwire.plan.track import BY_COOKIE, event_uuid
from hubwire.plan.trait_rules import MAX_FIELD
from hubwire.plan.values import Converted, Partial, Refusal
from hubwire.reasons import Reason

Default = Callable[[], Plan]

_new = tuple.__new__  # half the time of a NamedTuple's own constructor, on the hottest line


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

    def plan(self, firing: Firing, default: Default) -> Plan:
        """The plan of the message: the default behaviour, unless a rule turns it off, and the rules' operations."""
        before: Discard | None = None
        if firing.has_default:
            self._plan = default()
            if isinstance(self._plan.fate, Hold):
                return self._plan
            before, self._plan.fate = self._plan.fate, None
        waiting = []
        if firing.own_contact:
            email = self._own_person()
            if isinstance(email, str):
                self._write(firing.own_contact, self._contact(email))
            else:
                waiting += [(rule, email) for rule in _rules_of(firing.own_contact)]
        if firing.own_company:
            domain = self._own_domain()
            if isinstance(domain, str):
                self._write(firing.own_company, self._company(domain))
            else:
                waiting += [(rule, domain) for rule in _rules_of(firing.own_company)]
        for compiled, writers in firing.others:
            try:
                fate = self._apply(compiled, writers)
            except (MappingFailed, RecursionError) as exc:
                self._report(compiled.rule, Reason.RULE_FAILED, str(exc))
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
                self._report(rule, fate.reason, fate.detail)
        if plan.left_out:
            shortened(plan.left_out)

    def _apply(self, compiled: CompiledRule, writers: tuple[FieldWriter, ...]) -> Hold | Discard | None:
        """Add a rule's operations. Returns a hold or a discard if the rule's person or company is unknown."""
        if compiled.key is None:
            email = self._own_person()
            if not isinstance(email, str):
                return self._without_person(compiled, email)
        elif compiled.rule.object == "company":
            self._company_by_key(compiled.rule, compiled.key(self._fields), writers)
            return None
        else:
            address = as_email(compiled.key(self._fields))
            if address is None:
                self._report(compiled.rule, Reason.RULE_WITHOUT_KEY, "email")
                return None
            email = address
        if compiled.rule.event is not None:
            self._event(compiled, email)
        else:
            self._write(writers, self._contact(email))
        return None

    def _without_person(self, compiled: CompiledRule, unknown: Hold | Discard) -> Hold | Discard | None:
        """The wait of a rule whose person is unknown. Its event is sent with the visitor's cookie after that."""
        if compiled.rule.event is None or not self._book.mapping.events_by_cookie or utk_of(self._message) is None:
            return unknown
        if isinstance(unknown, Hold) and not self._by_cookie:
            return waits_with_cookie(unknown)
        self._event(compiled, None)
        return None

    def _own_person(self) -> str | Hold | Discard:
        """The e-mail of the message's own person, or the hold or discard of an unknown person."""
        if self._email is None:
            self._email = self._own_email()
        return self._email

    def _own_email(self) -> str | Hold | Discard:
        operations = self._plan.operations
        if operations and isinstance(operations[-1], UpsertContact | SendEvent) and operations[-1].email is not None:
            return operations[-1].email
        message = self._message
        if message.type is MessageType.IDENTIFY:
            email = given_email(message, self._book.email_keys)[0]
        else:
            email = as_email(email_value(message.properties)) if message.type is MessageType.TRACK else None
            email = email or as_email(email_value(context_traits(message.context), self._book.email_keys))
        if email is not None:
            return email
        known = self._identity.resolve(self._source.identity_space, message.user_id, message.anonymous_id)
        return known.email or unknown_person(self._source, known)

    def _contact(self, email: str) -> dict[str, PropertyValue]:
        """The properties of a contact's operation: the existing one, or a new one."""
        for operation in self._plan.operations:
            if type(operation) is UpsertContact and operation.email == email:
                return operation.properties
        message = self._message
        upsert = UpsertContact(email, {}, message.timestamp_ms, message.position)
        self._plan.operations.append(upsert)
        return upsert.properties

    def _company_by_key(self, rule: Rule, value: object, writers: tuple[FieldWriter, ...]) -> None:
        how = self._book.mapping.company_domain
        domain = company_domain(value, how) if isinstance(value, str) else None
        if domain is None:
            self._report(rule, Reason.RULE_WITHOUT_KEY, "domain")
        else:
            self._write(writers, self._company(domain))

    def _own_domain(self) -> str | Hold | Discard:
        """The company of a group call, or the hold or discard of an unknown company."""
        for operation in self._plan.operations:
            if type(operation) is UpsertCompany:
                return operation.domain
        domain, unusable = given_domain(self._message, self._book.mapping.company_domain)
        domain = domain or self._identity.domain_of_group(self._source.identity_space, self._message.group_id)
        return domain or unknown_company(self._message, self._source, unusable)

    def _company(self, domain: str) -> dict[str, PropertyValue]:
        """The properties of a company's operation: the existing one, or a new one."""
        for operation in self._plan.operations:
            if type(operation) is UpsertCompany and operation.domain == domain:
                return operation.properties
        properties = {"domain": PropertyValue(domain, "website.domain")}
        message = self._message
        self._plan.operations.append(UpsertCompany(domain, properties, message.timestamp_ms, message.position))
        return properties

    def _event(self, compiled: CompiledRule, email: str | None) -> None:
        rule, message, book = compiled.rule, self._message, self._book
        properties = compiled.whole(self._fields) if compiled.whole is not None else self._resolved(compiled)
        if not isinstance(properties, dict):
            self._report(rule, Reason.RULE_FAILED, "its properties give no object")
            return
        event = named_event(rule.event or "", rule.event or "", book)
        if not book.schema.events_available:
            event = Discard(Reason.EVENTS_NOT_AVAILABLE)
        if isinstance(event, Discard):
            self._report(rule, event.reason, event.detail)
            return
        if email is not None:
            self._contact(email)
        elif BY_COOKIE not in self._plan.left_out:
            self._plan.left_out.append(BY_COOKIE)
        writer = EventWriter(event, book.mapping.create_event_definitions, self._plan)
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
                utk_of(message),
            )
        )

    def _resolved(self, compiled: CompiledRule) -> dict[str, Any]:
        values = [(name, resolve(self._fields)) for name, resolve in compiled.fields]
        return {name: value for name, value in values if value is not MISSING}

    def _write(self, writers: tuple[FieldWriter, ...], properties: dict[str, PropertyValue]) -> None:
        """Write the properties that the portal accepts, in HubSpot's format; report the others."""
        fields = self._fields
        for name, resolve, convert, label, rule in writers:
            try:
                value = resolve(fields)
            except (MappingFailed, RecursionError) as exc:
                self._report(rule, Reason.RULE_FAILED, str(exc), name)
                continue
            if value is MISSING:
                continue
            converted = convert(value)
            if type(converted) is str:
                properties[name] = _new(PropertyValue, (converted, label))
            else:
                self._refused(rule, name, converted, properties)

    def _refused(self, rule: Rule, name: str, converted: Converted, properties: dict[str, PropertyValue]) -> None:
        if isinstance(converted, Partial):
            properties[name] = PropertyValue(converted.text, f"rule:{rule.name}")
            converted = converted.refusal
        if isinstance(converted, Refusal):
            self._report(rule, converted.reason, converted.detail, name)

    def _report(self, rule: Rule, reason: Reason, detail: str, property_name: str = "") -> None:
        field = f"rule:{rule.name}.{property_name}" if property_name else f"rule:{rule.name}"
        self._plan.left_out.append(LeftOut(field[:MAX_FIELD], reason, detail))


def _rules_of(writers: tuple[FieldWriter, ...]) -> list[Rule]:
    return list({writer.rule.name: writer.rule for writer in writers}.values())

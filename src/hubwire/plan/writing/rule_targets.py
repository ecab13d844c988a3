"""The records that the rules of one message write: their keys, and one operation for each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hubwire.destination import Source
from hubwire.message import Message, MessageType
from hubwire.operation import (
    Discard,
    Hold,
    Mode,
    Plan,
    PropertyValue,
    RecordRef,
    SendEvent,
    UpsertCompany,
    UpsertContact,
    UpsertRecord,
    record_key,
    unique_property,
)
from hubwire.plan.calls.group import given_domain
from hubwire.plan.calls.identify import given_email
from hubwire.plan.emails import as_email, context_traits, email_value
from hubwire.plan.hold import unknown_company, unknown_person
from hubwire.plan.identity import Identity
from hubwire.plan.record_keys import key_of_rule, value_of_key
from hubwire.plan.rulebook import Rulebook
from hubwire.reasons import Reason
from hubwire.schema import ObjectSchema, PropertyDefinition

Upsert = UpsertContact | UpsertCompany | UpsertRecord


@dataclass(slots=True)
class Targets:
    """The message, and the plan that its rules fill.

    Shape: `waits` is the hold of the default behaviour, in which the message's own company waits, too.
    """

    message: Message
    source: Source
    book: Rulebook
    identity: Identity
    fields: dict[str, Any]
    by_cookie: bool
    plan: Plan = field(default_factory=Plan)
    waits: Hold | None = None
    _own_key: str | Hold | Discard | None = None
    _by_default: Any = None
    """The last operation of the default behaviour."""

    def begin_with(self, default: Plan) -> None:
        """Add to the plan of the default behaviour."""
        self.plan = default
        self._by_default = default.operations[-1] if default.operations else None

    def definitions(self, object_type: str) -> dict[str, PropertyDefinition]:
        """The properties of an object type."""
        return self.book.schema.definitions(object_type)

    def object_schema(self, object_type: str) -> ObjectSchema | None:
        """The schema of an object type other than contact and company; None if the portal's was not read."""
        return self.book.schema.objects.get(object_type)

    # -- keys

    def own_person(self) -> str | Hold | Discard:
        """The key of the message's own person, or the hold or discard of an unknown person."""
        if self._own_key is None:
            self._own_key = self._find_own_person()
        return self._own_key

    def _find_own_person(self) -> str | Hold | Discard:
        last, message, book = self._by_default, self.message, self.book
        if isinstance(last, UpsertContact | SendEvent) and last.email is not None:
            return last.email
        if book.contact_key is not None:
            key = book.contact_key.of(message, book.schema.contact, self.plan)
            if key is not None:
                return key
        if message.type is MessageType.IDENTIFY:
            email = given_email(message, book.email_keys)[0]
        else:
            email = as_email(email_value(message.properties)) if message.type is MessageType.TRACK else None
            email = email or as_email(email_value(context_traits(message.context), book.email_keys))
        if email is not None:
            return email
        known = self.identity.resolve(self.source.identity_space, message.user_id, message.anonymous_id)
        return known.email or unknown_person(self.source, known)

    def own_company(self) -> str | Hold | Discard:
        """The key of a group call's company, or the hold or discard of an unknown company."""
        if self.waits is not None:
            return self.waits
        message, book = self.message, self.book
        for operation in self.plan.operations:
            if type(operation) is UpsertCompany:
                return operation.domain
        if book.company_key is not None:
            key = book.company_key.of(message, book.schema.company, self.plan)
            if key is not None:
                return key
        domain, unusable = given_domain(message, book.mapping.company_domain)
        domain = domain or self.identity.domain_of_group(self.source.identity_space, message.group_id)
        return domain or unknown_company(message, self.source, unusable)

    def given(self, object_type: str, name: str, value: object) -> tuple[RecordRef | None, Reason]:
        """The record of a key that a rule gives; without one, the reason to report."""
        if object_type in ("contact", "company"):
            how = self.book.mapping.company_domain
            key, fault = key_of_rule(object_type, (name, value), self.definitions(object_type), how, self.plan)
            return (RecordRef(object_type, key) if key is not None else None), fault
        known = self.object_schema(object_type)
        if known is None:
            return None, Reason.UNKNOWN_OBJECT
        stored_as = stored_name(object_type, known)
        if known.unavailable is not None:
            text = value_of_key(value)
            return (RecordRef(stored_as, record_key(name, text)) if text else None), Reason.RULE_WITHOUT_KEY
        how = self.book.mapping.company_domain
        key, fault = key_of_rule(stored_as, (name, value), known.properties, how, self.plan)
        return (RecordRef(stored_as, key) if key is not None else None), fault

    # -- operations

    def operation(self, record: RecordRef, mode: Mode = "upsert") -> Upsert:
        """The operation of a record: the existing one, or a new one."""
        if record.object == "contact":
            return self.contact(record.key, mode)
        if record.object == "company":
            return self.company(record.key, mode)
        for operation in self.plan.operations:
            if type(operation) is UpsertRecord and (operation.object, operation.key, operation.mode) == (*record, mode):
                return operation
        message = self.message
        upsert = UpsertRecord(record.object, record.key, {}, message.timestamp_ms, message.position, mode)
        self.plan.operations.append(upsert)
        return upsert

    def contact(self, email: str, mode: Mode = "upsert") -> UpsertContact:
        """A contact's operation: the existing one, or a new one."""
        for operation in self.plan.operations:
            if type(operation) is UpsertContact and operation.email == email and operation.mode == mode:
                return operation
        message = self.message
        upsert = UpsertContact(email, {}, message.timestamp_ms, message.position, mode)
        if email == self._own_key and unique_property(email) is not None:
            known = self.identity.resolve(self.source.identity_space, message.user_id, message.anonymous_id)
            upsert.known_as = known.email
            upsert.unknown = unknown_person(self.source, known) if known.email is None else None
        self.plan.operations.append(upsert)
        return upsert

    def company(self, domain: str, mode: Mode = "upsert") -> UpsertCompany:
        """A company's operation: the existing one, or a new one."""
        for operation in self.plan.operations:
            if type(operation) is UpsertCompany and operation.domain == domain and operation.mode == mode:
                return operation
        properties = {} if unique_property(domain) else {"domain": PropertyValue(domain, "website.domain")}
        message = self.message
        upsert = UpsertCompany(domain, properties, message.timestamp_ms, message.position, mode)
        self.plan.operations.append(upsert)
        return upsert


def stored_name(object_type: str, known: ObjectSchema) -> str:
    """The type of a record in operations."""
    return known.object_type.stored_as or object_type

"""Dry run: the operations and exact requests of messages, and the reasons for left-out fields. Sends nothing.

It uses the lane's own planner, coalescing and request builders, so it shows exactly what would be sent. Record ids that
only HubSpot's answer would contain appear as `<contact a@b.co>`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from hubwire.decoding import read_message
from hubwire.deliver.calls.batch_sender import Input
from hubwire.deliver.cycle.coalesce import Work
from hubwire.deliver.cycle.gather import Gatherer, LoadLinks
from hubwire.deliver.cycle.outcomes import Outcomes
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.preview_marketing import marketing_calls
from hubwire.deliver.preview_records import record_calls
from hubwire.deliver.steps import (
    associations,
    companies,
    company_search,
    events,
)
from hubwire.deliver.steps.company_state import compare_companies
from hubwire.deliver.steps.contact_state import look_up_contacts
from hubwire.deliver.steps.keyed_companies import meet_companies
from hubwire.deliver.steps.record_calls import COMPANY, CONTACT, upsert_call
from hubwire.deliver.steps.record_values import late_names
from hubwire.delivery import State
from hubwire.destination import Destination, Source
from hubwire.hubspot.call import (
    ASSOCIATIONS_PER_CALL,
    EVENTS_PER_CALL,
    OBJECTS_PER_CALL,
    Call,
    split,
)
from hubwire.hubspot.paths import Paths
from hubwire.hubspot.wire import KEY_PROPERTY
from hubwire.message import JournalRow
from hubwire.operation import (
    ArchiveOthers,
    Associate,
    AssociateRecords,
    Discard,
    Hold,
    MarketingOperation,
    Operation,
    PropertyValue,
    SendEvent,
    SetMembership,
    SetSubscription,
    SubmitForm,
    UpsertCompany,
    UpsertContact,
    UpsertRecord,
    unique_property,
)
from hubwire.plan.planner import person_of
from hubwire.plan.rules.rule_set import rule_set
from hubwire.reasons import Reason
from hubwire.schema import PortalSchema

MARKETING_KINDS = ("put on list", "take off list", "set subscription", "submit form")
"""The kinds of planned operations about lists, subscriptions and forms."""


class PlannedField(msgspec.Struct, kw_only=True, frozen=True):
    """One value that HubSpot would get, and the rule that made it."""

    name: str
    value: str
    rule: str


class PlannedOperation(msgspec.Struct, kw_only=True, frozen=True):
    """One operation. `kind` in words (`upsert contact`); `key` names the record."""

    kind: str
    key: str
    fields: list[PlannedField] = []
    note: str = ""


class PlannedRequest(msgspec.Struct, kw_only=True, frozen=True):
    """One HTTP request that would be sent, without its token."""

    method: str
    path: str
    body: Any = None


class PlannedLeftOut(msgspec.Struct, kw_only=True, frozen=True):
    """One field that would not be sent."""

    field: str
    reason: str
    detail: str = ""


class DryRun(msgspec.Struct, kw_only=True, frozen=True):
    """The plan of one message. `state`: delivered (it would be sent), discarded, held or rejected."""

    state: str
    reason: str | None = None
    detail: str = ""
    operations: list[PlannedOperation] = []
    requests: list[PlannedRequest] = []
    left_out: list[PlannedLeftOut] = []
    person: dict[str, Any] = {}
    """What is remembered of the person, where a rule takes it as `$person`."""
    schema_is_default: bool = False
    """HubSpot's own properties were taken for the portal's schema, which could not be read."""


def preview(
    rows: Sequence[JournalRow],
    destination: Destination,
    sources: Mapping[int, Source],
    schema: PortalSchema,
    load_links: LoadLinks,
) -> tuple[list[DryRun], list[PlannedRequest]]:
    """One dry run per row (rejected rows included), and the requests of all of them together.

    Shape: nothing is suppressed as unchanged: the requests are those of people whom HubSpot does not know yet.
    """
    return shown(planned(rows, destination, sources, schema, load_links), rows, Paths(destination.api_version), schema)


def planned(
    rows: Sequence[JournalRow],
    destination: Destination,
    sources: Mapping[int, Source],
    schema: PortalSchema,
    load_links: LoadLinks,
) -> PlannedWork:
    """The work that the rows would be, before it is compared with anything."""
    outcomes = Outcomes()
    gatherer = Gatherer(destination, sources, schema, load_links, outcomes)
    work = PlannedWork(outcomes, gatherer.work)
    gatherer.add = work.add
    gatherer.take([row for row in rows if row.rejected is None])
    gatherer.finish()
    if rule_set(destination).person_traits:
        for row in rows:
            if row.rejected is None and row.source_id in sources:
                message = read_message(row, destination.future_grace_ms)
                person = person_of(message, sources[row.source_id], destination, gatherer.identity)
                work.people[row.position] = person
    return work


async def compare(work: PlannedWork, rows: Sequence[JournalRow], cycle_state: CycleState) -> None:
    """Leave out what HubSpot has newer. Reads HubSpot and writes nothing. Raises LineStopped."""
    cycle_state.outcomes = work.outcomes
    cycle_state.imported = frozenset(row.position for row in rows if row.is_backfill)
    cycle_state.received_at_ms = {row.position: row.received_at_ms for row in rows}
    cycle_state.people = cycle_state.record.people(cycle_state.destination_id, work.merged.contacts.keys())
    cycle_state.companies = cycle_state.record.companies(cycle_state.destination_id, work.merged.companies.keys())
    domains = {
        key: value.value
        for key, desired in work.merged.companies.items()
        if (value := desired.values.get(companies.DOMAIN))
    }
    for desired in work.merged.companies.values():
        desired.drop(companies.DOMAIN)
    await look_up_contacts(cycle_state, work.merged.contacts, frozenset())
    await compare_companies(
        cycle_state, work.merged.companies, await _found_companies(cycle_state, work.merged, domains)
    )
    for position, items in work.outcomes.left_out.items():
        lost = {item.field for item in items if item.reason is Reason.NEWER_IN_HUBSPOT}
        for operation in work.by_position.get(position, ()):
            if lost and isinstance(operation, UpsertContact | UpsertCompany):
                for name in lost & operation.properties.keys():
                    del operation.properties[name]


async def _found_companies(
    cycle_state: CycleState, work: Work, domains: Mapping[str, str]
) -> dict[str, company_search.CompanyMatch]:
    """Find the companies in HubSpot to which late messages write, and that the memory does not know.

    Shape: returns those that their domain identifies, by domain; the state gets those that another key identifies.
    `domains` are the latter's domains, by key.
    """
    unknown = {
        key: desired
        for key, desired in work.companies.items()
        if cycle_state.company_id(key) is None and late_names(cycle_state, desired, desired.values)
    }
    await meet_companies(
        cycle_state, {key: desired for key, desired in unknown.items() if unique_property(key) is not None}, domains
    )
    by_domain = [key for key in unknown if unique_property(key) is None]
    if not by_domain:
        return {}
    caller, portal, paths = cycle_state.caller, cycle_state.portal, cycle_state.paths
    has_key = KEY_PROPERTY in cycle_state.schema.company
    return (await company_search.find_companies(caller, portal, paths, by_domain, has_key=has_key)).found


def shown(
    work: PlannedWork, rows: Sequence[JournalRow], paths: Paths, schema: PortalSchema
) -> tuple[list[DryRun], list[PlannedRequest]]:
    """One dry run per row, and the requests of all of them together."""
    runs = [_run(row, work.outcomes, work.by_position.get(row.position, []), paths, schema) for row in rows]
    runs = [
        msgspec.structs.replace(run, person=work.people.get(row.position, {}))
        for row, run in zip(rows, runs, strict=True)
    ]
    return runs, requests_of(work.merged, paths, schema)


@dataclass
class PlannedWork:
    """The work of some messages, and the operations of each one."""

    outcomes: Outcomes
    merged: Work
    by_position: dict[int, list[Operation]] = field(default_factory=dict)
    people: dict[int, dict[str, Any]] = field(default_factory=dict)
    """What rules see of each message's person."""

    def add(self, operations: Sequence[Operation]) -> None:
        """Merge the operations of one message."""
        self.merged.add(operations)
        for operation in operations:
            self.by_position.setdefault(operation.position, []).append(operation)


def _run(
    row: JournalRow, outcomes: Outcomes, operations: Sequence[Operation], paths: Paths, schema: PortalSchema
) -> DryRun:
    if row.rejected is not None:
        return DryRun(state="rejected", reason=row.rejected)
    fate = outcomes.fates.get(row.position)
    left_out = [
        PlannedLeftOut(field=entry.field, reason=entry.reason, detail=entry.detail) for entry in _of(outcomes, row)
    ]
    if isinstance(fate, Discard | Hold):
        state = State.DISCARDED if isinstance(fate, Discard) else State.HELD
        return DryRun(state=state, reason=fate.reason, detail=fate.detail, left_out=left_out)
    work = Work()
    work.add(operations)
    return DryRun(
        state=State.DELIVERED,
        operations=[_operation(operation) for operation in operations],
        requests=requests_of(work, paths, schema),
        left_out=left_out,
    )


def _of(outcomes: Outcomes, row: JournalRow) -> list[Any]:
    return list(dict.fromkeys(outcomes.left_out.get(row.position, ())))


def _operation(operation: Operation) -> PlannedOperation:
    match operation:
        case UpsertContact():
            kind = f"{operation.mode} contact"
            return PlannedOperation(
                kind=kind, key=operation.email, fields=_fields(operation.properties), note=_condition(operation)
            )
        case UpsertCompany():
            kind = f"{operation.mode} company"
            return PlannedOperation(
                kind=kind, key=operation.domain, fields=_fields(operation.properties), note=_condition(operation)
            )
        case Associate():
            pair = f"{operation.email} with {operation.domain}"
            return PlannedOperation(kind="associate", key=pair, note=_association_note(operation, "companies"))
        case UpsertRecord():
            kind = f"{operation.mode} {operation.object}"
            return PlannedOperation(
                kind=kind, key=operation.key, fields=_fields(operation.properties), note=_condition(operation)
            )
        case AssociateRecords():
            source, target = operation.source, operation.target
            kind = "remove association" if operation.takes_away else "associate"
            note = _association_note(operation, "records")
            if not operation.may_make:
                note = ", ".join(filter(None, [note, "only with a record that HubSpot has"]))
            pair = f"{source.object} {source.key} with {target.object} {target.key}"
            return PlannedOperation(kind=kind, key=pair, note=note)
        case ArchiveOthers():
            note = f"those of {operation.parent.object} {operation.parent.key} that the message does not have"
            return PlannedOperation(kind=f"archive {operation.object}", key=operation.parent.key, note=note)
        case SendEvent():
            whose = operation.email or operation.object_id or "by the visitor's cookie"
            return PlannedOperation(
                kind="send event", key=operation.event, fields=_fields(operation.properties), note=whose
            )
        case SetMembership() | SetSubscription() | SubmitForm():
            return _marketing(operation)


def _marketing(operation: MarketingOperation) -> PlannedOperation:
    match operation:
        case SetMembership():
            kind = "put on list" if operation.is_member else "take off list"
            return PlannedOperation(kind=kind, key=operation.list_key, note=operation.key)
        case SetSubscription():
            basis = f", {operation.legal_basis}" if operation.legal_basis else ""
            note = f"{operation.email}: {operation.status}{basis}"
            return PlannedOperation(kind="set subscription", key=operation.subscription, note=note)
        case SubmitForm():
            named = {
                field.name if field.object == "contact" else f"{field.object}.{field.name}": field.value
                for field in operation.fields
            }
            fields = [PlannedField(name=name, value=value, rule="") for name, value in named.items()]
            return PlannedOperation(kind="submit form", key=operation.form, fields=fields, note=operation.email)


def _association_note(operation: Associate | AssociateRecords, former: str) -> str:
    marks = [f"label {operation.label}"] if operation.label is not None else []
    marks += ["primary"] if operation.is_primary else []
    marks += [f"replaces former {former}"] if operation.replaces else []
    new_record = operation.only_if_made
    marks += [f"only if this message creates the {new_record.object}"] if new_record is not None else []
    return ", ".join(marks)


def _condition(operation: UpsertContact | UpsertCompany | UpsertRecord) -> str:
    clues = ", ".join([f"{name} {value}" for name, value in operation.find])
    return "; ".join(filter(None, [_emptiness(operation), f"else found by {clues}" if clues else ""]))


def _emptiness(operation: UpsertContact | UpsertCompany | UpsertRecord) -> str:
    """What has to be so before an operation writes."""
    names = ", ".join(sorted(operation.only_if_empty))
    return f"only if empty: {names}" if names else ""


def _fields(properties: Mapping[str, PropertyValue]) -> list[PlannedField]:
    return [PlannedField(name=name, value=value.value, rule=value.rule) for name, value in properties.items()]


def requests_of(work: Work, paths: Paths, schema: PortalSchema) -> list[PlannedRequest]:
    """The requests that this work makes, in sending order."""
    calls: list[Call] = []
    domains = [key for key in work.companies if unique_property(key) is None]
    if domains:
        calls.append(company_search.search_call(paths, domains))
    companies_ = [Input(str(index), key, _company_values(work, key), ()) for index, key in enumerate(work.companies)]
    for name, group in _by_property(companies_, KEY_PROPERTY).items():
        calls += [upsert_call(paths, COMPANY, name, part) for part in split(group, OBJECTS_PER_CALL)]
    emails = dict.fromkeys([*work.contacts, *(email for email, _ in work.associations)])
    people = [Input(str(index), email, _wanted_values(work, email), ()) for index, email in enumerate(emails)]
    for name, group in _by_property(people, "email").items():
        calls += [upsert_call(paths, CONTACT, name, part) for part in split(group, OBJECTS_PER_CALL)]
    pairs = [(f"<contact {email}>", f"<company {domain}>") for email, domain in work.associations]
    calls += [associations.associate_call(paths, group) for group in split(pairs, ASSOCIATIONS_PER_CALL)]
    calls += record_calls(work, paths, schema)
    by_trace = {str(index): event for index, event in enumerate(work.events)}
    occurrences = [
        Input(trace, _full_name(event, schema), {name: value.value for name, value in event.properties.items()}, ())
        for trace, event in by_trace.items()
    ]
    calls += [events.send_call(paths, group, by_trace) for group in split(occurrences, EVENTS_PER_CALL)]
    return [_request(call) for call in [*calls, *marketing_calls(work.marketing, paths, schema.hub_id)]]


def _by_property(inputs: Sequence[Input], own: str) -> dict[str, list[Input]]:
    """The inputs by the property of their keys, with the bare values as keys; `own`: of a key that names none."""
    groups: dict[str, list[Input]] = {}
    for input_ in inputs:
        name, value = unique_property(input_.key) or (own, input_.key)
        groups.setdefault(name, []).append(replace(input_, key=value))
    return groups


def _company_values(work: Work, key: str) -> dict[str, str]:
    values = {name: value.value for name, value in work.companies[key].values.items()}
    return values if unique_property(key) is not None else companies.with_key(values, key)


def _wanted_values(work: Work, email: str) -> dict[str, str]:
    desired = work.contacts.get(email)
    return {name: value.value for name, value in desired.values.items()} if desired else {}


def _full_name(event: SendEvent, schema: PortalSchema) -> str:
    """An event's full name; of a definition that would be made, as HubSpot would name it."""
    known = schema.events.get(event.event)
    return known.full_name if known else f"pe{schema.hub_id}_{event.event}"


def _request(call: Call) -> PlannedRequest:
    return PlannedRequest(
        method=call.method, path=call.path, body=msgspec.json.decode(call.body) if call.body is not None else None
    )

"""Batch create, update, upsert, read and archive of CRM records.

A call checks the size and the ids of the batch, then plans every input. Without trace ids it then writes all inputs or
none. With a distinct `objectWriteTraceId` on every input it writes the good ones and answers a 207 that names the
others. Results have another order than inputs. Source: HubSpot's batch guide (trace ids on create) and live reports
(trace ids on upsert); `allows_partial_upsert=False` gives the stricter reading of "partial upserts are not supported".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from hubwire.emulator.calls.crm.lifecycle import archive_record
from hubwire.emulator.calls.crm.linking import NewAssociation, check_lead, check_new_associations
from hubwire.emulator.calls.crm.writing import carry_out, check_primary_company
from hubwire.emulator.moments import iso
from hubwire.emulator.store.config import Reading
from hubwire.emulator.store.objects import rules
from hubwire.emulator.store.objects.records import ObjectStore, Record
from hubwire.emulator.store.objects.writes import Plan, Scalar, WriteContext, plan_write
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import NO_CONTENT, Id, Refusal, Reply, Request, decode, invalid, json_reply

T = TypeVar("T")


class CreateInput(msgspec.Struct, rename="camel"):
    """One record to create."""

    properties: dict[str, Scalar]
    associations: list[NewAssociation] = []
    object_write_trace_id: str | None = None


class KeyedInput(msgspec.Struct, rename="camel"):
    """One record to change or upsert."""

    id: Id
    properties: dict[str, Scalar]
    id_property: str | None = None
    object_write_trace_id: str | None = None


class IdInput(msgspec.Struct):
    """One record to read or archive."""

    id: Id


class CreateBody(msgspec.Struct):
    """Batch create."""

    inputs: list[CreateInput] = []


class KeyedBody(msgspec.Struct):
    """Batch update and upsert."""

    inputs: list[KeyedInput] = []


class ReadBody(msgspec.Struct, rename="camel"):
    """Batch read."""

    inputs: list[IdInput] = []
    properties: list[str] = []
    properties_with_history: list[str] = []
    id_property: str | None = None


class ArchiveBody(msgspec.Struct):
    """Batch archive."""

    inputs: list[IdInput] = []


_create_body = msgspec.json.Decoder(CreateBody)
_keyed_body = msgspec.json.Decoder(KeyedBody)
_read_body = msgspec.json.Decoder(ReadBody)
_archive_body = msgspec.json.Decoder(ArchiveBody)


def upsert(portal: Portal, request: Request) -> Reply:
    """`POST …/batch/upsert`: update existing records, create the others."""
    store = portal.store(request.params["objectType"])
    inputs = decode(_keyed_body, request.body).inputs
    rules.check_batch_size(len(inputs), rules.MAX_OBJECTS)
    rules.check_distinct(_distinct_keys(inputs))
    for name in {item.id_property for item in inputs}:
        if name is None:
            raise invalid("idProperty is required to upsert records")
        _check_id_property(portal, store, name)
    context = portal.write_context(store, request.version)

    def plan(item: KeyedInput) -> Plan:
        name, value = item.id_property or "", str(item.id)
        record = store.by_property(name, value)
        if record is None:
            check_lead(portal, store, ())
        return plan_write(context, item.properties, record, (name, value))

    is_partial = portal.config.allows_partial_upsert and _is_traced(inputs)
    plans, errors = _plan_all(portal, inputs, plan, is_partial=is_partial)
    return _write_all(portal, context, plans, errors, shows_new=True, success=200)


def create(portal: Portal, request: Request) -> Reply:
    """`POST …/batch/create`: create records."""
    store = portal.store(request.params["objectType"])
    inputs = decode(_create_body, request.body).inputs
    rules.check_batch_size(len(inputs), rules.MAX_OBJECTS)
    context = portal.write_context(store, request.version)

    def plan(item: CreateInput) -> Plan:
        check_new_associations(portal, store, item.associations)
        check_lead(portal, store, item.associations)
        planned = plan_write(context, item.properties, None)
        planned.associations = item.associations
        return planned

    plans, errors = _plan_all(portal, inputs, plan, is_partial=_is_traced(inputs))
    success = 200 if request.version == "2025-09" or not inputs else 201
    return _write_all(portal, context, plans, errors, shows_new=False, success=success)


def update(portal: Portal, request: Request) -> Reply:
    """`POST …/batch/update`: change records; an unknown id is one entry of `errors`, and the rest is written."""
    store = portal.store(request.params["objectType"])
    inputs = decode(_keyed_body, request.body).inputs
    rules.check_batch_size(len(inputs), rules.MAX_OBJECTS)
    rules.check_distinct(_distinct_keys(inputs))
    for name in {item.id_property for item in inputs if item.id_property}:
        _check_id_property(portal, store, name)
    context = portal.write_context(store, request.version)
    found: list[tuple[KeyedInput, Record]] = []
    missing: list[KeyedInput] = []
    for item in inputs:
        record = _find(store, str(item.id), item.id_property)
        if record is None:
            missing.append(item)
        else:
            found.append((item, record))

    def plan(pair: tuple[KeyedInput, Record]) -> Plan:
        return plan_write(context, pair[0].properties, pair[1])

    plans, errors = _plan_all(portal, found, plan, is_partial=_is_traced(inputs), trace=lambda pair: pair[0])
    if missing:
        errors.append(_missing_error(store, missing))
    return _write_all(portal, context, plans, errors, shows_new=False, success=200)


def read(portal: Portal, request: Request) -> Reply:
    """`POST …/batch/read`: records by id or by a unique property; `errors` names those that are missing."""
    store = portal.store(request.params["objectType"])
    body = decode(_read_body, request.body)
    with_history = bool(body.properties_with_history)
    limit = rules.MAX_OBJECTS_WITH_HISTORY if with_history else rules.MAX_OBJECTS
    rules.check_batch_size(len(body.inputs), limit, with_history=with_history)
    id_property = None if body.id_property == "hs_object_id" else body.id_property
    if id_property:
        _check_id_property(portal, store, id_property)
    archived = request.query_flag("archived")
    started_at = portal.now_iso()
    results: dict[str, dict[str, Any]] = {}
    missing: list[IdInput] = []
    for item in body.inputs:
        record = _find(store, str(item.id), id_property, archived=archived, follows_merge=True)
        if record is None:
            missing.append(item)
            continue
        shown = store.shown(record, store.view(record, body.properties))
        if with_history:
            shown["propertiesWithHistory"] = store.history_view(record, body.properties_with_history)
        results[record.id] = shown
    errors = [_missing_error(store, missing)] if missing else []
    return batch_reply(portal, list(results.values()), errors, 200, started_at)


def archive(portal: Portal, request: Request) -> Reply:
    """`POST …/batch/archive`: moves records to the recycling bin; ignores unknown ids."""
    store = portal.store(request.params["objectType"])
    inputs = decode(_archive_body, request.body).inputs
    rules.check_batch_size(len(inputs), rules.MAX_OBJECTS)
    for item in inputs:
        record = store.by_id(str(item.id))
        if record is not None:
            archive_record(portal, store, record)
    return Reply(NO_CONTENT)


def batch_reply(
    portal: Portal, results: list[Any], errors: list[dict[str, Any]], success: int, started_at: str
) -> Reply:
    """A batch answer: results in another order than the inputs; 207 if there are errors."""
    random_number = portal.random.random
    results.sort(key=lambda _: random_number())  # a shuffle, at a third of its cost
    if errors and not portal.config.follows(Reading.FULL_BATCH_ERRORS):
        # Recorded bodies have neither an empty list of errors nor links, which HubSpot's OpenAPI requires.
        errors = [{name: value for name, value in error.items() if value or name == "context"} for error in errors]
    body: dict[str, Any] = {"status": "COMPLETE", "results": results}
    if errors:
        body["numErrors"] = len(errors)
        body["errors"] = errors
    body["startedAt"] = started_at
    body["completedAt"] = portal.now_iso()
    return json_reply(207 if errors else success, body)


def _plan_all(
    portal: Portal,
    inputs: Sequence[T],
    plan: Callable[[T], Plan],
    *,
    is_partial: bool,
    trace: Callable[[T], Any] = lambda item: item,
) -> tuple[list[Plan], list[dict[str, Any]]]:
    plans: list[Plan] = []
    errors: list[dict[str, Any]] = []
    refused: list[rules.PropertiesRefused] = []
    for item in inputs:
        trace_id = trace(item).object_write_trace_id
        try:
            planned = plan(item)
            if "associatedcompanyid" in planned.values:
                check_primary_company(portal, planned)
        except Refusal as refusal:
            if not is_partial:
                if refusal.status == 409:
                    raise Refusal(409, refusal.message.partition(".")[0], refusal.category) from refusal
                if not isinstance(refusal, rules.PropertiesRefused):
                    raise
                refused.append(refusal)
                if portal.config.follows(Reading.FIRST_FAULT_ONLY):
                    break
                continue
            errors.append(refusal.as_input_error(trace_id))
            continue
        planned.trace_id = trace_id
        plans.append(planned)
    if refused:
        faults = [fault for refusal in refused for fault in refusal.faults]
        raise rules.PropertiesRefused(faults, is_older=refused[0].is_older)
    return plans, errors


def _write_all(
    portal: Portal,
    context: WriteContext,
    plans: list[Plan],
    errors: list[dict[str, Any]],
    *,
    shows_new: bool,
    success: int,
) -> Reply:
    store = context.store
    results: list[dict[str, Any]] = []
    for planned in plans:
        is_new = planned.record is None
        record = carry_out(portal, context, planned)
        properties = planned.values  # of no further use: the record has its own copy
        properties.update(store.computed(record, properties if is_new else None))
        if is_new:
            properties.update(store.new_values(record, properties))
        shown = store.shown(record, properties)
        if shows_new:
            shown["new"] = is_new
        if planned.trace_id is not None:
            shown["objectWriteTraceId"] = planned.trace_id
        if planned.warnings:
            shown["warnings"] = planned.warnings
        results.append(shown)
    return batch_reply(portal, results, errors, success, iso(context.now_ms))


def _distinct_keys(inputs: list[KeyedInput]) -> list[str]:
    return [str(item.id).strip().lower() if item.id_property == "email" else str(item.id) for item in inputs]


def _is_traced(inputs: Sequence[CreateInput | KeyedInput]) -> bool:
    trace_ids = {item.object_write_trace_id for item in inputs}
    return None not in trace_ids and len(trace_ids) == len(inputs)


def _check_id_property(portal: Portal, store: ObjectStore, name: str) -> None:
    if store.is_id_property(name):
        return
    if name not in store.schema.rules:
        raise rules.PropertiesRefused([rules.unknown_property(name)])
    raise invalid(
        f"Unable to perform update/upsert by non-unique {store.type_id} property {name} "
        f"in portal ID {portal.config.portal_id}"
    )


def _find(
    store: ObjectStore, value: str, id_property: str | None, *, archived: bool = False, follows_merge: bool = False
) -> Record | None:
    if id_property:
        return store.by_property(id_property, value)
    return store.by_id(value, archived=archived, follows_merge=follows_merge)


def _missing_error(store: ObjectStore, missing: Sequence[IdInput | KeyedInput]) -> dict[str, Any]:
    context = {"ids": [str(item.id) for item in missing]}
    trace_ids = [item.object_write_trace_id for item in missing if isinstance(item, KeyedInput)]
    named = [trace_id for trace_id in trace_ids if trace_id is not None]
    if named:
        context["objectWriteTraceId"] = named
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "message": f"Could not get some {store.singular} objects, they may be deleted or not exist. "
        "Check that ids are valid.",
        "context": context,
        "errors": [],
        "links": {},
    }

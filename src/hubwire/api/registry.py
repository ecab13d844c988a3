"""Operations on sources, destinations, their secrets, and the audit log."""

from __future__ import annotations

from typing import Any

import msgspec

from hubwire.api import shapes
from hubwire.api.messages import named
from hubwire.api.operation import ApiRequest
from hubwire.destination import Destination, Mapping, Source, SourceKind, of_same_hub
from hubwire.manage import changes
from hubwire.manage.schema.changes import SchemaItems, create_missing, schema_report
from hubwire.manage.schema.report import SchemaReport
from hubwire.registry.access import Role
from hubwire.registry.protocol import WriteKey


async def sources(request: ApiRequest) -> shapes.Sources:
    known = await request.view.read(request.view.deps.registry.sources)
    return shapes.Sources(sources=[await _source_answer(request, source) for source in known.values()])


async def source(request: ApiRequest) -> shapes.SourceAnswer:
    return await _source_answer(request, await request.view.read(_source, request))


async def add_source(request: ApiRequest) -> shapes.SourceAnswer:
    body: shapes.NewSource = request.body
    kind = SourceKind.SERVER if body.kind is msgspec.UNSET else body.kind
    fresh = Source(source_id=0, name=body.name, kind=kind, identity_space=changes.default_space(kind, body.name))
    deps, actor = request.view.deps, request.view.viewer.name
    stored, key = await request.view.read(changes.add_source, deps, actor, _changed(fresh, body), body.write_key)
    return shapes.SourceAnswer(source=stored, write_keys=[key])


async def change_source(request: ApiRequest) -> shapes.SourceAnswer:
    before = await request.view.read(_source, request)
    changed = _changed(before, request.body)
    stored = await request.view.read(changes.save_source, request.view.deps, request.view.viewer.name, changed)
    return await _source_answer(request, stored)


async def remove_source(request: ApiRequest) -> None:
    known = await request.view.read(_source, request)
    await request.view.read(changes.remove_source, request.view.deps, request.view.viewer.name, known.source_id)


async def add_write_key(request: ApiRequest) -> WriteKey:
    known = await request.view.read(_source, request)
    return await request.view.read(
        changes.add_write_key, request.view.deps, request.view.viewer.name, known.source_id, request.body.write_key
    )


async def revoke_write_key(request: ApiRequest) -> None:
    known = await request.view.read(_source, request)
    deps, actor = request.view.deps, request.view.viewer.name
    await request.view.read(changes.revoke_write_key, deps, actor, known.source_id, request.path["key"])


async def destinations(request: ApiRequest) -> shapes.Destinations:
    known = await request.view.read(request.view.deps.registry.destinations)
    return shapes.Destinations(
        destinations=[await _destination_answer(request, destination) for destination in known.values()]
    )


async def destination(request: ApiRequest) -> shapes.DestinationAnswer:
    return await _destination_answer(request, await request.view.read(find_destination, request))


async def add_destination(request: ApiRequest) -> shapes.DestinationAnswer:
    body: shapes.NewDestination = request.body
    deps, actor = request.view.deps, request.view.viewer.name
    fresh = Destination(
        destination_id=0,
        name=body.name,
        base_url=deps.settings.hubspot_base_url,
        api_version=deps.settings.hubspot_api_version,
    )
    destination = _changed(fresh, body)
    if body.token is not None:
        changes.check_token(body.token)
        destination = await deps.with_token(destination, body.token)
    stored = await request.view.read(changes.add_destination, deps, actor, destination, body.token)
    return await _destination_answer(request, stored)


async def change_destination(request: ApiRequest) -> shapes.DestinationAnswer:
    before = await request.view.read(find_destination, request)
    changed = _changed(before, request.body)
    deps, actor = request.view.deps, request.view.viewer.name
    stored = await request.view.read(changes.save_destination, deps, actor, changed)
    return await _destination_answer(request, stored)


async def remove_destination(request: ApiRequest) -> None:
    known = await request.view.read(find_destination, request)
    await request.view.read(
        changes.remove_destination, request.view.deps, request.view.viewer.name, known.destination_id
    )


async def set_token(request: ApiRequest) -> shapes.DestinationAnswer:
    known = await request.view.read(find_destination, request)
    return await _destination_answer(request, await request.view.store_token(known, request.body.token))


async def pause(request: ApiRequest) -> shapes.DestinationAnswer:
    return await _set_paused(request, True)


async def resume(request: ApiRequest) -> shapes.DestinationAnswer:
    return await _set_paused(request, False)


async def schema(request: ApiRequest) -> SchemaReport:
    view = request.view
    destination = await view.read(find_destination, request)
    return view.masked_schema(await schema_report(view.deps, view.read, destination, request.query.messages))


async def apply_schema(request: ApiRequest) -> SchemaReport:
    view, body = request.view, request.body
    missing = SchemaItems(body.messages, body.group, None if body.items is None else frozenset(body.items))
    destination = await view.read(find_destination, request)
    return await create_missing(view.deps, view.read, view.viewer.name, destination, missing)


async def audit(request: ApiRequest) -> shapes.AuditLog:
    found = await request.view.read(request.view.deps.registry.audit, request.query.limit, request.query.before)
    return shapes.AuditLog(entries=found)


async def _set_paused(request: ApiRequest, is_paused: bool) -> shapes.DestinationAnswer:
    known = await request.view.read(find_destination, request)
    deps, actor = request.view.deps, request.view.viewer.name
    stored = await request.view.read(changes.set_paused, deps, actor, known.destination_id, is_paused)
    return await _destination_answer(request, stored)


def _source(request: ApiRequest) -> Source:
    known = request.view.deps.registry.sources()
    return known[named(known, "source", request.path["source_id"])]


def find_destination(request: ApiRequest) -> Destination:
    """The destination of the path, by number or name. Blocks. Errors: Missing."""
    known = request.view.deps.registry.destinations()
    return known[named(known, "destination", request.path["destination_id"])]


def _changed(before: Any, body: msgspec.Struct) -> Any:
    """The stored value with the fields of a body that were given."""
    given = {
        name: _as_stored(value)
        for name in body.__struct_fields__
        if name in before.__struct_fields__ and (value := getattr(body, name)) is not msgspec.UNSET
    }
    return msgspec.structs.replace(before, **given)


def _as_stored(value: Any) -> Any:
    """The value in its stored form: lists are tuples, and a mapping can have fields that this version does not know."""
    if isinstance(value, shapes.MappingBody):
        return msgspec.convert(msgspec.to_builtins(value), Mapping)
    return tuple(value) if isinstance(value, list) else value


async def _source_answer(request: ApiRequest, source: Source) -> shapes.SourceAnswer:
    keys = await request.view.read(request.view.deps.registry.write_keys, source.source_id)
    if not request.view.may(Role.OPERATE):
        keys = [msgspec.structs.replace(key, text=None) for key in keys]
    return shapes.SourceAnswer(source=source, write_keys=keys)


async def _destination_answer(request: ApiRequest, destination: Destination) -> shapes.DestinationAnswer:
    registry = request.view.deps.registry
    token = await request.view.read(registry.token, destination.destination_id)
    known = await request.view.read(registry.destinations)
    seen = msgspec.structs.replace(destination, rules=request.view.seen_rules(destination.rules))
    same_hub = of_same_hub(known.values(), destination)
    return shapes.DestinationAnswer(destination=seen, has_token=token is not None, same_hub=same_hub)

"""Operations on sources, destinations, their secrets, and the audit log."""

from __future__ import annotations

from typing import Any

import msgspec

from hubwire.api import shapes
from hubwire.api.messages import named
from hubwire.api.operation import Asked
from hubwire.console.pages.set_up.schema import create_missing, report_of
from hubwire.console.pages.watch.alerts import seen_alerts
from hubwire.destination import Destination, Mapping, Source, SourceKind
from hubwire.errors import Missing
from hubwire.manage import changes
from hubwire.manage.schema_report import SchemaReport
from hubwire.monitoring.alert_overview import AlertOverview
from hubwire.registry.access import Role
from hubwire.registry.protocol import WriteKey


async def sources(asked: Asked) -> shapes.Sources:
    known = await asked.view.read(asked.view.deps.registry.sources)
    return shapes.Sources(sources=[await _source_answer(asked, one) for one in known.values()])


async def source(asked: Asked) -> shapes.SourceAnswer:
    return await _source_answer(asked, await asked.view.read(_source, asked))


async def add_source(asked: Asked) -> shapes.SourceAnswer:
    body: shapes.NewSource = asked.body
    kind = SourceKind.SERVER if body.kind is msgspec.UNSET else body.kind
    fresh = Source(source_id=0, name=body.name, kind=kind, identity_space=changes.default_space(kind, body.name))
    deps, actor = asked.view.deps, asked.view.viewer.name
    stored, key = await asked.view.read(changes.add_source, deps, actor, _changed(fresh, body), body.write_key)
    return shapes.SourceAnswer(source=stored, write_keys=[key])


async def change_source(asked: Asked) -> shapes.SourceAnswer:
    before = await asked.view.read(_source, asked)
    changed = _changed(before, asked.body)
    stored = await asked.view.read(changes.save_source, asked.view.deps, asked.view.viewer.name, changed)
    return await _source_answer(asked, stored)


async def remove_source(asked: Asked) -> None:
    known = await asked.view.read(_source, asked)
    await asked.view.read(changes.remove_source, asked.view.deps, asked.view.viewer.name, known.source_id)


async def add_write_key(asked: Asked) -> WriteKey:
    known = await asked.view.read(_source, asked)
    return await asked.view.read(
        changes.add_write_key, asked.view.deps, asked.view.viewer.name, known.source_id, asked.body.write_key
    )


async def revoke_write_key(asked: Asked) -> None:
    known = await asked.view.read(_source, asked)
    hint = asked.path["hint"]
    deps, actor = asked.view.deps, asked.view.viewer.name
    if not await asked.view.read(changes.revoke_write_key, deps, actor, known.source_id, hint):
        raise Missing("hint", "this source has no such write key", value=hint)


async def destinations(asked: Asked) -> shapes.Destinations:
    known = await asked.view.read(asked.view.deps.registry.destinations)
    return shapes.Destinations(destinations=[await _destination_answer(asked, one) for one in known.values()])


async def destination(asked: Asked) -> shapes.DestinationAnswer:
    return await _destination_answer(asked, await asked.view.read(_destination, asked))


async def add_destination(asked: Asked) -> shapes.DestinationAnswer:
    body: shapes.NewDestination = asked.body
    deps, actor = asked.view.deps, asked.view.viewer.name
    fresh = Destination(
        destination_id=0,
        name=body.name,
        base_url=deps.settings.hubspot_base_url,
        api_version=deps.settings.hubspot_api_version,
    )
    stored = await asked.view.read(changes.add_destination, deps, actor, _changed(fresh, body), body.token)
    return await _destination_answer(asked, stored)


async def change_destination(asked: Asked) -> shapes.DestinationAnswer:
    before = await asked.view.read(_destination, asked)
    changed = _changed(before, asked.body)
    deps, actor = asked.view.deps, asked.view.viewer.name
    stored = await asked.view.read(changes.save_destination, deps, actor, changed)
    return await _destination_answer(asked, stored)


async def remove_destination(asked: Asked) -> None:
    known = await asked.view.read(_destination, asked)
    await asked.view.read(changes.remove_destination, asked.view.deps, asked.view.viewer.name, known.destination_id)


async def set_token(asked: Asked) -> shapes.DestinationAnswer:
    known = await asked.view.read(_destination, asked)
    deps, actor = asked.view.deps, asked.view.viewer.name
    await asked.view.read(changes.set_token, deps, actor, known.destination_id, asked.body.token)
    return await _destination_answer(asked, known)


async def pause(asked: Asked) -> shapes.DestinationAnswer:
    return await _set_paused(asked, True)


async def resume(asked: Asked) -> shapes.DestinationAnswer:
    return await _set_paused(asked, False)


async def schema(asked: Asked) -> SchemaReport:
    return await report_of(asked.view, await asked.view.read(_destination, asked), asked.query.messages)


async def apply_schema(asked: Asked) -> SchemaReport:
    known, body = await asked.view.read(_destination, asked), asked.body
    wanted = None if body.items is None else frozenset(body.items)
    return await create_missing(asked.view, known, body.messages, body.group, wanted)


async def audit(asked: Asked) -> shapes.AuditLog:
    found = await asked.view.read(asked.view.deps.registry.audit, asked.query.limit, asked.query.before)
    return shapes.AuditLog(entries=found)


async def alerts(asked: Asked) -> AlertOverview:
    return await seen_alerts(asked.view)


async def _set_paused(asked: Asked, is_paused: bool) -> shapes.DestinationAnswer:
    known = await asked.view.read(_destination, asked)
    deps, actor = asked.view.deps, asked.view.viewer.name
    stored = await asked.view.read(changes.set_paused, deps, actor, known.destination_id, is_paused)
    return await _destination_answer(asked, stored)


def _source(asked: Asked) -> Source:
    known = asked.view.deps.registry.sources()
    return known[named(known, "source", asked.path["source_id"])]


def _destination(asked: Asked) -> Destination:
    known = asked.view.deps.registry.destinations()
    return known[named(known, "destination", asked.path["destination_id"])]


def _changed(before: Any, body: msgspec.Struct) -> Any:
    """The stored value with the given fields of a body, as the stored values have them."""
    given = {
        name: _as_stored(value)
        for name in body.__struct_fields__
        if name in before.__struct_fields__ and (value := getattr(body, name)) is not msgspec.UNSET
    }
    return msgspec.structs.replace(before, **given)


def _as_stored(value: Any) -> Any:
    """Lists are tuples there, and a mapping may be read with fields that this version does not know."""
    if isinstance(value, shapes.MappingBody):
        return msgspec.convert(msgspec.to_builtins(value), Mapping)
    return tuple(value) if isinstance(value, list) else value


async def _source_answer(asked: Asked, one: Source) -> shapes.SourceAnswer:
    keys = await asked.view.read(asked.view.deps.registry.write_keys, one.source_id)
    if not asked.view.may(Role.OPERATE):
        keys = [msgspec.structs.replace(key, text=None) for key in keys]
    return shapes.SourceAnswer(source=one, write_keys=keys)


async def _destination_answer(asked: Asked, one: Destination) -> shapes.DestinationAnswer:
    token = await asked.view.read(asked.view.deps.registry.token, one.destination_id)
    return shapes.DestinationAnswer(destination=one, has_token=token is not None)

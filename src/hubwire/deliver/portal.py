"""What exists in one portal: its schema, read once an hour, and what is made when it is missing.

Every call goes through the cycle's exchange: permits, attempts and verdicts are the same as for deliveries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from hubwire.deliver.batch import OBJECTS_PER_CALL, split
from hubwire.deliver.exchange import Exchange, LineStopped, as_stop
from hubwire.delivery import Delivered, Verdict
from hubwire.hubspot.definitions import (
    NewProperty,
    account_of,
    create_event_definition,
    create_event_property,
    create_properties,
    event_definition_of,
    event_definitions_of,
    property_definitions_of,
)
from hubwire.hubspot.exchange import Call
from hubwire.hubspot.paths import Paths
from hubwire.schema import PortalSchema

FORBIDDEN = 403
CONFLICT = 409
SCHEMA_AGE_MS = 3600 * 1000
PROPERTY_LAG_SECONDS = 1.0
"""A new property can be read after 250 to 700 ms (seen live by third parties)."""
PROPERTY_GROUPS = {"contacts": "contactinformation", "companies": "companyinformation"}
FIELD_TYPES = {"string": "text", "number": "number", "bool": "booleancheckbox", "datetime": "date", "date": "date"}


class Portal:
    """The lane's view of its portal. `exchange` is set for each cycle."""

    def __init__(self, paths: Paths) -> None:
        self.schema: PortalSchema | None = None
        self.exchange: Exchange | None = None
        self.is_stale = False
        """HubSpot said that something the schema has is missing: it is read again before the next cycle."""
        self._paths = paths
        self._read_at_ms = 0

    async def load(self, now_ms: int) -> PortalSchema:
        """The schema, read again when it is older than an hour or known to be stale."""
        if self.schema is not None and not self.is_stale and now_ms - self._read_at_ms < SCHEMA_AGE_MS:
            return self.schema
        account = account_of(await self._read("read account", self._paths.account))
        schema = PortalSchema(
            hub_id=account.hub_id,
            time_zone=account.time_zone,
            contact=property_definitions_of(await self._read("read properties", self._paths.properties("contacts"))),
            company=property_definitions_of(await self._read("read properties", self._paths.properties("companies"))),
            api_version=self._paths.version,
        )
        await self._load_events(schema)
        self.schema, self.is_stale, self._read_at_ms = schema, False, now_ms
        return schema

    async def _load_events(self, schema: PortalSchema) -> None:
        after: str | None = None
        while True:
            call = Call("read event definitions", "GET", self._paths.list_event_definitions(after))
            verdict, answer = await self._calls.ask(call)
            if answer.status == FORBIDDEN:
                schema.events_available = False
                return
            if not isinstance(verdict, Delivered):
                raise LineStopped(as_stop(verdict))
            definitions, after = event_definitions_of(answer.body)
            for definition in definitions:
                schema.add_event(definition)
            if after is None:
                return

    async def _read(self, name: str, path: str) -> bytes:
        return (await self._calls.read(Call(name, "GET", path))).body

    async def ensure_company_key(self, name: str) -> bool:
        """Make the hidden unique property that companies are known by, unless it exists; whether it does now."""
        if name in self._known.company:
            return True
        wanted = NewProperty(
            name=name,
            label="Hubwire domain",
            type="string",
            field_type="text",
            group=PROPERTY_GROUPS["companies"],
            is_unique=True,
            is_hidden=True,
            description="The domain by which Hubwire knows this company.",
        )
        return await self._create("companies", [wanted])

    async def ensure_properties(self, missing: Iterable[tuple[str, str, str]]) -> None:
        """Make the properties that the destination lets us create: (object type, name, HubSpot type)."""
        by_object: dict[str, list[NewProperty]] = {}
        for object_type, name, kind in sorted(missing):
            plural = "contacts" if object_type == "contact" else "companies"
            by_object.setdefault(plural, []).append(
                NewProperty(
                    name=name,
                    label=name.replace("_", " ").capitalize(),
                    type=kind,
                    field_type=FIELD_TYPES.get(kind, "text"),
                    group=PROPERTY_GROUPS[plural],
                )
            )
        for plural, properties in by_object.items():
            for batch in split(properties, OBJECTS_PER_CALL):
                await self._create(plural, batch)

    async def ensure_event(
        self, name: str, label: str, types: Mapping[str, str], positions: Sequence[int]
    ) -> str | Verdict | None:
        """The full name of an event's definition, made or completed when needed.

        Shape: None when this portal has no custom events; a verdict when HubSpot would not make this definition.
        Errors: LineStopped.
        """
        known = self._known.events.get(name)
        if known is None:
            return await self._create_event(name, label, types, positions)
        for property_name in types.keys() - known.properties.keys():
            body = create_event_property(property_name, types[property_name])
            path = self._paths.event_property(known.full_name)
            verdict, answer = await self._calls.ask(Call("create event property", "POST", path, body), positions)
            if isinstance(verdict, Delivered) or answer.status == CONFLICT:
                known.properties[property_name] = types[property_name]
        return known.full_name

    async def _create_event(
        self, name: str, label: str, types: Mapping[str, str], positions: Sequence[int]
    ) -> str | Verdict | None:
        body = create_event_definition(name, label, types)
        call = Call("create event definition", "POST", self._paths.event_definitions, body)
        verdict, answer = await self._calls.ask(call, positions)
        if answer.status == FORBIDDEN:
            self._known.events_available = False
            return None
        if answer.status == CONFLICT:
            await self._load_events(self._known)
            known = self._known.events.get(name)
            return known.full_name if known else verdict
        if not isinstance(verdict, Delivered):
            return verdict
        definition = event_definition_of(answer.body)
        self._known.add_event(definition)
        self._known.events[name] = definition
        return definition.full_name

    async def _create(self, plural: str, properties: Sequence[NewProperty]) -> bool:
        """Make properties; whether they exist now. What HubSpot refuses is left out of the records that have it."""
        path = self._paths.create_properties(plural)
        verdict, answer = await self._calls.ask(Call("create properties", "POST", path, create_properties(properties)))
        if not isinstance(verdict, Delivered) and answer.status != CONFLICT:
            return False
        known = self._known.contact if plural == "contacts" else self._known.company
        for one in properties:
            known.setdefault(one.name, one.definition())
        self._known.version += 1
        await asyncio.sleep(PROPERTY_LAG_SECONDS)
        return True

    @property
    def _calls(self) -> Exchange:
        assert self.exchange is not None, "a portal is used inside a cycle"
        return self.exchange

    @property
    def _known(self) -> PortalSchema:
        assert self.schema is not None, "the schema is loaded before the steps"
        return self.schema

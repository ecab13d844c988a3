"""Actions of console and admin API on the running service: plan, test, send, read and extend a portal's schema."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import msgspec

from hubwire.backfill.rows import rows_of
from hubwire.clock import MonotonicClock
from hubwire.deliver.preview import DryRun, preview
from hubwire.destination import Destination, Source
from hubwire.doctor.checks import Check, ConnectionReport, Health
from hubwire.errors import HubSpotError, SettingsError
from hubwire.hubspot.account import HubSpotAccount
from hubwire.hubspot.client import HubSpotClient
from hubwire.hubspot.definitions import FIELD_TYPES, OWN_GROUP, PROPERTY_GROUPS, NewProperty
from hubwire.installation.clients import ClientFactory
from hubwire.manage.changes import reread_schema
from hubwire.manage.history.preview import KnownSchema
from hubwire.manage.hub import account_of_token, with_account
from hubwire.manage.rules.testing import RuleTest, firings
from hubwire.manage.schema.marketing_contents import read_marketing
from hubwire.manage.schema.plan import SchemaPlan, make_missing
from hubwire.manage.schema.portal_contents import read_contents
from hubwire.manage.schema.report import PortalContents
from hubwire.message import Entry, JournalRow
from hubwire.plan.default_portal import default_portal
from hubwire.plan.presets import object_types_of
from hubwire.receive.app import Appending
from hubwire.receive.entries import UploadOptions, entries_of
from hubwire.receive.parse import encoded, read_upload
from hubwire.receive.paths import Route, Takes
from hubwire.receive.upload_limits import ReceiveLimits
from hubwire.record.protocol import Record
from hubwire.registry.protocol import Registry
from hubwire.secret import Secret

SCHEMA_AGE_MS = 300_000
ANY_TYPE = Route(Takes.SINGLE, None)


class Workbench:
    """The callables of `Services`. They only read HubSpot, except `make_…`."""

    def __init__(
        self,
        registry: Registry,
        record: Record,
        journal: Appending,
        clients: ClientFactory,
        clock: MonotonicClock,
        on_registry_change: Callable[[], None],
    ) -> None:
        self._registry = registry
        self._record = record
        self._journal = journal
        self._clients = clients
        self._clock = clock
        self._on_registry_change = on_registry_change
        self._contents: dict[int, tuple[int, PortalContents]] = {}

    async def plan(self, destination_id: int, source_id: int, message: dict[str, Any]) -> DryRun:
        """Plan one message as a lane would, and send nothing. Raises UploadRefused for a message that the receiver
        would refuse."""
        destination = self._destination(destination_id)
        known = await self._known_schema(destination)
        return self._planned(destination, source_id, self._row(message, source_id), known)

    async def test_rules(self, destination: Destination, source_id: int, message: dict[str, Any]) -> RuleTest:
        """Plan one message with the rules of `destination`, which may differ from the stored ones. Errors: as
        `plan`."""
        row, known = self._row(message, source_id), await self._known_schema(destination)
        run = self._planned(destination, source_id, row, known)
        return RuleTest(message_id=row.message_id, rules=firings(destination, row, known.schema, run.person), plan=run)

    async def _known_schema(self, destination: Destination) -> KnownSchema:
        """The portal's schema with what the destination's rules name, or HubSpot's own properties."""
        try:
            contents = await self.contents(destination.destination_id, object_types_of(destination))
        except (HubSpotError, SettingsError):
            return KnownSchema(default_portal(destination.hub_id or "0"), is_default=True)
        return KnownSchema(contents.schema, is_default=False)

    def _planned(self, destination: Destination, source_id: int, row: JournalRow, known: KnownSchema) -> DryRun:
        sources = {source_id: self._source(source_id)}
        [run], _ = preview([row], destination, sources, known.schema, self._record.links)
        return msgspec.structs.replace(run, schema_is_default=known.is_default)

    def _row(self, message: dict[str, Any], source_id: int) -> JournalRow:
        [row] = rows_of([self._entry(message, self._source(source_id))])
        return row

    async def send(self, source_id: int, message: dict[str, Any]) -> str:
        """Journal one message as if the source had sent it; its message_id."""
        message = {"messageId": f"console-{uuid.uuid4()}", **message}
        entry = self._entry(message, self._source(source_id))
        await self._journal.append([entry])
        return entry.message_id

    async def contents(
        self, destination_id: int, object_types: frozenset[str] = frozenset(), *, with_marketing: bool = False
    ) -> PortalContents:
        """The portal's schema with archived properties and quotas, not older than five minutes; with these object types
        besides those of the stored rules, and on request with its lists, subscription types and forms. Raises
        HubSpotError, SettingsError."""
        now_ms = self._clock.now_ms()
        read_at_ms, known = self._contents.get(destination_id, (0, None))
        others = object_types - {"contact", "company"}
        if known is None or now_ms - read_at_ms > SCHEMA_AGE_MS or not others <= known.schema.objects.keys():
            others |= known.schema.objects.keys() if known is not None else frozenset()
            async with self._client(destination_id) as client:
                known = await read_contents(client, self._destination(destination_id), self._clock, others)
            self._contents[destination_id] = (now_ms, known)
        if with_marketing and known.marketing is None:
            async with self._client(destination_id) as client:
                known.marketing = await read_marketing(HubSpotAccount(client))
        return known

    async def make_property(self, destination_id: int, object_type: str, name: str, label: str, type_: str) -> None:
        """Create a property in the portal. Raises HubSpotError."""
        group = PROPERTY_GROUPS.get(object_type, OWN_GROUP)
        new_property = NewProperty(name=name, label=label, type=type_, field_type=FIELD_TYPES[type_], group=group)
        async with self._client(destination_id) as client:
            account = HubSpotAccount(client)
            if group == OWN_GROUP:
                await account.create_property_group(object_type, group, group.capitalize())
            await account.create_properties(object_type, [new_property])
        await self._has_changed(destination_id)

    async def make_missing(self, destination_id: int, plan: SchemaPlan, group: str) -> None:
        """Create the properties and events of a plan. Raises HubSpotError; created ones stay."""
        try:
            async with self._client(destination_id) as client:
                await make_missing(HubSpotAccount(client), plan, group)
        finally:
            await self._has_changed(destination_id)

    async def _has_changed(self, destination_id: int) -> None:
        self._contents.pop(destination_id, None)
        await asyncio.to_thread(reread_schema, self._registry, self._on_registry_change, destination_id)

    async def test(self, destination_id: int) -> ConnectionReport:
        """Try the destination's token against HubSpot."""
        destination = self._destination(destination_id)
        try:
            async with self._client(destination_id) as client:
                account = await HubSpotAccount(client).account_details()
        except (HubSpotError, SettingsError) as exc:
            failed = Check(name="Access token", health=Health.FAIL, said=str(exc), remedy=exc.hint)
            return ConnectionReport(checks=[failed])
        accepted = Check(name="Access token", health=Health.OK, said=f"accepted by portal {account.hub_id}")
        is_same = destination.hub_id in (None, account.hub_id)
        hub = Check(
            name="Hub ID",
            health=Health.OK if is_same else Health.FAIL,
            said=f"the token belongs to portal {account.hub_id}",
            remedy=""
            if is_same
            else f"The destination says {destination.hub_id}: change it, or use that portal's token.",
        )
        return ConnectionReport(
            checks=[accepted, hub],
            hub_id=account.hub_id,
            time_zone=account.time_zone,
            region=account.data_hosting_location or None,
            api_version=destination.api_version,
            api_supported_until=client.paths.supported_until,
        )

    async def with_token(self, destination: Destination, token: str) -> Destination:
        """The destination with the account details of a token that HubSpot accepted. Stores nothing.

        Errors: SettingsError for a token that HubSpot refuses or of another portal; HubSpotError without an answer.
        """
        base_url = self._clients.base_url(destination)
        return with_account(destination, await account_of_token(destination, Secret(token), base_url, self._clock))

    def _entry(self, message: dict[str, Any], source: Source) -> Entry:
        limits = ReceiveLimits()
        upload = read_upload(encoded(message), ANY_TYPE, limits)
        [entry] = entries_of(upload, ANY_TYPE, source, self._clock.now_ms(), UploadOptions(limits))
        return entry

    def _destination(self, destination_id: int) -> Destination:
        try:
            return self._registry.destinations()[destination_id]
        except KeyError:
            raise SettingsError(f"no destination {destination_id}") from None

    def _source(self, source_id: int) -> Source:
        try:
            return self._registry.sources()[source_id]
        except KeyError:
            raise SettingsError(f"no source {source_id}") from None

    def _client(self, destination_id: int) -> HubSpotClient:
        client = self._clients.make(self._destination(destination_id))
        if client is None:
            raise SettingsError("no access token is set", hint="Set a service key on the Destinations page.")
        return client

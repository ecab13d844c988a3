"""The schema of a portal, read once an hour and after an answer that contradicts it.

Every call goes through the cycle's `Caller`: permits, attempts and verdicts are the same as for deliveries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hubwire.deliver.calls.caller import Caller, LineStopped
from hubwire.deliver.cycle.marketing_portal import MarketingPortal
from hubwire.deliver.cycle.newest import ReadHistories
from hubwire.deliver.cycle.object_schemas import read_object_schemas
from hubwire.deliver.cycle.own_source import OwnSource
from hubwire.deliver.cycle.recent_records import RecentContacts, RecentTimes, RecordKeys
from hubwire.deliver.limits.daily_budget import DecayingRate
from hubwire.deliver.verdicts import without_answer
from hubwire.deliver.verdicts.dependants import as_stop
from hubwire.delivery import Dead, Delivered
from hubwire.errors import Unreadable
from hubwire.hubspot.call import Call
from hubwire.hubspot.definitions import account_of, event_definitions_of, property_definitions_of
from hubwire.hubspot.paths import Paths
from hubwire.hubspot.wire import AssociationLabel
from hubwire.schema import PortalSchema, PropertyDefinition

FORBIDDEN = 403
OWN_PROPERTY = {"contacts": "email", "companies": "domain"}
SCHEMA_AGE_MS = 3600 * 1000
MAX_WAITS = 10
REPLAY_SCHEMA_AGE_MS = 60 * 1000
MAX_UNKNOWN = 1000
OF_EVENTS = "properties."
OF_RULES = "rule:"
OF_RECORDS = ("traits.", "context.traits.")
"""The beginnings of fields that are properties of an event, and of a contact or company."""
UNKNOWN_NAME_AGE_MS = 30 * 1000
MAX_DOUBLINGS = 3
UNAVAILABLE_AGE_MS = 15 * 60 * 1000
"""How long an object type counts as unavailable while messages wait for it. Chosen."""


class SpareReads:
    """A budget of optional reads: one for about thirty calls, a few at once, and none while the portal is busy.

    A quiet portal is therefore read often, and a busy one makes no more calls than it needs.
    """

    BURST = 6.0
    PER_CALL = 0.035
    BUSY_PER_SECOND = 2.0
    """More calls than this, in about the last ten seconds, are busy traffic or a backlog."""

    def __init__(self) -> None:
        self._reads = self.BURST
        self._rate = DecayingRate(10.0, 0)

    def earn(self, calls: int, now_ms: int) -> None:
        """Add the reads that this many calls earn."""
        self._reads = min(self.BURST, self._reads + calls * self.PER_CALL)
        self._rate.add(calls, now_ms)

    def take(self, now_ms: int) -> bool:
        """Use one read, if there is one to spare. Returns whether there was."""
        if self._reads < 1 or self._rate.per_second(now_ms) > self.BUSY_PER_SECOND:
            return False
        self._reads -= 1
        return True


class Portal:
    """The lane's view of its portal. `caller` is set for each cycle.

    Shape: `object_types` are the types other than contact and company that the destination's rules name.
    """

    def __init__(self, paths: Paths, object_types: frozenset[str] = frozenset()) -> None:
        self.object_types = object_types
        self.schema: PortalSchema | None = None
        self.caller: Caller | None = None
        self.is_stale = False
        """HubSpot lacks something that the schema has: the schema is read again before the next cycle."""
        self.sends_events = False
        """HubSpot accepted an event since the schema was read, so the token may send events."""
        self.finds_additional_domains = True
        self.refused: dict[tuple[str, str], Dead] = {}
        """(object type or `event`, name) of what HubSpot refused to create; it is not tried again with this schema."""
        self.labels: dict[tuple[str, str], Mapping[str, AssociationLabel]] = {}
        """The labels of two object types by their text, once a rule has needed one."""
        self.groups: set[str] = set()
        """The paths of object types that have our group of properties."""
        self.only_ours: dict[tuple[str, str], bool] = {}
        """(path, key property) -> whether only Hubwire has written this property, as HubSpot last counted."""
        self.histories = ReadHistories()
        self.marketing = MarketingPortal()
        self.recent_contacts = RecentContacts()
        self.recent_looks = RecentTimes()
        """Looks at records to which nothing was to be written."""
        self.recent_deletions = RecentTimes()
        """Record ids of companies that are gone; the search may still show them."""
        self.record_keys = RecordKeys()
        self.spare_reads = SpareReads()
        self.own_source = OwnSource()
        self.too_many_changed_at_ms = 0
        self.companies_sent_at_ms = 0
        """When a cycle last wrote companies or associated people with them."""
        self.paths = paths
        self._read_at_ms = self._objects_read_at_ms = 0
        self._unknown: frozenset[str] = frozenset()
        """Names that earlier calls of `look_again` did not find."""
        self._fruitless = 0
        self._waits = 0

    @property
    def calls(self) -> Caller:
        """The caller of the current cycle."""
        assert self.caller is not None, "a portal is used inside a cycle"
        return self.caller

    @property
    def known(self) -> PortalSchema:
        """The schema, in a cycle that has loaded it."""
        assert self.schema is not None, "the schema is loaded before the steps"
        return self.schema

    def forget(self) -> None:
        """Free the schema. It and the rules made from it refer to each other, and a portal may have thousands of
        properties; `collect_rarely` would find them late."""
        if self.schema is not None:
            self.schema.rulebooks.clear()
        self.schema = None

    async def load(self, now_ms: int, *, is_replay: bool = False) -> PortalSchema:
        """The schema, read again if it is older than an hour (before a replay: a minute) or known to be stale.

        Shape: before a replay, somebody has often changed something in HubSpot. A portal without custom events is read
        before every cycle of a replay, because a replay is the remedy after an upgrade.
        Errors: LineStopped.
        """
        oldest_ms = REPLAY_SCHEMA_AGE_MS if is_replay else SCHEMA_AGE_MS
        if is_replay and self.schema is not None and not self.schema.events_available:
            oldest_ms = 0
        if self.schema is not None and not self.is_stale and 0 <= now_ms - self._read_at_ms < oldest_ms:
            return self.schema
        try:
            schema = await self._read_schema()
        except Unreadable as exc:
            raise unreadable(exc) from exc
        self.forget()
        self.schema, self.is_stale = schema, False
        self._read_at_ms = self._objects_read_at_ms = now_ms
        self.sends_events, self.refused, self._waits = False, {}, 0
        self.only_ours.clear()
        self.labels.clear()
        return schema

    async def look_again(self, names: frozenset[str], now_ms: int) -> bool:
        """Read the schema again because messages have names that it lacks. Returns whether it has changed.

        Shape: at most once in 30 s, less often for names that an earlier read did not find, and only while the budget
        has calls to spare.
        Errors: LineStopped, Unreadable.
        """
        is_new = not names <= self._unknown
        wait_ms = UNKNOWN_NAME_AGE_MS << (0 if is_new else min(self._fruitless, MAX_DOUBLINGS))
        if not names or 0 <= now_ms - self._read_at_ms < wait_ms:
            return False
        if not self.calls.has_plenty():
            return False
        self._fruitless = 0 if is_new else self._fruitless + 1
        self._unknown = names if len(self._unknown) > MAX_UNKNOWN else self._unknown | names
        self._read_at_ms = now_ms
        known = self.known
        before = dict(known.contact), dict(known.company), dict(known.objects), dict(known.events)
        await self._read_for(names)
        return before != (known.contact, known.company, known.objects, known.events)

    async def _read_for(self, names: frozenset[str]) -> None:
        """Read the parts of the schema that can have these names. Raises LineStopped, Unreadable."""
        of_objects = {name for name in names if name.partition(".")[0] in self.known.objects}
        await self.read_objects({name.partition(".")[0] for name in of_objects})
        names -= of_objects
        if not names:
            return
        if any(name.startswith(OF_RULES) for name in names):
            await self.read_objects(self.object_types & self.known.objects.keys())
        if not all(name.startswith(OF_EVENTS) for name in names):
            await self.read_properties("contacts")
            await self.read_properties("companies")
        if self.known.events_available and not all(name.startswith(OF_RECORDS) for name in names):
            await self.read_events(self.known)

    def may_wait_for_properties(self) -> bool:
        """Whether the lane may wait once more for properties that HubSpot fails to create."""
        self._waits += 1
        return self._waits <= MAX_WAITS

    def path_of(self, object_type: str) -> str:
        """An object type in paths."""
        if object_type == "contact":
            return "contacts"
        return "companies" if object_type == "company" else self.known.objects[object_type].object_type.path

    def definitions(self, path: str) -> dict[str, PropertyDefinition]:
        """The properties of the object type with this path."""
        if path in OWN_PROPERTY:
            return self.known.contact if path == "contacts" else self.known.company
        return next(known.properties for known in self.known.objects.values() if known.object_type.path == path)

    async def read_properties(self, plural: str) -> None:
        """Read the properties of one object type again. Raises LineStopped, Unreadable."""
        if plural not in OWN_PROPERTY:
            await self.read_objects(
                [name for name, known in self.known.objects.items() if known.object_type.path == plural]
            )
            return
        read = await self._read_properties(plural)
        known = self.definitions(plural)
        if read != known:
            known.clear()
            known.update(read)
            self.known.version += 1

    async def read_objects(self, names: Iterable[str]) -> None:
        """Read the schemas of these object types again. Raises LineStopped, Unreadable."""
        known = self.known.objects
        schemas = [known[name] for name in names]
        again = [name for name in self.object_types if any(known.get(name) is schema for schema in schemas)]
        for name, schema in (await read_object_schemas(self.calls, self.paths, again)).items():
            self.known.add_object(name, schema)
            self.known.version += 1

    async def look_for_unavailable(self, names: Iterable[str], now_ms: int) -> bool:
        """Read the schemas of unavailable object types that messages need again, at most once in a quarter of an hour.
        Returns whether one of them is available now. Raises LineStopped, Unreadable."""
        known = self.known.objects
        missing = {name for name in names if name in known and known[name].unavailable is not None}
        if not missing or now_ms - self._objects_read_at_ms < UNAVAILABLE_AGE_MS:
            return False
        self._objects_read_at_ms = now_ms
        await self.read_objects(missing)
        return any(known[name].unavailable is None for name in missing)

    async def read_events(self, schema: PortalSchema) -> None:
        """Read all event definitions; a portal that forbids that has none. Raises LineStopped, Unreadable."""
        after: str | None = None
        while True:
            call = Call("read event definitions", "GET", self.paths.list_event_definitions(after))
            verdict, answer = await self.calls.ask(call)
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

    async def _read_schema(self) -> PortalSchema:
        account = account_of(await self._read("read account", self.paths.account))
        # Before contacts: calls that succeed follow the calls that fail for object types which the portal lacks.
        objects = await read_object_schemas(self.calls, self.paths, self.object_types)
        schema = PortalSchema(
            hub_id=account.hub_id,
            time_zone=account.time_zone,
            contact=await self._read_properties("contacts"),
            company=await self._read_properties("companies"),
            api_version=self.paths.version,
        )
        for name, known in objects.items():
            schema.add_object(name, known)
        await self.read_events(schema)
        return schema

    async def _read_properties(self, plural: str) -> dict[str, PropertyDefinition]:
        """The properties of an object type. With an answer that lacks HubSpot's own properties, every value would be
        left out; such an answer is Unreadable."""
        read = property_definitions_of(await self._read("read properties", self.paths.properties(plural)))
        if OWN_PROPERTY[plural] not in read:
            raise Unreadable(f"HubSpot's answer has no {plural} property {OWN_PROPERTY[plural]!r}")
        return read

    async def _read(self, name: str, path: str) -> bytes:
        return (await self.calls.read(Call(name, "GET", path))).body


def unreadable(exc: Unreadable) -> LineStopped:
    """The stop after an unusable answer: try again in a minute."""
    return LineStopped(without_answer.unreadable_schema(str(exc)))

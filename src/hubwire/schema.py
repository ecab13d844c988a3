"""A portal's schema as the planner needs it: properties by object type, event definitions by name. Values, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field

from hubwire.object_types import ObjectType


@dataclass(frozen=True, slots=True)
class PropertyDefinition:
    """One HubSpot property. `options` is None when values are free or kept outside HubSpot (external options).

    `type`: string, number, bool, date, datetime, enumeration, phone_number. `is_multiple`: a checkbox list (`a;b`).
    """

    name: str
    type: str = "string"
    field_type: str = "text"
    options: frozenset[str] | None = None
    option_labels: dict[str, str] = field(default_factory=dict)
    """Lower-cased label -> value, so that a person's own wording of an option still fits."""
    is_read_only: bool = False
    is_unique: bool = False
    is_custom: bool = False
    """True if people or apps created it, not HubSpot."""
    is_own: bool = False
    """True if Hubwire created it for a trait without a property."""
    label: str = ""
    """The name in HubSpot's pages and exports."""

    @property
    def is_multiple(self) -> bool:
        return self.type == "enumeration" and self.field_type == "checkbox"


@dataclass(frozen=True, slots=True)
class EventDefinition:
    """One custom event definition. Occurrences carry `full_name` (`pe123_x`); `name` has no prefix."""

    full_name: str
    name: str
    label: str
    properties: dict[str, str] = field(default_factory=dict)
    """Property name -> HubSpot type; an enumeration of true and false counts as `bool`."""
    own: set[str] = field(default_factory=set)
    """The properties that Hubwire made."""
    object_id: str = "0-1"
    """The id of the object type whose events these are."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One pipeline of an object type. `stages`: id -> label, in HubSpot's order; `closed`: ids of closed stages."""

    pipeline_id: str
    label: str
    stages: dict[str, str] = field(default_factory=dict)
    closed: frozenset[str] = frozenset()


@dataclass(slots=True)
class ObjectSchema:
    """One object type in a portal, of those that rules name. Mutable: the lane adds the properties that it created.

    Shape: `unavailable` is HubSpot's reason why this portal or token has no such object, in one sentence; it then has
    no properties. `pipelines` are by id.
    """

    object_type: ObjectType
    properties: dict[str, PropertyDefinition] = field(default_factory=dict)
    pipelines: dict[str, Pipeline] = field(default_factory=dict)
    unavailable: str | None = None
    is_absent: bool = False
    """HubSpot has no such object, whatever the token may do."""


@dataclass(slots=True)
class PortalSchema:
    """The portal's properties and events. Mutable: the lane adds what it created. `events_available` False: HubSpot
    answered 403 for custom events (no Enterprise tier or missing scope)."""

    hub_id: str
    contact: dict[str, PropertyDefinition] = field(default_factory=dict)
    company: dict[str, PropertyDefinition] = field(default_factory=dict)
    objects: dict[str, ObjectSchema] = field(default_factory=dict)
    """Other object types that rules name, by the name that the rules use and by type id."""
    events: dict[str, EventDefinition] = field(default_factory=dict)
    """By full name, by name and by lower-cased label."""
    events_available: bool = True
    time_zone: str = "UTC"
    api_version: str = "2026-09"
    version: int = 0
    """A change of a contact or company property adds 1, so that rules made from the older schema are made again."""
    rulebooks: dict[tuple[int, str], object] = field(default_factory=dict, repr=False, compare=False)
    """The planner's cache of rules made from this schema, by mapping; nothing else reads it."""

    def definitions(self, object_type: str) -> dict[str, PropertyDefinition]:
        """The properties of an object type; none of a type that was not read."""
        if object_type in ("contact", "company"):
            return self.contact if object_type == "contact" else self.company
        known = self.objects.get(object_type)
        return known.properties if known is not None else {}

    def add_object(self, name: str, known: ObjectSchema) -> None:
        """Make an object type findable by a name of the rules, its type id and its name in the memory."""
        for alias in {name, known.object_type.type_id or name, known.object_type.stored_as or name}:
            self.objects[alias] = known

    def add_event(self, definition: EventDefinition) -> None:
        """Make a definition findable by its full name, its name and its label."""
        self.events[definition.label.casefold()] = definition
        self.events[definition.name] = definition
        self.events[definition.full_name] = definition

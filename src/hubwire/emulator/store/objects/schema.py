"""Property definitions and groups of one object type: what exists, what is archived, what is visible yet.

Names, pairs of type and fieldType, and limits follow HubSpot's properties guide and OpenAPI; the lag of a new
definition, the texts of 409s and the restore of an archived name were observed live by third parties.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

import msgspec
from msgspec import UNSET, UnsetType

from hubwire.emulator.moments import iso
from hubwire.emulator.standard.catalogue import default_groups, default_properties
from hubwire.emulator.store.objects.values import ValueRule, rule_for


class Option(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=False):
    """One allowed value of an enumeration."""

    label: str
    value: str
    display_order: int = -1
    hidden: bool = False
    description: str | UnsetType = UNSET


class ModificationMetadata(msgspec.Struct, rename="camel", kw_only=True, frozen=True):
    """What the API may change about a property."""

    archivable: bool = True
    read_only_definition: bool = False
    read_only_options: bool | UnsetType = UNSET
    read_only_value: bool = False


class Property(msgspec.Struct, rename="camel", kw_only=True):
    """A property definition with the keys of HubSpot's answer, in its order."""

    updated_at: str | UnsetType = UNSET
    created_at: str | UnsetType = UNSET
    name: str
    label: str
    type: str
    field_type: str
    description: str = ""
    group_name: str
    options: list[Option] = []
    display_order: int = -1
    calculated: bool = False
    calculation_formula: str | UnsetType = UNSET
    external_options: bool = False
    referenced_object_type: str | UnsetType = UNSET
    archived: bool = False
    archived_at: str | UnsetType = UNSET
    has_unique_value: bool = False
    hidden: bool = False
    show_currency_symbol: bool | UnsetType = UNSET
    hubspot_defined: bool = False
    modification_metadata: ModificationMetadata = ModificationMetadata()
    form_field: bool = True
    data_sensitivity: str = "non_sensitive"


class Group(msgspec.Struct, rename="camel", kw_only=True):
    """A property group."""

    name: str
    label: str
    display_order: int = -1
    archived: bool = False


class Schema:
    """The properties and groups of one object type.

    Shape: `live` holds what records may use; `archived` what can be restored; `rules` mirrors `live` for writing,
    `plain_names` are the properties that take any text.
    A definition is usable in writes at once, and readable through the API from `visible_at_ms` on.
    """

    def __init__(self, object_name: str) -> None:
        self.object_name = object_name
        self.live: dict[str, Property] = {}
        self.archived: dict[str, Property] = {}
        self.groups: dict[str, Group] = {}
        self.rules: dict[str, ValueRule] = {}
        self.unique_names: list[str] = []
        self.plain_names: frozenset[str] = frozenset()
        self.visible_at_ms: dict[str, int] = {}
        self._load_defaults()

    def put(self, definition: Property, visible_at_ms: int = 0) -> None:
        """Make a definition live, replacing one of the same name."""
        self.live[definition.name] = definition
        self.archived.pop(definition.name, None)
        self.rules[definition.name] = _rule(definition)
        if visible_at_ms:
            self.visible_at_ms[definition.name] = visible_at_ms
        self._list_names()

    def archive(self, name: str, now_ms: int) -> None:
        """Move a definition to the archive; its values stay on the records, unseen."""
        definition = self.live.pop(name)
        self.rules.pop(name)
        self.archived[name] = msgspec.structs.replace(definition, archived=True, archived_at=iso(now_ms))
        self._list_names()

    def drop(self, name: str) -> None:
        """Take a definition away without a trace."""
        del self.live[name]
        del self.rules[name]
        self._list_names()

    def visible(self, name: str, now_ms: int, *, archived: bool = False) -> Property | None:
        """The definition a reader would see now."""
        definition = (self.archived if archived else self.live).get(name)
        return definition if definition and self._is_visible(name, now_ms) else None

    def list_visible(self, now_ms: int, *, archived: bool = False) -> list[Property]:
        """Every definition a reader would see now."""
        source = self.archived if archived else self.live
        return [definition for name, definition in source.items() if self._is_visible(name, now_ms)]

    def custom_count(self) -> int:
        """How many live properties the account made itself."""
        return sum(not definition.hubspot_defined for definition in self.live.values())

    def unique_count(self) -> int:
        """How many live properties of the account hold unique values."""
        return sum(definition.has_unique_value and not definition.hubspot_defined for definition in self.live.values())

    def _is_visible(self, name: str, now_ms: int) -> bool:
        visible_at_ms = self.visible_at_ms.get(name)
        return visible_at_ms is None or visible_at_ms <= now_ms

    def _list_names(self) -> None:
        self.unique_names = [name for name, definition in self.live.items() if definition.has_unique_value]
        self.plain_names = frozenset(name for name, rule in self.rules.items() if rule.is_plain)

    def _load_defaults(self) -> None:
        for order, (name, label) in enumerate(default_groups(self.object_name).items()):
            self.groups[name] = Group(name=name, label=label, display_order=order)
        live, rules = _defaults(self.object_name)
        self.live, self.rules = dict(live), dict(rules)
        self._list_names()


@cache
def _defaults(object_name: str) -> tuple[dict[str, Property], dict[str, ValueRule]]:
    live: dict[str, Property] = {}
    rules: dict[str, ValueRule] = {}
    for values in default_properties(object_name):
        metadata = ModificationMetadata(
            archivable=False, read_only_definition=True, read_only_value=values.pop("is_read_only")
        )
        options = options_of(values.pop("options"))
        definition = Property(**values, options=options, hubspot_defined=True, modification_metadata=metadata)
        live[definition.name], rules[definition.name] = definition, _rule(definition)
    return live, rules


def _rule(definition: Property) -> ValueRule:
    return rule_for(
        name=definition.name,
        value_type=definition.type,
        field_type=definition.field_type,
        option_labels={option.value: option.label for option in definition.options},
        has_open_options=definition.external_options,
        is_read_only=definition.modification_metadata.read_only_value,
    )


def options_of(pairs: Iterable[tuple[str, str]]) -> list[Option]:
    """Options in order from (value, label) pairs."""
    return [Option(value=value, label=label, display_order=order) for order, (value, label) in enumerate(pairs)]


NAME_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,99}\Z")

FIELD_TYPES: dict[str, frozenset[str]] = {
    "bool": frozenset({"booleancheckbox", "calculation_equation"}),
    "enumeration": frozenset({"booleancheckbox", "checkbox", "radio", "select", "calculation_equation"}),
    "date": frozenset({"date"}),
    "datetime": frozenset({"date"}),
    "number": frozenset({"number", "calculation_equation"}),
    "string": frozenset({"text", "textarea", "file", "html", "phonenumber", "calculation_equation"}),
    "phone_number": frozenset({"phonenumber"}),
}

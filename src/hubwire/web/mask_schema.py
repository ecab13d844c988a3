"""A schema report for the role `view`: labels and options come from messages and can hold people's data."""

from __future__ import annotations

import msgspec

from hubwire.manage.schema.plan import MissingEvent, MissingProperty
from hubwire.manage.schema.report import SchemaEntry, SchemaReport
from hubwire.schema import EventDefinition
from hubwire.web.mask import mask_person, mask_text

replace = msgspec.structs.replace


def masked_report(report: SchemaReport) -> SchemaReport:
    """A report without e-mail addresses and phone numbers."""
    return replace(
        report,
        properties=[_property(item) for item in report.properties],
        events=[_event(item) for item in report.events],
        entries=[_entry(item) for item in report.entries],
    )


def masked_event_name(name: str, label: str) -> str:
    """The internal name of an event; hidden if its label holds a person's data, because it is made of the label."""
    return mask_text(name) if mask_person(label) != label else mask_person(name)


def masked_definition(definition: EventDefinition) -> tuple[str, str, list[str]]:
    """Full name, label and properties of an event definition."""
    names = sorted(mask_person(name) for name in definition.properties)
    return masked_event_name(definition.full_name, definition.label), mask_person(definition.label), names


def _property(item: MissingProperty) -> MissingProperty:
    return replace(item, name=mask_person(item.name))


def _event(item: MissingEvent) -> MissingEvent:
    return replace(
        item,
        name=masked_event_name(item.name, item.label),
        label=mask_person(item.label),
        properties={mask_person(name): kind for name, kind in item.properties.items()},
    )


def _entry(entry: SchemaEntry) -> SchemaEntry:
    return replace(
        entry,
        name=masked_event_name(entry.name, entry.label),
        label=mask_person(entry.label),
        detail=mask_person(entry.detail),
        lacks={mask_person(name): kind for name, kind in entry.lacks.items()},
    )

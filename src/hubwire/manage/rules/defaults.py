"""The default behaviour of a destination, listed as rules: what each call type becomes, and what the mapping changes.

Pure. People see these rows beside their own rules; the switches of the mapping turn them on and off.
"""

from __future__ import annotations

import msgspec

from hubwire.destination import DEFAULTS, CompanyDomain, Destination, Mapping


class DefaultRule(msgspec.Struct, kw_only=True, frozen=True):
    """One part of the default behaviour. Those of `DEFAULTS` have their name there. `notes` are sentences: what the
    mapping of this destination changes."""

    name: str
    trigger: str
    writes: str
    is_enabled: bool = True
    notes: list[str] = []


def default_rules(destination: Destination) -> list[DefaultRule]:
    """The default behaviour of this destination."""
    mapping = destination.mapping
    is_on = {name: destination.defaults is None or name in destination.defaults for name in DEFAULTS}
    consent = [f"Only with consent for {', '.join(mapping.consent_categories)}."] if mapping.consent_categories else []
    return [
        DefaultRule(
            name="contacts",
            is_enabled=is_on["contacts"],
            trigger='type = "identify"',
            writes="contact: each trait to the property with its name",
            notes=[*consent, *_renamed(mapping.contact, "trait"), _creates(mapping)],
        ),
        DefaultRule(
            name="context-traits",
            is_enabled=is_on["context-traits"],
            trigger="context.traits != null",
            writes="contact: each trait, as in an identify call",
        ),
        DefaultRule(
            name="companies",
            is_enabled=is_on["companies"],
            trigger='type = "group"',
            writes="company: each trait to the property with its name",
            notes=[*_company_notes(mapping), *_renamed(mapping.company, "trait")],
        ),
        DefaultRule(
            name="associations",
            is_enabled=is_on["associations"],
            trigger='type = "group"',
            writes="association of the person with the company",
        ),
        DefaultRule(
            name="events",
            is_enabled=is_on["events"],
            trigger='type = "track"',
            writes="event of the same name, with all properties",
            notes=_event_notes(mapping),
        ),
        DefaultRule(
            name="pages",
            trigger='type = "page"',
            writes="event Page Viewed",
            is_enabled=mapping.pages_as_events,
            notes=[] if mapping.pages_as_events else ["Page calls are for the browser only."],
        ),
        DefaultRule(
            name="screens",
            trigger='type = "screen"',
            writes="event Screen Viewed",
            is_enabled=mapping.screens_as_events,
            notes=[] if mapping.screens_as_events else ["HubSpot has no screens."],
        ),
        DefaultRule(name="alias", trigger='type = "alias"', writes="nothing: the two ids become one person"),
    ]


def _creates(mapping: Mapping) -> str:
    if mapping.create_properties:
        return "Creates a property for a trait that has none."
    return "Leaves out traits that have no property, and reports them."


def _renamed(names: dict[str, str | None], kind: str) -> list[str]:
    changed = [f"{key} to {name}" for key, name in names.items() if name is not None]
    ignored = [key for key, name in names.items() if name is None]
    notes = []
    if changed:
        notes.append(f"Other names: {_listed(changed)}.")
    if ignored:
        notes.append(f"{kind.capitalize()}s left out: {_listed(ignored)}.")
    return notes


def _company_notes(mapping: Mapping) -> list[str]:
    notes = []
    if mapping.companies_need_contact:
        notes.append("Waits until the person is known.")
    if not mapping.group_from_browser:
        notes.append("Not from browsers.")
    if mapping.company_domain is CompanyDomain.REGISTRABLE:
        notes.append("One company for all subdomains.")
    return notes


def _event_notes(mapping: Mapping) -> list[str]:
    notes = []
    if mapping.only_events:
        notes.append(f"Only: {_listed(list(mapping.only_events))}.")
    renamed = [f"{key} to {name}" for key, name in mapping.events.items() if name is not None]
    if renamed:
        notes.append(f"Other names: {_listed(renamed)}.")
    discarded = [key for key, name in mapping.events.items() if name is None]
    if discarded:
        notes.append(f"Discarded: {_listed(discarded)}.")
    does = "Creates" if mapping.create_event_definitions else "Discards"
    notes.append(f"{does} events that HubSpot does not know.")
    return notes


def _listed(names: list[str], shown: int = 5) -> str:
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")

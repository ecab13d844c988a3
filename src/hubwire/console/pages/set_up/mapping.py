"""Mapping: the property of each trait, the events to send, and what Hubwire may create in the portal."""

from __future__ import annotations

from shlex import quote
from typing import Any

import msgspec
from starlette.responses import Response

from hubwire.console.pages.set_up.connection import find_destination
from hubwire.console.parts.lanes import names
from hubwire.destination import CompanyDomain, Destination, Mapping
from hubwire.errors import BadValue, HubSpotError, HubwireError, SettingsError
from hubwire.manage import changes
from hubwire.manage.rules.hints import rule_hints
from hubwire.manage.schema.portal_contents import newest_rows
from hubwire.plan.conversion.trait_rules import is_read_only
from hubwire.registry.access import Role
from hubwire.schema import PropertyDefinition
from hubwire.web.parameters import (
    Fields,
    choice,
    lines_of,
    text,
)
from hubwire.web.request import Problem, View, problem_of

DOMAIN_WORDS = {
    CompanyDomain.SITE: "website (ignores www., app. and similar; other subdomains are separate companies)",
    CompanyDomain.REGISTRABLE: "registrable domain (all subdomains are one company)",
}
LOOKED_AT = 1_000
"""The latest messages whose traits and events the form suggests."""
RULE_TABLES = ("contact", "company", "events")
SWITCHES = (
    (
        "create_properties",
        "Create missing properties",
        "Creates a HubSpot property for a trait that has none, with a matching type.",
    ),
    (
        "create_event_definitions",
        "Create missing events",
        "Creates an event definition for a track event that HubSpot does not know.",
    ),
    (
        "pages_as_events",
        "Page calls as events",
        "Sends custom events, because HubSpot's API has no page views.",
    ),
    (
        "screens_as_events",
        "Screen calls as events",
        "Sends custom events, because HubSpot has no screens.",
    ),
    (
        "group_from_browser",
        "Group calls from browsers",
        "Delivers group calls from browsers, which the classic destination ignores.",
    ),
    ("companies_need_contact", "Companies need a contact", "Writes a company only once its person is known."),
    (
        "pending_is_device",
        "Leave early track calls to the browser",
        "A track call sent while the page's HubSpot plugin is still loading is delivered by the browser only.",
    ),
    (
        "events_by_cookie",
        "Events of unknown visitors by cookie",
        "Sends an event with its hubspotutk cookie if nobody identifies the person in time.",
    ),
)


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule: `name` None leaves the trait out, or discards the event."""

    table: str
    trait: str
    name: str | None


class Switch(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    words: str
    note: str
    is_on: bool


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """What the fields of the form suggest: traits and events of the latest messages, properties of the portal."""

    seen: list[str] = []
    properties: list[PropertyDefinition] = []


class MappingPage(msgspec.Struct, frozen=True, kw_only=True):
    destination: Destination | None
    destinations: dict[int, str]
    rules: list[Rule]
    switches: list[Switch]
    only_events: str
    consent_categories: str
    company_domain: str
    company_domains: list[tuple[str, str]]
    tables: list[str]
    trait: str
    name: str
    """`trait` and `name`: the initial values of the form for a new rule."""
    may_operate: bool
    choices: Choices = Choices()


async def mapping(view: View) -> Response:
    """`/mapping` (the first destination) and `/mapping/{destination_id}`."""
    return await _show(view)


async def add_rule(view: View) -> Response:
    """POST `/mapping/{destination_id}/rules`: add or replace one rule."""
    form = await view.form()

    def change(before: Mapping) -> Mapping:
        table, trait = choice(form, "table", RULE_TABLES) or "contact", text(form, "trait")
        if trait is None:
            raise BadValue("trait", "trait is missing: enter the trait or event as the sender writes it")
        name = None if form.get("leave_out") == "1" else text(form, "name")
        if name is None and form.get("leave_out") != "1":
            raise BadValue("name", "name is missing: enter the HubSpot property, or leave the trait out")
        return msgspec.structs.replace(before, **{table: {**getattr(before, table), trait: name}})

    return await _change(view, change)


async def remove_rule(view: View) -> Response:
    """POST `/mapping/{destination_id}/rules/remove`."""
    form = await view.form()

    def change(before: Mapping) -> Mapping:
        table, trait = choice(form, "table", RULE_TABLES) or "contact", form.get("trait", "")
        rules = {key: value for key, value in getattr(before, table).items() if key != trait}
        return msgspec.structs.replace(before, **{table: rules})

    return await _change(view, change)


async def save_switches(view: View) -> Response:
    """POST `/mapping/{destination_id}`: the switches and lists."""
    form = await view.form()
    return await _change(view, lambda before: _switched(form, before))


def _switched(form: Fields, before: Mapping) -> Mapping:
    domain = CompanyDomain(choice(form, "company_domain", list(CompanyDomain)) or before.company_domain)
    switches: dict[str, Any] = {name: form.get(name) == "1" for name, _, _ in SWITCHES}
    return msgspec.structs.replace(
        before,
        **switches,
        company_domain=domain,
        only_events=tuple(lines_of(form.get("only_events", ""))),
        consent_categories=tuple(lines_of(form.get("consent_categories", ""))),
    )


async def _change(view: View, change: Any) -> Response:
    destination = await view.read(find_destination, view)
    try:
        changed = msgspec.structs.replace(destination, mapping=change(destination.mapping))
        await view.read(changes.save_destination, view.deps, view.viewer.name, changed)
    except HubwireError as exc:
        return await _show(view, problem_of(exc))
    return view.redirect(f"/mapping/{destination.destination_id}", "saved")


async def _show(view: View, problem: Problem | None = None) -> Response:
    page = await view.read(_read, view)
    if page.destination is not None and page.may_operate:
        page = msgspec.structs.replace(page, choices=await _choices(view, page.destination))
    status = 200 if problem is None else 422
    cli = "hubwire destination list"
    if page.destination is not None:
        cli = f"hubwire destination show {quote(page.destination.name)}"
    return view.render("set_up/mapping.html", page, title="Mapping", cli=cli, problem=problem, status=status)


async def _choices(view: View, destination: Destination) -> Choices:
    """The suggestions; without the portal's properties while HubSpot cannot be read."""
    rows = await view.read(newest_rows, view.deps.journal, destination, LOOKED_AT)
    hints = rule_hints(reversed(rows), lambda fields: True)
    traits = [field.path.removeprefix("traits.") for field in hints.fields if field.path.startswith("traits.")]
    try:
        schema = (await view.deps.contents(destination.destination_id)).schema
    except (HubSpotError, SettingsError):
        return Choices(seen=[*traits, *hints.events])
    properties = [known for known in (*schema.contact.values(), *schema.company.values()) if not is_read_only(known)]
    return Choices(seen=[*traits, *hints.events], properties=sorted(properties, key=lambda known: known.name))


def _read(view: View) -> MappingPage:
    destinations = view.deps.registry.destinations()
    destination_id = view.request.path_params.get("destination_id")
    destination = find_destination(view) if destination_id else next(iter(destinations.values()), None)
    rules = Mapping() if destination is None else destination.mapping
    return MappingPage(
        destination=destination,
        destinations=names(destinations),
        rules=[
            Rule(table=table, trait=trait, name=name)
            for table in RULE_TABLES
            for trait, name in sorted(getattr(rules, table).items())
        ],
        switches=[
            Switch(name=name, words=words, note=note, is_on=getattr(rules, name)) for name, words, note in SWITCHES
        ],
        only_events="\n".join(rules.only_events),
        consent_categories="\n".join(rules.consent_categories),
        company_domain=rules.company_domain,
        company_domains=[(domain_kind.value, DOMAIN_WORDS[domain_kind]) for domain_kind in CompanyDomain],
        tables=list(RULE_TABLES),
        trait=text(view.fields, "trait") or "",
        name=text(view.fields, "name") or "",
        may_operate=view.may(Role.OPERATE),
    )

"""Mapping: which trait goes to which property, which events are sent, and what may be made in the portal."""

from __future__ import annotations

from shlex import quote
from typing import Any

import msgspec
from starlette.responses import Response

from hubwire.console.pages.set_up.connection import find_destination
from hubwire.console.parts.lanes import names
from hubwire.destination import CompanyDomain, Destination, Mapping
from hubwire.errors import BadValue, HubwireError
from hubwire.manage import changes
from hubwire.registry.access import Role
from hubwire.web.parameters import (
    Fields,
    choice,
    lines_of,
    text,
)
from hubwire.web.request import Problem, View, problem_of

DOMAIN_WORDS = {
    CompanyDomain.SITE: "its site: www., app. and the like do not count, other subdomains are companies of their own",
    CompanyDomain.REGISTRABLE: "its registrable domain: all subdomains are one company",
}
RULE_TABLES = ("contact", "company", "events")
SWITCHES = (
    ("create_properties", "Create missing properties", "A trait without a property in HubSpot gets one, by its type."),
    ("create_event_definitions", "Create missing events", "A track event that HubSpot does not know is defined there."),
    ("pages_as_events", "Page calls as events", "HubSpot's API has no page views; this sends custom events instead."),
    ("screens_as_events", "Screen calls as events", "HubSpot has no screens; this sends custom events instead."),
    (
        "group_from_browser",
        "Group calls from browsers",
        "The classic destination ignores them; this lets them through.",
    ),
    ("companies_need_contact", "Companies need a contact", "A company is written once its person is known."),
    ("pending_is_device", "Pending plugin counts as device", "A track while the page's plugin loaded is left to it."),
)


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule: `name` None leaves the trait out, or filters the event."""

    table: str
    trait: str
    name: str | None


class Switch(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    words: str
    note: str
    is_on: bool


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
    """What the form for a new rule is filled with."""
    may_operate: bool


async def mapping(view: View) -> Response:
    """`/mapping` (the first destination) and `/mapping/{destination_id}`."""
    return await _show(view)


async def add_rule(view: View) -> Response:
    """POST `/mapping/{destination_id}/rules`: add or replace one rule."""
    form = await view.form()

    def change(before: Mapping) -> Mapping:
        table, trait = choice(form, "table", RULE_TABLES) or "contact", text(form, "trait")
        if trait is None:
            raise BadValue("trait", "name the trait, or the event, as the sender writes it")
        name = None if form.get("leave_out") == "1" else text(form, "name")
        if name is None and form.get("leave_out") != "1":
            raise BadValue("name", "name the HubSpot property, or leave the trait out")
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
    status = 200 if problem is None else 422
    cli = "hubwire destination list"
    if page.destination is not None:
        cli = f"hubwire destination show {quote(page.destination.name)}"
    return view.render("mapping.html", page, title="Mapping", cli=cli, problem=problem, status=status)


def _read(view: View) -> MappingPage:
    destinations = view.deps.registry.destinations()
    wanted = view.request.path_params.get("destination_id")
    destination = find_destination(view) if wanted else next(iter(destinations.values()), None)
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
        company_domains=[(one.value, DOMAIN_WORDS[one]) for one in CompanyDomain],
        tables=list(RULE_TABLES),
        trait=text(view.fields, "trait") or "",
        name=text(view.fields, "name") or "",
        may_operate=view.may(Role.OPERATE),
    )

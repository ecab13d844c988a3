"""What a portal lacks for rules about lists, subscriptions and forms. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from difflib import get_close_matches

from hubwire.errors import BadValue
from hubwire.hubspot.lists import FoundList
from hubwire.manage.schema.marketing_contents import MarketingContents
from hubwire.object_types import standard_type
from hubwire.operation import ALL_SUBSCRIPTIONS
from hubwire.plan.rules.resolving import is_filled_in
from hubwire.rule import Rule

MAX_SHOWN = 12


def rule_fault(rule: Rule, field: str, name: str, message: str, hint: str = "") -> BadValue:
    """The error about a field of a rule, or about the property `name` of it."""
    fault = BadValue(f"{field}.{name}" if name else field, f"rule {rule.name!r}: {message}", value=name or None)
    fault.hint = hint
    return fault


def marketing_faults(rule: Rule, portal: MarketingContents) -> Iterator[BadValue]:
    """What the portal lacks for a rule, as errors that name their place; nothing of what could not be read."""
    if rule.list is not None and not is_filled_in(rule.list) and portal.lists is not None:
        yield from _list_faults(rule, str(rule.list).strip(), portal.lists, portal.has_all_lists)
    if rule.subscription is not None and not is_filled_in(rule.subscription) and portal.subscriptions is not None:
        yield from _subscription_faults(rule, str(rule.subscription).strip(), portal.subscriptions)
    if rule.form is not None and portal.forms is not None:
        yield from _form_faults(rule, portal)


def _list_faults(rule: Rule, name: str, lists: list[FoundList], are_all: bool) -> Iterator[BadValue]:
    known = standard_type(rule.on)
    found = next((found for found in lists if name in (found.list_id, found.name)), None)
    if found is None:
        if are_all and (name.isdecimal() or not rule.create_list):
            hint = "Choose another one" if name.isdecimal() else "Choose another one, or let Hubwire create the list"
            hint += f" (create_list = true).{_meant(name, [other.name for other in lists])}"
            yield rule_fault(rule, "list", "", f"list: HubSpot has no list {name!r}", hint)
    elif not found.takes_members:
        message = f"list: HubSpot's filters decide who is on the list {found.name!r}"
        yield rule_fault(rule, "list", "", message, "Choose a static list.")
    elif known is not None and found.type_id != known.type_id:
        message = f"list: {found.name!r} is a list of other records, not of {known.plural}"
        yield rule_fault(rule, "list", "", message, "Choose another list, or set `on` to its object type.")


def _subscription_faults(rule: Rule, name: str, names: dict[str, str]) -> Iterator[BadValue]:
    if name == ALL_SUBSCRIPTIONS or name in names or name.casefold() in {known.casefold() for known in names.values()}:
        return
    message = f"subscription: HubSpot has no subscription type {name!r}"
    yield rule_fault(rule, "subscription", "", message, f"It has {', '.join(sorted(names.values())[:MAX_SHOWN])}.")


def _form_faults(rule: Rule, portal: MarketingContents) -> Iterator[BadValue]:
    form = next((form for form in portal.forms or () if form.form_id.lower() == str(rule.form).lower()), None)
    if form is None:
        if portal.has_all_forms:
            yield rule_fault(rule, "form", "", f"form: HubSpot has no form {rule.form}", "Choose one of the portal.")
        return
    for name in rule.fields:
        if name != "email" and name not in form.fields:
            message = f"fields: {name!r} is no field of the form {form.name!r}"
            shown = ", ".join(list(form.fields)[:MAX_SHOWN])
            yield rule_fault(rule, "properties", name, message, f"Its fields: {shown}.{_meant(name, form.fields)}")


def _meant(name: str, known: Collection[str]) -> str:
    close = get_close_matches(name, known, 1, 0.75)
    return f" Did you mean {close[0]}?" if close else ""

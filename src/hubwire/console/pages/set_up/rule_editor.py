"""The editor of one rule: pick lists of what messages have and of what HubSpot has, a sample message, and its result.

The same form saves, and tests without saving; a browser with scripts tests after each change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from shlex import quote
from typing import Any
from zlib import crc32

import msgspec
from starlette.responses import Response

from hubwire.console.pages.set_up.connection import find_destination
from hubwire.console.pages.set_up.dry_run import message_of
from hubwire.console.parts.lanes import names
from hubwire.console.parts.marketing_form import ACTIONS as MARKETING_ACTIONS
from hubwire.console.parts.marketing_form import BASIS_WORDS, MEMBERS, STATUS_WORDS
from hubwire.console.parts.rule_form import (
    ACTIONS,
    CALLS,
    KEYS,
    KINDS,
    MODES,
    RuleForm,
    entered,
    fault_of,
    form_of,
    place_of,
    reading_of,
    rule_of,
    transforms_of,
    trigger_of,
    with_spare_rows,
)
from hubwire.deliver.preview import MARKETING_KINDS, PlannedOperation
from hubwire.destination import Destination
from hubwire.errors import HubSpotError, HubwireError, SettingsError
from hubwire.manage.rules.changes import (
    check_in_portal,
    find_rule,
    save_rules,
    with_rule,
)
from hubwire.manage.rules.hints import RuleHints, rule_hints
from hubwire.manage.rules.testing import RuleFiring
from hubwire.manage.schema.portal_contents import newest_rows
from hubwire.manage.schema.report import PortalContents
from hubwire.object_types import STANDARD, is_type_name, type_name
from hubwire.operation import ALL_SUBSCRIPTIONS
from hubwire.plan.conversion.trait_rules import is_read_only
from hubwire.plan.rules.triggers import Reading, TriggerRefused, compile_trigger
from hubwire.plan.rules.triggers.readings import difference
from hubwire.rule import Rule
from hubwire.schema import EventDefinition, PortalSchema, PropertyDefinition
from hubwire.web.parameters import choice, number, text
from hubwire.web.ports import DryRun
from hubwire.web.request import Problem, View, problem_of

LOOKED_AT = 1_000


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a pick list: what is entered, and what a person reads beside it."""

    value: str
    label: str


class RuleOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The result for the sample. `written`: property -> value in HubSpot's format, of this rule."""

    firing: RuleFiring
    records: list[str]
    """What the rule writes to, in words."""
    written: dict[str, str]
    left_out: dict[str, str]
    run: DryRun


class EditorPage(msgspec.Struct, frozen=True, kw_only=True):
    destination_id: int
    replaces: str
    """The name of the rule to replace; "" for a new one."""
    form: RuleForm
    hints: RuleHints
    properties: list[Choice]
    """Of the object that the rule writes."""
    object_types: list[str]
    """HubSpot's own object types other than contact and company."""
    portal_events: list[Choice]
    portal_lists: list[Choice]
    subscription_types: list[Choice]
    portal_forms: list[Choice]
    unreadable: str
    """Why the portal cannot be read; "" if it can."""
    sources: dict[int, str]
    source_id: int | None
    sample_id: str
    sample: str
    filled: str
    """The sample's id and checksum, when the page was filled with it."""
    is_begun: bool
    """Whether the form says what the rule does."""
    outcome: RuleOutcome | None
    fault: str
    """Why there is no result for the sample."""
    fault_place: str
    segment_note: str
    """How Segment reads the trigger of an imported rule, if that differs from its documentation."""
    calls: dict[str, str]
    actions: dict[str, str]
    kinds: dict[str, str]
    modes: dict[str, str]
    transforms: list[str]
    """The paths of the values that the rule computes first."""
    members: dict[str, str]
    statuses: dict[str, str]
    legal_bases: dict[str, str]

    def is_wrong(self, place: str) -> bool:
        """Whether the fault is about this field."""
        return self.fault_place == place


class Sampling(msgspec.Struct, kw_only=True):
    """The sample message of a form: the text, the id that it was filled from, and its source."""

    sample_id: str = ""
    sample: str = ""
    source_id: int | None = None


async def editor(view: View) -> Response:
    """`/rules/{destination_id}/edit`: a new rule, or with `?rule=NAME` a stored one."""
    destination = await view.read(find_destination, view)
    name = text(view.fields, "rule")
    form = with_spare_rows(RuleForm(call=choice(view.fields, "call", CALLS) or "track"))
    if name is not None:
        form = form_of(find_rule(destination.rules, name))
    return await _show(view, destination, name or "", form, Sampling())


async def save(view: View) -> Response:
    """POST `/rules/{destination_id}/edit`: saves the rule, or with `do=test` only shows the result for the sample."""
    fields = await view.form_values()
    values = {name: given[-1] for name, given in fields.items()}
    destination = await view.read(find_destination, view)
    replaces = text(values, "replaces") or ""
    sampling = _sampling(values)
    form = entered(fields)
    if values.get("do") == "save":
        try:
            await _save(view, destination, replaces, form)
        except HubwireError as exc:
            return await _show(view, destination, replaces, with_spare_rows(form), sampling, exc)
        return view.redirect(f"/rules/{destination.destination_id}", "saved")
    return await _show(view, destination, replaces, with_spare_rows(form), sampling)


def _sampling(values: Mapping[str, str]) -> Sampling:
    """The sample of a form. A text that a person changed stays; another one is filled in again."""
    sample = values.get("sample", "").replace("\r\n", "\n")
    chosen, source_id = text(values, "sample_id", 1024) or "", number(values, "source", 1, 1 << 31)
    filled_from, _, filled_with = values.get("filled", "").rpartition(" ")
    if filled_with == checksum(sample) or (chosen and chosen != filled_from):
        sample = ""
    return Sampling(sample_id=chosen, sample=sample, source_id=source_id)


def checksum(sample: str) -> str:
    """Tells whether a sample is still the text that the page was filled with."""
    return f"{crc32(sample.encode()):08x}"


async def _save(view: View, destination: Destination, replaces: str, form: RuleForm) -> None:
    contents, _ = await _contents(view, destination, form)
    rule = rule_of(form, _known(form, contents.schema))
    changed = with_rule(destination.rules, rule, replaces or None)
    await check_in_portal(view.deps.contents, destination, changed)
    await view.read(save_rules, view.deps, view.viewer.name, destination, changed)


async def _show(
    view: View,
    destination: Destination,
    replaces: str,
    form: RuleForm,
    sampling: Sampling,
    refused: HubwireError | None = None,
) -> Response:
    contents, unreadable = await _contents(view, destination, form)
    hints = await view.read(_hints, view, destination, form)
    if not sampling.sample and hints.samples:
        chosen = next((sample for sample in hints.samples if sample.message_id == sampling.sample_id), hints.samples[0])
        sampling = Sampling(
            sample_id=chosen.message_id, sample=hints.texts[chosen.message_id], source_id=chosen.source_id
        )
    sources = names(view.deps.registry.sources())
    if sampling.source_id not in sources:
        sampling.source_id = next(iter(sources), None)
    outcome, fault = None, refused
    if view.request.method == "POST" or replaces:
        try:
            outcome = await _outcome(view, destination, replaces, form, contents, sampling)
        except HubwireError as exc:
            fault = refused or exc
    problem: Problem | None = None
    if refused is not None:
        problem = msgspec.structs.replace(problem_of(refused), message=_sentence(fault_of(refused)))
    page = EditorPage(
        destination_id=destination.destination_id,
        replaces=replaces,
        form=form,
        hints=hints,
        properties=_field_choices(form, contents) or _property_choices(_known(form, contents.schema)),
        portal_lists=_list_choices(contents),
        subscription_types=_subscription_choices(contents),
        portal_forms=_form_choices(contents),
        object_types=[known.name for known in STANDARD if known.name not in KEYS],
        portal_events=[
            Choice(value=event.label or event.name, label=event.name)
            for event in sorted(event_definitions(contents.schema), key=lambda event: event.label.casefold())
        ],
        unreadable=unreadable,
        sources=sources,
        source_id=sampling.source_id,
        sample_id=sampling.sample_id,
        sample=sampling.sample,
        filled=f"{sampling.sample_id} {checksum(hints.texts.get(sampling.sample_id, ''))}",
        outcome=outcome,
        is_begun=bool(replaces or any(row.property or row.value for row in form.rows) or form.target or form.skip)
        or bool(form.marketing.list_name or form.marketing.subscription or form.marketing.form_id),
        fault="" if fault is None else " ".join(part for part in (_sentence(fault_of(fault)), fault.hint) if part),
        fault_place="" if fault is None else place_of(fault),
        segment_note=_segment_note(form),
        calls=CALLS,
        actions=ACTIONS,
        kinds=KINDS,
        modes=MODES,
        transforms=transforms_of(form),
        members=MEMBERS,
        statuses=STATUS_WORDS,
        legal_bases=BASIS_WORDS,
    )
    status = 200 if refused is None else 422
    title = f"Rule {replaces}" if replaces else "New rule"
    cli = f"hubwire rule test {quote(replaces)}" if replaces else "hubwire rule test rules.toml"
    return view.render("set_up/rule.html", page, title=title, cli=cli, problem=problem, status=status)


async def _outcome(
    view: View,
    destination: Destination,
    replaces: str,
    form: RuleForm,
    contents: PortalContents,
    sampling: Sampling,
) -> RuleOutcome | None:
    """The result of the rule for the sample, as if it were on. Errors: HubwireError for a rule or a message that
    cannot be used; None without a sample."""
    rule = msgspec.structs.replace(rule_of(form, _known(form, contents.schema)), enabled=True)
    changed = with_rule(destination.rules, rule, replaces or None)
    await check_in_portal(view.deps.contents, destination, changed)
    if not sampling.sample.strip() or sampling.source_id is None:
        return None
    tried = msgspec.structs.replace(destination, rules=changed)
    found = await view.deps.rule_tester(tried, sampling.source_id, message_of(sampling.sample))
    label = f"rule:{rule.name}"
    return RuleOutcome(
        firing=next(firing for firing in found.rules if firing.name == rule.name),
        records=[
            _written_words(rule, operation)
            for operation in found.plan.operations
            if any(field.rule == label for field in operation.fields)
            or (rule.is_marketing and operation.kind in MARKETING_KINDS)
        ],
        written={
            field.name: field.value
            for operation in found.plan.operations
            for field in operation.fields
            if field.rule == label
        },
        left_out={
            item.field.removeprefix(f"{label}."): item.reason
            for item in found.plan.left_out
            if item.field.startswith(label)
        },
        run=found.plan,
    )


def _written_words(rule: Rule, operation: PlannedOperation) -> str:
    """What the rule writes to, in a few words."""
    words = f"{operation.kind} {operation.key}"
    return f"{words} ({operation.note})" if rule.is_marketing and operation.note else words


async def _contents(view: View, destination: Destination, form: RuleForm) -> tuple[PortalContents, str]:
    """The content of the portal with the form's object type, and why it cannot be read."""
    object_type = type_name(form.object)
    try:
        object_types = frozenset([object_type] if is_type_name(object_type) else [])
        is_marketing = form.action in MARKETING_ACTIONS
        contents = await view.deps.contents(destination.destination_id, object_types, with_marketing=is_marketing)
        return contents, ""
    except (HubSpotError, SettingsError) as exc:
        return PortalContents(schema=PortalSchema(hub_id=destination.hub_id or "0")), str(exc)


def _hints(view: View, destination: Destination, form: RuleForm) -> RuleHints:
    rows = newest_rows(view.deps.journal, destination, LOOKED_AT)
    return rule_hints(reversed(rows), _fires(form))


def _fires(form: RuleForm) -> Callable[[dict[str, Any]], bool]:
    """The trigger of the form; every message while it cannot be read."""
    try:
        return compile_trigger(trigger_of(form), Reading(reading_of(form))).fires
    except (SettingsError, ValueError):
        return lambda fields: True


def _known(form: RuleForm, schema: PortalSchema) -> Mapping[str, PropertyDefinition]:
    """The properties that the rule of this form can set; events have properties of their own."""
    if form.action == "record":
        known = schema.objects.get(type_name(form.object))
        return known.properties if known is not None else {}
    return {"contact": schema.contact, "company": schema.company}.get(form.action, {})


def _property_choices(known: Mapping[str, PropertyDefinition]) -> list[Choice]:
    writable = [definition for definition in known.values() if not is_read_only(definition)]
    writable.sort(key=lambda definition: (not definition.is_custom, (definition.label or definition.name).casefold()))
    return [Choice(value=definition.name, label=definition.label or definition.name) for definition in writable]


def _list_choices(contents: PortalContents) -> list[Choice]:
    """The lists that take members, by name."""
    lists = [found for found in (contents.marketing and contents.marketing.lists) or [] if found.takes_members]
    words = {known.type_id: known.plural for known in STANDARD}
    lists.sort(key=lambda found: found.name.casefold())
    return [
        Choice(value=found.name, label=f"{words.get(found.type_id, 'records')}, id {found.list_id}") for found in lists
    ]


def _subscription_choices(contents: PortalContents) -> list[Choice]:
    names = (contents.marketing and contents.marketing.subscriptions) or {}
    known = [Choice(value=name, label=number) for number, name in sorted(names.items(), key=lambda item: item[1])]
    return [*known, Choice(value=ALL_SUBSCRIPTIONS, label="unsubscribe from everything")]


def _form_choices(contents: PortalContents) -> list[Choice]:
    forms = (contents.marketing and contents.marketing.forms) or []
    return [
        Choice(value=form.form_id, label=form.name) for form in sorted(forms, key=lambda form: form.name.casefold())
    ]


def _field_choices(form: RuleForm, contents: PortalContents) -> list[Choice]:
    """The fields of the form that a rule submits."""
    forms = (contents.marketing and contents.marketing.forms) or []
    chosen = next((found for found in forms if found.form_id.lower() == form.marketing.form_id.lower()), None)
    if form.action != "form" or chosen is None:
        return []
    return [Choice(value=name, label=label) for name, label in chosen.fields.items() if name != "email"]


def event_definitions(schema: PortalSchema) -> list[EventDefinition]:
    """Each event definition of the portal once."""
    return list({definition.full_name: definition for definition in schema.events.values()}.values())


def _segment_note(form: RuleForm) -> str:
    if reading_of(form) != "segment" or not form.trigger:
        return ""
    try:
        found = difference(form.trigger)
    except TriggerRefused as exc:
        return f"Segment's documentation does not allow this trigger: {exc}. It is read as Segment's package reads it."
    return "" if found is None else str(found)


def _sentence(message: str) -> str:
    message = message[:1].upper() + message[1:]
    return message if message.endswith((".", "?")) else f"{message}."

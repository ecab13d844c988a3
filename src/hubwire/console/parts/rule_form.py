"""A rule as the fields of a form, and back. Fields without a place in the form are in one JSON text, so that no
rule loses anything when a person edits it. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from hubwire.console.parts import marketing_form
from hubwire.console.parts.marketing_form import MarketingFields
from hubwire.errors import BadValue, HubwireError
from hubwire.plan.rules.resolving import TRANSFORM, is_path
from hubwire.rule import Rule
from hubwire.rule_shape import explained
from hubwire.schema import PropertyDefinition
from hubwire.web.parameters import choice, lines_of, text

CALLS = {
    "track": "Track",
    "identify": "Identify",
    "group": "Group",
    "page": "Page",
    "screen": "Screen",
    "": "Any call",
}
ACTIONS = {
    "contact": "Set contact properties",
    "company": "Set company properties",
    "record": "Set properties of another object",
    "event": "Send an event",
    **marketing_form.ACTIONS,
    "skip": "Do not send the message",
}
KINDS = {"field": "Field", "text": "Text", "template": "Template", "json": "JSON"}
MODES = {
    "upsert": "Create or update the record",
    "update": "Only update an existing record",
    "create": "Only create a new record",
}
KEYS = {"contact": "email", "company": "domain"}
IN_FORM = frozenset(
    {"name", "trigger", "enabled", "default", "skip", "object", "event", "properties", "mode", "only_if_empty"}
)
MIN_ROWS, SPARE_ROWS = 3, 1
MAX_TRIGGER = 10_000
_SIMPLE = re.compile(
    r'(?:type = "(track|identify|group|page|screen)")?(?:(?<=")( and )(?=event))?(?:event = "([^"]+)")?'
)


class FormRow(msgspec.Struct, kw_only=True):
    """One property with its value: a field of the message, a text, a template, or JSON of the mapping language."""

    property: str = ""
    kind: str = "field"
    value: str = ""


class RuleForm(msgspec.Struct, kw_only=True):
    """The fields of the editor. `trigger`, if given, replaces `call` and `event`."""

    name: str = ""
    call: str = "track"
    event: str = ""
    trigger: str = ""
    action: str = "contact"
    target: str = ""
    """The HubSpot event to send."""
    all_of: str = ""
    """The path to the object whose fields are all sent with the event."""
    skip: str = ""
    object: str = ""
    """The object type of a record that is neither a contact nor a company."""
    key_property: str = ""
    """The property that such a record is known by; `key` is its value."""
    key: str = ""
    rows: list[FormRow] = []
    """The properties, or the fields of a form to submit."""
    marketing: MarketingFields = msgspec.field(default_factory=MarketingFields)
    is_enabled: bool = True
    is_beside_default: bool = True
    mode: str = "upsert"
    only_if_empty: str = ""
    more: str = ""


# -- from a rule


def form_of(rule: Rule) -> RuleForm:
    """The form of a stored rule."""
    form = RuleForm(
        name=rule.name,
        action=_action_of(rule),
        object=rule.object or "" if _action_of(rule) == "record" else "",
        target=rule.event or "",
        skip=rule.skip or "",
        is_enabled=rule.enabled,
        is_beside_default=rule.default,
        mode=rule.mode,
        only_if_empty="\n".join(rule.only_if_empty),
    )
    simple = _SIMPLE.fullmatch(rule.trigger)
    if simple and any(simple.groups()) and rule.reading == "documented":
        form.call, form.event = simple[1] or "", simple[3] or ""
    else:
        form.call, form.trigger = "", rule.trigger
    if isinstance(rule.properties, str):
        form.all_of = rule.properties.removeprefix("$.")
    else:
        form.rows = [_row(name, value) for name, value in (rule.properties or rule.fields).items()]
    is_elsewhere = not rule.writes and rule.skip is None
    in_form = in_form_of(form.action)
    if rule.is_marketing:
        is_elsewhere = form.action == "more"
        form.marketing = marketing_form.fields_of(rule)
    if is_elsewhere:
        in_form -= {"default"}
    rest: dict[str, Any] = {name: value for name, value in msgspec.to_builtins(rule).items() if name not in in_form}
    key = rest.get("key", {})
    if form.action == "record":
        form.key_property = next(iter(key), "")
    path = key.get(form.key_property or KEYS.get(form.action, ""))
    if len(key) == 1 and isinstance(path, str) and path.startswith("$."):
        form.key = path.removeprefix("$.")
        del rest["key"]
    if is_elsewhere:
        form.action = "more"
    form.more = msgspec.json.format(msgspec.json.encode(rest), indent=2).decode() if rest else ""
    return with_spare_rows(form)


def in_form_of(action: str) -> frozenset[str]:
    """The fields of a rule that have a place of their own in the form."""
    return IN_FORM | marketing_form.IN_FORM.get(action, frozenset())


def _action_of(rule: Rule) -> str:
    if rule.is_marketing:
        return marketing_form.action_of(rule) or "more"
    if rule.object is not None:
        return rule.object if rule.object in KEYS else "record"
    return "event" if rule.event is not None else "skip"


def _row(name: str, value: Any) -> FormRow:
    match value:
        case str() if is_path(value):
            return FormRow(property=name, kind="field", value=value.removeprefix("$."))
        case str():
            return FormRow(property=name, kind="text", value=value)
        case {"@template": str() as template} if len(value) == 1:
            return FormRow(property=name, kind="template", value=template)
    return FormRow(property=name, kind="json", value=msgspec.json.encode(value).decode())


def with_spare_rows(form: RuleForm) -> RuleForm:
    """The form with empty rows to fill in."""
    form.rows += [FormRow() for _ in range(max(SPARE_ROWS, MIN_ROWS - len(form.rows)))]
    return form


# -- from what a person entered


def entered(fields: Mapping[str, Sequence[str]]) -> RuleForm:
    """The form as it was sent."""
    values = {name: given[-1] for name, given in fields.items()}
    columns = [fields.get(name, []) for name in ("property", "kind", "value")]
    rows = [
        FormRow(property=name.strip(), kind=kind if kind in KINDS else "field", value=value.strip())
        for name, kind, value in zip(*columns, strict=False)
        if name.strip() or value.strip()
    ]
    return RuleForm(
        name=text(values, "name") or "",
        call=choice(values, "call", CALLS) or "",
        event=text(values, "event") or "",
        trigger=text(values, "trigger", MAX_TRIGGER) or "",
        action=choice(values, "action", [*ACTIONS, "more"]) or "contact",
        target=text(values, "target") or "",
        all_of=text(values, "all_of") or "",
        skip=text(values, "skip") or "",
        object=text(values, "object") or "",
        key_property=text(values, "key_property") or "",
        key=text(values, "record_key" if values.get("action") == "record" else "key") or "",
        rows=rows,
        marketing=marketing_form.entered(values),
        is_enabled=values.get("is_enabled") == "1",
        is_beside_default=values.get("is_beside_default") == "1",
        mode=choice(values, "mode", MODES) or "upsert",
        only_if_empty=values.get("only_if_empty", ""),
        more=values.get("more", "").strip(),
    )


def rule_of(form: RuleForm, known: Mapping[str, PropertyDefinition]) -> Rule:
    """The rule of a form. A property may be given by its label. Errors: BadValue, with the field of the form."""
    fields: dict[str, Any] = {**_more(form), "name": form.name or default_name(form), "trigger": trigger_of(form)}
    if not form.is_enabled:
        fields["enabled"] = False
    if form.action == "skip":
        fields["skip"] = form.skip or "not wanted in HubSpot"
    elif form.action != "more":
        fields |= _written(form, known)
    try:
        return msgspec.convert(fields, Rule)
    except msgspec.ValidationError as exc:
        raise BadValue("more", f"more fields: {explained(str(exc))}") from exc


def _written(form: RuleForm, known: Mapping[str, PropertyDefinition]) -> dict[str, Any]:
    fields: dict[str, Any] = {} if form.is_beside_default else {"default": False}
    if form.action in marketing_form.ACTIONS:
        rows = [row for row in form.rows if (row.property or row.value) and form.action == "form"]
        values = {row.property: _value(row) for row in rows}
        return fields | marketing_form.rule_fields(form.action, form.marketing, values)
    if form.action == "event":
        if not form.target:
            raise BadValue("target", "choose the HubSpot event to send, or name a new one")
        fields["event"] = form.target
    else:
        if form.action == "record" and not form.object:
            raise BadValue("object", "choose the object type, such as order or deal")
        fields["object"] = form.object if form.action == "record" else form.action
        if form.mode != "upsert":
            fields["mode"] = form.mode
        empty = [_internal_name(name, known) for name in lines_of(form.only_if_empty)]
        if empty:
            fields["only_if_empty"] = empty
    if form.key:
        if form.action == "record" and not form.key_property:
            raise BadValue("key_property", "name the property with unique values that the record is known by")
        name = _internal_name(form.key_property, known) if form.action == "record" else KEYS.get(form.action, "email")
        fields["key"] = {name: _path(form.key)}
    rows = [row for row in form.rows if row.property or row.value]
    properties = {_internal_name(row.property, known): _value(row) for row in rows}
    if form.action == "event" and form.all_of:
        if properties:
            raise BadValue("all_of", "choose all fields or single properties, not both")
        return {**fields, "properties": _path(form.all_of)}
    if form.action in KEYS and not properties:
        raise BadValue("properties", "choose a property and where its value comes from")
    return {**fields, "properties": properties}


def trigger_of(form: RuleForm) -> str:
    """The trigger that a form describes. Errors: BadValue."""
    if form.trigger:
        return form.trigger
    if '"' in form.event:
        raise BadValue("event", 'an event name with " needs a trigger of your own', value=form.event)
    parts = [f'{name} = "{value}"' for name, value in (("type", form.call), ("event", form.event)) if value]
    if not parts:
        raise BadValue("call", "choose a call, an event, or enter a trigger")
    return " and ".join(parts)


def reading_of(form: RuleForm) -> str:
    """The reading of the trigger of a form."""
    try:
        return str(_more(form).get("reading", "documented"))
    except BadValue:
        return "documented"


def transforms_of(form: RuleForm) -> list[str]:
    """The paths of the values that the form's rule computes first."""
    try:
        transform = _more(form).get("transform")
    except BadValue:
        return []
    return [f"{TRANSFORM}.{name}" for name in transform] if isinstance(transform, dict) else []


def default_name(form: RuleForm) -> str:
    """A name for a rule that a person gave none."""
    words = {"contact": "contact", "company": "company", "event": form.target, "skip": "not sent", "form": "form"}
    words |= {"list": f"list {form.marketing.list_name}", "subscription": form.marketing.subscription}
    what = words.get(form.action, form.object)
    return f"{form.event or CALLS[form.call]}: {what}"[:100]


def _value(row: FormRow) -> Any:
    if not row.property:
        raise BadValue("properties", f"choose the property for {row.value}", value=row.value)
    if not row.value:
        raise BadValue(f"properties.{row.property}", f"{row.property}: choose where the value comes from")
    match row.kind:
        case "field":
            return _path(row.value)
        case "template":
            return {"@template": row.value}
        case "json":
            try:
                return msgspec.json.decode(row.value)
            except msgspec.DecodeError as exc:
                raise BadValue(f"properties.{row.property}", f"{row.property}: this is not JSON: {exc}") from exc
    return {"@literal": row.value} if is_path(row.value) else row.value


def _path(value: str) -> str:
    return value if is_path(value) else f"$.{value}"


def _internal_name(given: str, known: Mapping[str, PropertyDefinition]) -> str:
    """The internal name of a property that was given by name or label."""
    if given in known or not given:
        return given
    folded = given.casefold()
    return next((name for name, definition in known.items() if definition.label.casefold() == folded), given)


def _more(form: RuleForm) -> dict[str, Any]:
    if not form.more:
        return {}
    try:
        more = msgspec.json.decode(form.more)
    except msgspec.DecodeError as exc:
        raise BadValue("more", f"more fields: this is not JSON: {exc}") from exc
    if not isinstance(more, dict):
        raise BadValue("more", 'more fields: enter an object, such as {"add_options": true}')
    twice = sorted(in_form_of(form.action) & more.keys())
    if twice:
        raise BadValue("more", f"more fields: {twice[0]} has a field of its own above", value=twice[0])
    return more


# -- where an error belongs

_PLACES = (
    (re.compile(r"^(?:trigger:|its trigger)"), "trigger"),
    (re.compile(r"^/?\$?transform"), "more"),
    (re.compile(r"^property '([^']+)'|^property ([a-z0-9_]+)|^/([^/ ]+)[/ ]|^properties\."), "properties"),
    (re.compile(r"^(?:skip|the reason)"), "skip"),
    (re.compile(r"^object"), "object"),
    (re.compile(r"^key"), "key"),
    (re.compile(r"^only_if_empty"), "only_if_empty"),
    (re.compile(r"^fields: '([^']+)'|^/fields\.([^/ ]+)[/ ]|^fields"), "properties"),
    (re.compile(r"^list"), "list_name"),
    (re.compile(r"^member"), "member_from"),
    (re.compile(r"^subscription"), "subscription"),
    (re.compile(r"^status"), "status_from"),
    (re.compile(r"^legal_basis"), "legal_basis"),
    (re.compile(r"^form:"), "form_id"),
    (re.compile(r"^it writes no property"), "properties"),
    (re.compile(r"^(?:another rule has this name)"), "name"),
)


_FIELDS = {"list": "list_name", "member": "member_from", "status": "status_from", "form": "form_id"}
"""The fields of the form for fields of a rule with another name."""


def fault_of(error: HubwireError) -> str:
    """The error without the name of its rule, which the form shows anyway."""
    return re.sub(r"^rule (?:'[^']*'|\"[^\"]*\"): ", "", str(error))


def place_of(error: HubwireError) -> str:
    """The field of the form that an error is about, `properties.NAME` for a row; "" if it is about the whole rule."""
    field = getattr(error, "field", "") or ""
    if field != "rules":
        return "key" if field.startswith("key.") else _FIELDS.get(field, field)
    fault = fault_of(error)
    for pattern, place in _PLACES:
        found = pattern.search(fault)
        if found:
            name = next((group for group in found.groups() if group), "") if found.groups() else ""
            return f"{place}.{name.removeprefix('fields.')}" if name else place
    return ""

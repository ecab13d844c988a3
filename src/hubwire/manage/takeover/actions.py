"""The actions of Segment's HubSpot destination as rules.

Source: segmentio/action-destinations, destinations/hubspot; @segment/actions-core 3.170.0 for empty and missing values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from hubwire.manage.takeover.drafts import (
    Draft,
    NotTaken,
    Part,
    cleaned,
    properties_of,
    rule_value,
    unknown_fields,
    worded,
)
from hubwire.object_types import is_type_name, type_name
from hubwire.plan.rules.record_checks import MAX_CLUES
from hubwire.plan.rules.triggers import Trigger
from hubwire.plan.rules.triggers.overlap import both_fire
from hubwire.rule import Association

CONTACT_FIELDS = (
    *("company", "firstname", "lastname", "phone", "address", "city", "state", "country", "zip", "website"),
    "lifecyclestage",
)
COMPANY_FIELDS = (
    *("name", "description", "phone", "industry", "address", "city", "state", "country", "zip", "domain", "website"),
    *("numberofemployees", "lifecyclestage"),
)
OTHER_COMPANY_FIELDS = {"streetaddress": "address", "street": "address", "postalCode": "zip", "postalcode": "zip"}
CUSTOM_RECORD_FIELDS = frozenset(
    [
        *("createNewCustomRecord", "customObjectSearchFields", "objectType", "properties"),
        *("toObjectType", "associationLabel", "searchFieldsToAssociateCustomObjects"),
    ]
)
GROUP_ID = "segment_group_id"
"""The unique property that Segment makes for its companies."""
COMPUTATION_KEY = "$.context.personas.computation_key"
AUDIENCE_VALUE = {
    "@if": {
        "exists": {"@path": "$.properties"},
        "then": {"@path": {"@template": "$.properties.{{context.personas.computation_key}}"}},
        "else": {"@path": {"@template": "$.traits.{{context.personas.computation_key}}"}},
    }
}
"""Whether a person is in an Engage audience: true or false under the audience's key."""
MODES = {"add": "create", "update": "update", "upsert": "upsert"}
_FULL_EVENT = re.compile(r"pe\d+_.+")
_ALL_OF = {"identify": 'type = "identify"', "track": 'type = "track"'}


def draft_of(part: Part, contact_triggers: Sequence[Trigger]) -> Draft:
    """The rules of a subscription. `contact_triggers`: those of the destination's contact subscriptions.

    Errors: NotTaken with the reason.
    """
    build = _BUILDERS.get(part.subscription.action)
    if build is None:
        if part.subscription.action.endswith("(web)"):
            raise NotTaken("it runs in the page: Hubwire's device mode identifies and tracks there, by its own mapping")
        raise NotTaken(f"Hubwire does not know the action {part.subscription.action!r}")
    build(part, contact_triggers)
    return part.draft


def _contact(part: Part, _: Sequence[Trigger]) -> None:
    unknown_fields(part, frozenset(["email", "properties", *CONTACT_FIELDS]))
    email = part.value("email")
    if email is None:
        part.draft.never.append("it maps no email, which the action needs; Hubwire takes the message's own person")
    properties = properties_of(part, part.raw("properties"))
    named = {name: value for name in CONTACT_FIELDS if (value := part.value(name)) is not None}
    if properties is None:
        _default(part, "identify", "contacts", "properties", "$.traits")
        properties = {}
    key = {} if email is None else {"email": email}
    named = {name: value for name, value in named.items() if name not in properties}
    if named:
        part.rule(object="contact", key=key, properties=named, empty="leave")
    if properties:
        part.rule(" (properties)" if named else "", object="contact", key=key, properties=properties)
    if not part.draft.rules and not part.draft.defaults:
        raise NotTaken(
            "it writes nothing but the e-mail, and a rule needs a property: map one, or use the default 'contacts'"
        )


def _default(part: Part, call: str, default: str, field: str, path: str) -> None:
    """Leave an open object to the default behaviour, which does the same for all calls of a type. Errors: NotTaken."""
    given = rule_value(part.raw(field))
    is_whole = " ".join(part.trigger.text.split()) == _ALL_OF[call]
    if given != path or not is_whole:
        raise NotTaken(
            f"{field} takes a whole object ({worded(given)}), and a rule of a record names each property: "
            f"write a rule with them, or turn on the default {default!r}"
        )
    part.draft.defaults.add(default)
    part.warn(f"each field of {path} is written by the default behaviour {default!r}")


def _company(part: Part, contact_triggers: Sequence[Trigger]) -> None:
    known = ("groupid", "createNewCompany", "associateContact", "companysearchfields", "properties")
    unknown_fields(part, frozenset([*known, *COMPANY_FIELDS, *OTHER_COMPANY_FIELDS]))
    group_id = part.value("groupid")
    if group_id is None:
        raise NotTaken("it maps no group id, which the action needs, so Segment never wrote a company")
    properties = properties_of(part, part.raw("properties"))
    if properties is None:
        raise NotTaken("properties takes a whole object, and a rule of a record names each property")
    named = {name: value for name in COMPANY_FIELDS if (value := part.value(name)) is not None}
    for field, name in OTHER_COMPANY_FIELDS.items():
        if part.value(field) is not None:
            named.setdefault(name, part.value(field))
    named = {name: value for name, value in named.items() if name not in properties}
    find = _clues(part, "companysearchfields")
    create = part.raw("createNewCompany")
    if create not in (True, False, None, "true", "false"):
        part.warn("createNewCompany comes from the message; the rule creates companies that are missing")
    mode = "update" if create in (False, "false") else "upsert"
    associates = part.raw("associateContact") in (True, "true")
    if part.raw("associateContact") is None:
        part.draft.never.append("associateContact is not set, and the action needs it")
    elif associates and not any(both_fire(part.trigger, trigger) for trigger in contact_triggers):
        part.draft.never.append(
            "it waits for a contact of the same call, and no contact subscription fires for that call; "
            "Hubwire associates the person that it remembers"
        )
    common: dict[str, Any] = {"object": "company", "key": {GROUP_ID: group_id}, "find": find, "mode": mode}
    associate = ({"object": "contact"},) if associates else ()
    if named or not properties:
        part.rule(**common, properties=named, empty="leave" if named else None, associate=_associations(associate))
    if properties:
        own = () if named else associate
        part.rule(" (properties)" if named else "", **common, properties=properties, associate=_associations(own))


def _clues(part: Part, field: str) -> tuple[dict[str, Any], ...]:
    """The search fields of a subscription, each of which finds a record by itself."""
    search = part.raw(field)
    fields = properties_of(part, search)
    if fields is None:
        part.warn(f"{field} takes a whole object ({worded(search)}), and a rule names each property to look for")
        return ()
    clues = [{name: value} for name, value in fields.items() if value not in (None, "")]
    if len(clues) > MAX_CLUES:
        part.warn(f"{field}: only the first {MAX_CLUES} are carried over")
    return tuple(clues[:MAX_CLUES])


def _associations(given: Sequence[dict[str, Any]]) -> tuple[Association, ...]:
    return tuple(Association(**association) for association in given)


def _behavioral_event(part: Part, _: Sequence[Trigger]) -> None:
    unknown_fields(part, frozenset(["eventName", "occurredAt", "email", "utk", "objectId", "properties"]))
    name = part.raw("eventName")
    if isinstance(name, str) and name and not _FULL_EVENT.fullmatch(re.sub(r"[\s.]+", "_", name).lower()):
        part.draft.never.append(f"the event name {name!r} does not begin with pe and the Hub ID, so Segment refused it")
    person = {"email": part.value("email"), "utk": part.value("utk"), "id": part.value("objectId")}
    _event(part, name, "eventName", person, "occurredAt")


def _custom_event(part: Part, _: Sequence[Trigger]) -> None:
    unknown_fields(part, frozenset(["event_name", "record_details", "properties", "occurred_at"]))
    details = part.raw("record_details") or {}
    kind = details.get("object_type") if isinstance(details, dict) else None
    if not isinstance(kind, str) or type_name(kind) != "contact":
        raise NotTaken(f"Hubwire sends events of contacts, and has no events of {worded(kind) if kind else 'this'} yet")
    person = {
        name: rule_value(details[field])
        for name, field in (("email", "email"), ("utk", "utk"), ("id", "object_id"))
        if details.get(field) not in (None, "")
    }
    _event(part, part.raw("event_name"), "event_name", person, "occurred_at")


def _event(part: Part, name: Any, field: str, person: dict[str, Any], time_field: str) -> None:
    if not isinstance(name, str) or not name:
        if name is None or name == "":
            raise NotTaken("it names no event, which the action needs")
        if rule_value(name) in ("$.event", "$.name") and _whole_track(part):
            part.draft.defaults.add("events")
            part.draft.never.append(
                "event names of messages do not begin with pe and the Hub ID, so Segment refused them"
            )
            part.warn("the default behaviour 'events' sends each track call as the event of its name")
            return
        path = rule_value(name)
        if not isinstance(path, str):
            raise NotTaken(f"{field} comes from a directive ({worded(name)}): write one rule for each event")
        name = path
    person = {key: value for key, value in person.items() if value is not None}
    if not person:
        part.draft.never.append("it maps neither email, utk nor id; Hubwire takes the message's own person")
    at = part.raw(time_field)
    if at is not None and rule_value(at) != "$.timestamp":
        part.warn(f"{time_field} is not carried over: an event has the time of its message")
    given = part.raw("properties")
    properties = properties_of(part, given, is_cleaned=True)
    if properties is None:
        properties = rule_value(given)
        if not isinstance(properties, str):
            raise NotTaken(f"properties takes an object that a directive makes ({worded(given)}); a rule takes a path")
    part.rule(event=name, person=person, properties=properties)


def _whole_track(part: Part) -> bool:
    return " ".join(part.trigger.text.split()) == _ALL_OF["track"]


def _object(part: Part, _: Sequence[Trigger]) -> None:
    details = part.raw("object_details")
    if not isinstance(details, dict):
        raise NotTaken("it names no object, which the action needs")
    kind = _record_type(details.get("object_type"))
    key_name, key_value = details.get("id_field_name"), details.get("id_field_value")
    if not isinstance(key_name, str) or key_value in (None, ""):
        raise NotTaken("it needs a property that the record is found by, with its value")
    mode = MODES.get(str(part.raw("__segment_internal_sync_mode") or "update"))
    if mode is None:
        raise NotTaken("Hubwire has no rule that deletes records")
    properties = properties_of(part, part.raw("properties"), is_cleaned=True)
    if properties is None:
        raise NotTaken("properties takes a whole object, and a rule of a record names each property")
    if part.raw("sensitive_properties"):
        part.warn("sensitive properties are not carried over: Hubwire has no rule for it yet")
    if cleaned(key_name) == "hs_object_id":
        raise NotTaken("it finds records by HubSpot's own id; a rule takes a property with unique values")
    if kind not in ("contact", "company"):
        part.warn("Segment creates properties that HubSpot lacks; Hubwire creates only the key")
    key = {cleaned(key_name): rule_value(key_value)}
    associate = _associations(_other_records(part, kind))
    list_details = part.raw("list_details")
    if properties or associate or not _has_list(list_details):
        part.rule(object=kind, key=key, mode=mode, properties=properties, associate=associate)
    if _has_list(list_details):
        _list(part, kind, key, list_details)


def _list(part: Part, kind: str, key: dict[str, Any], details: dict[str, Any]) -> None:
    """The rule of the list that a subscription adds records to and removes them from."""
    is_audience = details.get("connected_to_engage_audience") in (True, "true")
    name, action = details.get("list_name"), details.get("list_action")
    if is_audience:
        name, action = name or {"@path": COMPUTATION_KEY}, AUDIENCE_VALUE
    elif action in (None, ""):
        part.draft.never.append("list_action is not set, so Segment changed no list")
        return
    create = details.get("should_create_list") in (True, "true")
    part.rule(" (list)", list=rule_value(name), member=rule_value(action), on=kind, key=key, create_list=create or None)


def _has_list(details: Any) -> bool:
    return isinstance(details, dict) and bool(details.get("list_name") or details.get("connected_to_engage_audience"))


def _other_records(part: Part, kind: str) -> list[dict[str, Any]]:
    """The records that a subscription associates, and those that it parts from."""
    is_read = part.raw("association_sync_mode") == "read"
    found = []
    for field in ("associations", "dissociations"):
        given = part.raw(field)
        for association in given if isinstance(given, list) else []:
            name, value = association.get("id_field_name"), association.get("id_field_value")
            try:
                other = _record_type(association.get("object_type"))
            except NotTaken:
                other = ""
            is_plain = {kind, other} == {"contact", "company"}
            if not other or not isinstance(name, str) or (is_plain and field == "dissociations"):
                part.warn(f"the association with {worded(association.get('object_type'))} is not carried over")
                continue
            label = association.get("association_label")
            record = {"object": other, "key": {cleaned(name): rule_value(value)}, "label": label or None}
            if field == "dissociations":
                record["part"] = True
            elif is_read:
                record["create"] = False
            found.append(record)
    return found


def _record_type(given: Any) -> str:
    if not isinstance(given, str):
        raise NotTaken("the object type comes from the message")
    if not is_type_name(given.strip()):
        raise NotTaken(f"{given!r} is no object type of HubSpot")
    return type_name(given)


def _custom_record(part: Part, _: Sequence[Trigger]) -> None:
    unknown_fields(part, CUSTOM_RECORD_FIELDS)
    kind = _record_type(part.raw("objectType"))
    properties = properties_of(part, part.raw("properties"))
    if properties is None:
        raise NotTaken("properties takes a whole object, and a rule of a record names each property")
    if not properties:
        raise NotTaken("it maps no properties, which the action needs")
    find = _clues(part, "customObjectSearchFields")
    create = part.raw("createNewCustomRecord")
    if create not in (True, False, None, "true", "false"):
        part.warn("createNewCustomRecord comes from the message; the rule creates records that are missing")
    creates = create not in (False, "false")
    if kind in ("contact", "company"):
        raise NotTaken(f"it finds a {kind} by search fields alone; write a rule with a key")
    if not find and not creates:
        raise NotTaken("it has no search fields and may not create records, so it never wrote anything")
    if part.raw("toObjectType"):
        part.warn(f"the association with {worded(part.raw('toObjectType'))} is not carried over: a rule needs its key")
    mode = "create" if not find else None if creates else "update"
    part.rule(object=kind, find=find, mode=mode, properties=properties)


_BUILDERS: dict[str, Callable[[Part, Sequence[Trigger]], None]] = {
    "upsertContact": _contact,
    "upsertCompany": _company,
    "sendCustomBehavioralEvent": _behavioral_event,
    "customEvent": _custom_event,
    "upsertObject": _object,
    "upsertCustomObjectRecord": _custom_record,
}

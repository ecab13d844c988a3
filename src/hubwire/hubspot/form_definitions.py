"""The forms of a portal, as the console shows them. Pure.

Source: HubSpot's OpenAPI, marketing forms v3: `results` with `fieldGroups`, whose `fields` have a name, a label and the
type id of the object that the field belongs to.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from hubwire.object_types import STANDARD

FORMS_PER_PAGE = 100
CONTACT = "contact"


class FormDefinition(NamedTuple):
    """A form. `fields`: the label of each field by its name, as a rule has it (`email`, `company.name`)."""

    form_id: str
    name: str
    fields: dict[str, str]


def forms_of(body: bytes) -> tuple[list[FormDefinition], str | None]:
    """The forms of one page, and the place of the next page; None after the last one."""
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raw = {}
    results = raw.get("results") if isinstance(raw, dict) else None
    forms = [
        FormDefinition(str(entry["id"]), str(entry.get("name") or entry["id"]), dict(_fields(entry)))
        for entry in results or ()
        if isinstance(entry, dict) and entry.get("id")
    ]
    paging = raw.get("paging") if isinstance(raw, dict) else None
    following = paging.get("next") if isinstance(paging, dict) else None
    after = following.get("after") if isinstance(following, dict) else None
    return forms, str(after) if after else None


def _fields(form: dict[str, Any]) -> Iterator[tuple[str, str]]:
    names = {known.type_id: known.name for known in STANDARD}
    groups = form.get("fieldGroups")
    for group in groups if isinstance(groups, list) else ():
        fields = group.get("fields") if isinstance(group, dict) else None
        for field in fields if isinstance(fields, list) else ():
            if isinstance(field, dict) and isinstance(field.get("name"), str):
                object_type = names.get(str(field.get("objectTypeId") or "0-1"), CONTACT)
                name = field["name"] if object_type == CONTACT else f"{object_type}.{field['name']}"
                yield name, str(field.get("label") or field["name"])

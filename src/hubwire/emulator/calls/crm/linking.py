"""Associations as the API takes them: default and labelled, single and batch, read and archive, and label definitions.

Source: HubSpot's associations guide and OpenAPI (v4 and date paths); default associations on 2026-09 were also seen
live by third parties. Whether a default association makes a company primary is unsure: here it does not.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Annotated, Any

import msgspec

from hubwire.emulator.standard.association_ids import AssociationType
from hubwire.emulator.store.objects.records import ObjectStore, Record
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import Id, invalid

MAX_SHOWN = 100


class RecordId(msgspec.Struct):
    """A record by id."""

    id: Id


class AssociationSpec(msgspec.Struct, rename="camel"):
    """A label by category and id. HubSpot takes the id as text too, as Segment's destination sends it."""

    association_category: str
    association_type_id: int | Annotated[str, msgspec.Meta(pattern="^[0-9]{1,18}$")]

    @property
    def type_id(self) -> int:
        """The id as a number."""
        return int(self.association_type_id)


class NewAssociation(msgspec.Struct):
    """An association made along with a record."""

    to: RecordId
    types: list[AssociationSpec]


def target_type(portal: Portal, store: ObjectStore, spec: AssociationSpec) -> tuple[str, AssociationType]:
    """The object type that a label leads to from `store`'s, and the label.

    Errors: a 400 when no object type has it (wording unsure).
    """
    for (from_type, to_type), known in portal.associations.types.items():
        if from_type != store.name:
            continue
        for association in known:
            if association.type_id == spec.type_id and association.category == spec.association_category:
                return to_type, association
    raise invalid(
        f"Association type {spec.type_id} of category {spec.association_category} does not exist for {store.name}"
    )


def check_new_associations(portal: Portal, store: ObjectStore, associations: Iterable[NewAssociation]) -> None:
    """Refuse associations whose label or target does not exist."""
    for association in associations:
        for spec in association.types:
            to_type, _ = target_type(portal, store, spec)
            if portal.store(to_type).by_id(str(association.to.id)) is None:
                raise invalid(f"No {to_type} with ID {association.to.id} exists")


def check_lead(portal: Portal, store: ObjectStore, associations: Iterable[NewAssociation]) -> None:
    """Refuse a new lead without a contact (HubSpot's leads guide; the wording is chosen)."""
    if store.name != "leads":
        return
    specs = [spec for association in associations for spec in association.types]
    if not any(target_type(portal, store, spec)[0] == "contacts" for spec in specs):
        raise invalid("A lead must be associated with a contact when it is created")


def make_new_associations(
    portal: Portal, store: ObjectStore, record: Record, associations: Iterable[NewAssociation]
) -> None:
    """Make the associations that came with a create."""
    for association in associations:
        for spec in association.types:
            to_type, known = target_type(portal, store, spec)
            target = portal.store(to_type).by_id(str(association.to.id))
            if target is not None:
                portal.associations.link(store.name, record.id, to_type, target.id, [known])


def shown_associations(portal: Portal, store: ObjectStore, record: Record, names: Iterable[str]) -> dict[str, Any]:
    """The `associations` block of a record read with `?associations=…`."""
    shown: dict[str, Any] = {}
    for name in names:
        to_store = portal.store(name)
        types = {known.type_id: known for known in portal.associations.types_of(store.name, to_store.name)}
        held_by_id = portal.associations.targets(store.name, record.id, to_store.name)
        results = [
            {"id": to_id, "type": types[type_id].name or f"{store.word}_to_{to_store.word}"}
            for to_id, held in islice(held_by_id.items(), MAX_SHOWN)
            for type_id in held
        ]
        if results:
            shown[to_store.name] = {"results": results}
            if len(held_by_id) > MAX_SHOWN:
                path = f"/crm/v3/objects/{store.name}/{record.id}/associations/{to_store.name}?after={MAX_SHOWN}"
                link = f"https://api.hubapi.com{path}"
                shown[to_store.name]["paging"] = {"next": {"after": str(MAX_SHOWN), "link": link}}
    return shown

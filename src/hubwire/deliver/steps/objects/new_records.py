"""Records that no upsert by a rule's key can make: records without a key, and leads.

A record without a key is made once for each message and rule. Where the destination may create properties, a hidden
unique property of ours holds the name of that record, so that a repeat after a crash makes no second one. HubSpot makes
a lead only together with its association to a contact, which an upsert cannot contain.
Source: HubSpot's leads guide; the bodies of batch create and batch upsert in its OpenAPI.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from hubwire.deliver.calls.batch_sender import Input, MakeCall
from hubwire.deliver.cycle.coalesce import PairOfRecords
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.steps.objects.record_holds import wait_for_record
from hubwire.deliver.steps.record_calls import create_call, update_call, upsert_call
from hubwire.hubspot.wire import PRIMARY_TYPES, AssociationLabel
from hubwire.object_types import ObjectType
from hubwire.operation import UNIQUE, RecordPair, RecordRef, unique_property
from hubwire.reasons import Reason

OWN_KEY = "hubwire_id"
"""Our unique property for records without a key of a rule."""
LEAD = "lead"
CONTACT = "contact"


def missing_own_keys(cycle_state: CycleState, records: Iterable[RecordRef]) -> set[tuple[str, str, str]]:
    """Our unique property of object types that get records without a key, where the portal lacks it and the destination
    may create properties: (object type, property, `UNIQUE`)."""
    if not cycle_state.destination.mapping.create_properties:
        return set()
    types = {ref.object for ref in records if unique_property(ref.key) is None}
    known = cycle_state.schema.objects
    return {(name, OWN_KEY, UNIQUE) for name in types if name in known and OWN_KEY not in known[name].properties}


class Routed(NamedTuple):
    """An input on its way: the key of its record, and the value that the call knows it by."""

    key: str
    value: str
    input: Input


@dataclass(slots=True)
class Routes:
    """The inputs of one object type, by the calls that send them."""

    cycle_state: CycleState
    object_type: ObjectType
    pairs: Mapping[RecordPair, PairOfRecords]
    updates: list[Routed] = field(default_factory=list)
    upserts: dict[str, list[Routed]] = field(default_factory=dict)
    """By unique property."""
    creations: dict[str | None, list[Routed]] = field(default_factory=dict)
    """By the unique property of their keys."""
    associated: dict[str, list[tuple[str, AssociationLabel]]] = field(default_factory=dict)

    def add(self, key: str, input_: Input, *, may_make: bool) -> None:
        """Choose the call of a record."""
        unique = unique_property(key)
        ref = RecordRef(self.object_type.stored_as, key)
        adopted = self.cycle_state.objects.adopted.get(ref)
        record_id = self.cycle_state.objects.record_id(ref) or adopted
        is_lead = self.object_type.name == LEAD
        if record_id is not None and (unique is None or not may_make or is_lead or adopted is not None):
            self.updates.append(Routed(key, record_id, input_))
        elif unique is None:
            self._add_without_key(key, input_)
        elif is_lead:
            self._add_lead(key, unique, input_)
        else:
            self.upserts.setdefault(unique[0], []).append(Routed(key, unique[1], input_))

    def _add_without_key(self, key: str, input_: Input) -> None:
        own = self.cycle_state.schema.objects[self.object_type.stored_as].properties.get(OWN_KEY)
        if self.object_type.name == LEAD:
            self._add_lead(key, None, input_)
        elif own is not None and own.is_unique:
            input_.properties[OWN_KEY] = key
            self.upserts.setdefault(OWN_KEY, []).append(Routed(key, key, input_))
        else:
            self.creations.setdefault(None, []).append(Routed(key, key, input_))

    def _add_lead(self, key: str, unique: tuple[str, str] | None, input_: Input) -> None:
        lead, value = RecordRef(self.object_type.stored_as, key), key if unique is None else unique[1]
        contacts = [end for pair, desired in self.pairs.items() for end in _others(pair, lead) if not desired.is_away]
        ids = [contact_id for end in contacts if (contact_id := self.cycle_state.record_id(end)) is not None]
        if ids:
            label = AssociationLabel("HUBSPOT_DEFINED", PRIMARY_TYPES[LEAD, CONTACT])
            self.associated[value] = [(ids[0], label)]
            self.creations.setdefault(unique[0] if unique else None, []).append(Routed(key, value, input_))
        elif contacts:
            self.cycle_state.refuse_record(lead, input_.positions, self.cycle_state.missing_record(contacts[0]))
        else:
            hold = wait_for_record(self.cycle_state, lead, Reason.RECORD_INCOMPLETE, "lead: HubSpot needs its contact")
            self.cycle_state.refuse_record(lead, input_.positions, hold)

    def calls(self) -> list[tuple[MakeCall, list[Routed]]]:
        """The calls, each with the inputs that it sends."""
        paths, object_type = self.cycle_state.paths, self.object_type
        calls: list[tuple[MakeCall, list[Routed]]] = []
        if self.updates:
            calls.append((partial(update_call, paths, object_type), self.updates))
        for name, group in self.upserts.items():
            calls.append((partial(upsert_call, paths, object_type, name), group))
        for id_property, group in self.creations.items():
            calls.append((partial(create_call, paths, object_type, id_property, self.associated), group))
        return calls


def _others(pair: RecordPair, lead: RecordRef) -> list[RecordRef]:
    """The contact at the other end of a pair."""
    return [end for end in pair if lead in pair and end.object == CONTACT]

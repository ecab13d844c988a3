"""Finds the static lists that a cycle's messages name, and creates those that may be created.

A list is looked up once and remembered by its id, so that a list which people rename in HubSpot stays the same list.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from hubwire.deliver.calls.caller import together
from hubwire.deliver.cycle.marketing_portal import Feature, Unusable
from hubwire.deliver.cycle.state import CycleState
from hubwire.delivery import Dead, Delivered, Verdict
from hubwire.hubspot.call import Answer, Call
from hubwire.hubspot.errors import read_problem
from hubwire.hubspot.lists import DUPLICATE_NAME, FoundList, create_list, found_list
from hubwire.object_types import standard_type
from hubwire.reasons import Reason
from hubwire.record.marketing import KnownList

FORBIDDEN = 403
NOT_FOUND = 404
BAD_REQUEST = 400
ListPlace = tuple[str, str]
"""The object type and the key of a list."""
Found = KnownList | Unusable | Verdict


async def find_lists(cycle_state: CycleState, places: Mapping[ListPlace, bool]) -> dict[ListPlace, Found]:
    """Each list, or why it takes no members now. `places`: whether the list may be created.

    Shape: until HubSpot has accepted the first call, the lists are looked up one after another, so that a portal which
    refuses lists does so once.
    """
    memory = cycle_state.portal.marketing
    await _remember(cycle_state, places)
    found: dict[ListPlace, Found] = {}
    open_places = []
    for place, may_make in places.items():
        known = memory.lists.get(place)
        unusable = memory.unusable.get(place)
        if known is not None:
            found[place] = known
        elif unusable is not None and unusable.is_recent(cycle_state.now_ms) and not _may_help(unusable, may_make):
            found[place] = unusable
        else:
            open_places.append(place)
    while open_places and Feature.LISTS not in memory.works:
        place = open_places.pop(0)
        found[place] = await find_list(cycle_state, place, places[place])
        if memory.is_refused(Feature.LISTS, cycle_state.now_ms):
            return found | dict.fromkeys(open_places, found[place])
    results = await together(*(find_list(cycle_state, place, places[place]) for place in open_places))
    return found | dict(zip(open_places, results, strict=True))


def _may_help(unusable: Unusable, may_make: bool) -> bool:
    """Whether a list that was not found may be created for this message."""
    return may_make and unusable.reason is Reason.LIST_NOT_FOUND


async def _remember(cycle_state: CycleState, places: Mapping[ListPlace, bool]) -> None:
    """Load the lists that earlier processes found."""
    lists = cycle_state.portal.marketing.lists
    unknown = [key for object_type, key in places if (object_type, key) not in lists]
    if not unknown:
        return
    stored = await cycle_state.load(cycle_state.record.marketing.lists, unknown)
    for key, known in stored.items():
        lists[known.object, key] = known


async def find_list(cycle_state: CycleState, place: ListPlace, may_make: bool) -> Found:
    """Look one list up, and create it if HubSpot has none and it may be."""
    memory = cycle_state.portal.marketing
    memory.lists.pop(place, None)
    _, key = place
    result = await _look_up(cycle_state, place)
    if result is None and may_make and not key.isdecimal():
        result = await _create(cycle_state, place)
    if result is None:
        hint = "" if key.isdecimal() else "; a message of a public write key, or a rule without create_list, makes none"
        result = Unusable(Reason.LIST_NOT_FOUND, f"HubSpot has no such list{hint}", cycle_state.now_ms)
    if isinstance(result, Unusable):
        memory.unusable[place] = result
    elif isinstance(result, KnownList):
        memory.unusable.pop(place, None)
        memory.lists[place] = result
        cycle_state.known_lists[place] = result
    return result


async def _look_up(cycle_state: CycleState, place: ListPlace) -> Found | None:
    """The list, by id or by name; None if HubSpot has none."""
    object_type, key = place
    paths, type_id = cycle_state.paths, type_id_of(cycle_state, object_type)
    path = paths.one_list(key) if key.isdecimal() else paths.list_by_name(type_id, key.strip())
    verdict, answer = await cycle_state.caller.ask(Call("find list", "GET", path), is_optional=True)
    _note(cycle_state, verdict, answer)
    if answer.status == NOT_FOUND:
        return None
    if not isinstance(verdict, Delivered):
        return verdict
    found = found_list(answer.body)
    return None if found is None else _checked(cycle_state, place, found)


async def _create(cycle_state: CycleState, place: ListPlace) -> Found | None:
    """A new static list. Somebody may have created it meanwhile: then it is found by its name."""
    object_type, key = place
    body = create_list(key.strip(), type_id_of(cycle_state, object_type))
    call = Call("create list", "POST", cycle_state.paths.lists, body)
    verdict, answer = await cycle_state.caller.ask(call, is_optional=True)
    _note(cycle_state, verdict, answer)
    if isinstance(verdict, Delivered):
        found = found_list(answer.body)
        result = _checked(cycle_state, place, found) if found is not None else await _look_up(cycle_state, place)
        return msgspec.structs.replace(result, is_own=True) if isinstance(result, KnownList) else result
    if answer.status != BAD_REQUEST:
        return verdict
    problem = read_problem(answer.body)
    if DUPLICATE_NAME in (problem.sub_category, *problem.codes) or "already exists" in problem.message:
        taken = "HubSpot has each name once, and another list has it: in other letters, or of other records"
        return await _look_up(cycle_state, place) or Unusable(Reason.LIST_UNUSABLE, taken, cycle_state.now_ms)
    return Unusable(Reason.LIST_UNUSABLE, problem.text, cycle_state.now_ms)


def _checked(cycle_state: CycleState, place: ListPlace, found: FoundList) -> KnownList | Unusable:
    object_type, key = place
    if found.type_id and found.type_id != type_id_of(cycle_state, object_type):
        return Unusable(Reason.LIST_UNUSABLE, f"it is not a list of {object_type} records", cycle_state.now_ms)
    if not found.takes_members:
        return Unusable(Reason.LIST_UNUSABLE, "HubSpot's filters decide the members of this list", cycle_state.now_ms)
    return KnownList(
        key=key,
        object=object_type,
        list_id=found.list_id,
        name=found.name or key.strip(),
        size=found.size,
        read_at_ms=cycle_state.now_ms,
    )


def _note(cycle_state: CycleState, verdict: Verdict, answer: Answer) -> None:
    """Note whether HubSpot accepts lists from this token."""
    memory = cycle_state.portal.marketing
    if answer.status == FORBIDDEN and isinstance(verdict, Dead):
        memory.refuse(Feature.LISTS, verdict.detail, cycle_state.now_ms)
    elif isinstance(verdict, Delivered) or answer.status == NOT_FOUND:
        memory.accept(Feature.LISTS)


def type_id_of(cycle_state: CycleState, object_type: str) -> str:
    """HubSpot's number of an object type. The schema of every type that a rule names has been read."""
    known = cycle_state.schema.objects.get(object_type)
    found = known.object_type if known is not None else standard_type(object_type)
    return found.type_id if found is not None else object_type

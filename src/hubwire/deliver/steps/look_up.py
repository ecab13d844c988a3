"""Reads HubSpot's own state in batches, and only where it can matter.

It answers three questions: does a record still exist (100 per call); who wrote to it, and when (50 per call); and which
of many records changed at all since the oldest message in question.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from hubwire.deliver.calls.caller import TRIES_IN_CYCLE, Caller, together
from hubwire.deliver.cycle.coalesce import DesiredRecord
from hubwire.deliver.cycle.state import CycleState
from hubwire.delivery import Delivered, Retry, Verdict
from hubwire.hubspot.call import Call, split
from hubwire.hubspot.paths import Paths
from hubwire.hubspot.reading import (
    ADDITIONAL_EMAILS,
    CHANGED_PAGE,
    RECORDS_PER_HISTORY_READ,
    RECORDS_PER_READ,
    HeldRecord,
    associated_ids,
    held_records,
    read_associated,
    read_objects,
    search_changed,
    total_and_next,
)
from hubwire.hubspot.wire import ADDITIONAL_DOMAINS
from hubwire.reasons import Reason

MODIFIED = "lastmodifieddate"
CONTACT_KEYS = ("email", ADDITIONAL_EMAILS, "createdate", MODIFIED)
COMPANY_KEYS = ("domain", ADDITIONAL_DOMAINS, "createdate")
SHOWN = {"contacts": CONTACT_KEYS, "companies": COMPANY_KEYS}
"""The properties that every read of a type shows."""
CONTACTS_PER_ASSOCIATION_READ = 1000
BAD_REQUEST = 400
NOT_FOUND = 404
WORTH_ASKING = 200
"""For more records than this, a search first finds the changed ones, unless most of a first read changed."""


@dataclass(slots=True)
class Held:
    """The records that reads found. `unread`: keys that could not be read now, and why. Other keys do not exist."""

    records: dict[str, HeldRecord] = field(default_factory=dict)
    unread: dict[str, Retry] = field(default_factory=dict)
    is_refused: bool = False
    """The token may not read these records, so nothing is known about any of them."""


Names = Callable[[HeldRecord], Collection[str]]
PositionsByKey = Mapping[str, Sequence[int]]
"""Key -> the positions of the messages for which it is read."""


async def read_contacts(
    caller: Caller, paths: Paths, emails: PositionsByKey, history: Sequence[str] = (), shown: Sequence[str] = ()
) -> Held:
    """The contacts of these addresses, also by additional ones; with `history` the versions of those properties."""
    by_email = _Read("contacts", history, lambda record: record.emails, "email", shown)
    return await _read(caller, paths, by_email, emails)


async def read_companies(caller: Caller, paths: Paths, ids: PositionsByKey, history: Sequence[str] = ()) -> Held:
    """The companies of these record ids."""
    return await read_records(caller, paths, "companies", ids, history)


async def read_records(
    caller: Caller,
    paths: Paths,
    object_type: str,
    ids: PositionsByKey,
    history: Sequence[str] = (),
    shown: Sequence[str] = (),
) -> Held:
    """The records of these ids; with `history` the versions of those properties."""
    by_id = _Read(object_type, history, lambda record: [record.record_id], None, shown)
    return await _read(caller, paths, by_id, ids)


async def read_by_key(
    caller: Caller,
    paths: Paths,
    object_type: str,
    name: str,
    values: PositionsByKey,
    history: Sequence[str] = (),
    shown: Sequence[str] = (),
) -> Held:
    """The records with these values of a unique property; with `history` the versions of those properties."""
    by_key = _Read(object_type, history, lambda record: [record.properties.get(name, "")], name, shown)
    return await _read(caller, paths, by_key, values)


async def read_moved_company(caller: Caller, paths: Paths, record_id: str) -> HeldRecord | None:
    """The company into which another was merged. Only the read of a single record follows a merge."""
    path = paths.objects("companies", record_id) + f"?properties={','.join(COMPANY_KEYS)}"
    verdict, answer = await caller.ask(Call("read company", "GET", path), is_optional=True)
    records = held_records(answer.body) if isinstance(verdict, Delivered) else []
    return records[0] if records else None


async def companies_of_contacts(caller: Caller, paths: Paths, contact_ids: Sequence[str]) -> list[HeldRecord]:
    """The companies that these contacts are associated with, whoever associated them."""
    found: set[str] = set()
    path = paths.associations("contacts", "companies", "batch/read")
    for part in split(contact_ids, CONTACTS_PER_ASSOCIATION_READ):
        call = Call("read associations", "POST", path, read_associated(part), kind="associations")
        verdict, answer = await caller.ask(call, is_optional=True)
        if isinstance(verdict, Delivered):
            found.update(company_id for ids in associated_ids(answer.body).values() for company_id in ids)
    held = await read_companies(caller, paths, dict.fromkeys(sorted(found), ())) if found else Held()
    return list(held.records.values())


async def changed_contacts(caller: Caller, paths: Paths, count: int, since_ms: int) -> set[str] | None:
    """The addresses of contacts that changed since a time; None if they are too many to be useful.

    Shape: `count` is the number of records to read without this search, whose pages cost a small part of that. The
    search lags by seconds, as does a read before a write.
    """
    found: set[str] = set()
    after: str | None = None
    while True:
        body = search_changed(MODIFIED, since_ms, ("email", ADDITIONAL_EMAILS), after)
        call = Call("search contacts", "POST", paths.objects("contacts", "search"), body, "search")
        verdict, answer = await caller.ask(call, is_optional=True)
        total, after = total_and_next(answer.body)
        if not isinstance(verdict, Delivered) or total > max(CHANGED_PAGE, count * 4 // 5):
            return None
        found.update(email for record in held_records(answer.body) for email in record.emails)
        if after is None:
            return found


@dataclass(frozen=True, slots=True)
class _Read:
    """How records are read: by `id_property`, or else by record id. `names` gives the keys that a record answers."""

    object_type: str
    history: Sequence[str]
    names: Names
    id_property: str | None = None
    also_shown: Sequence[str] = ()

    def call(self, paths: Paths, keys: Sequence[str]) -> Call:
        own = () if self.id_property is None else (self.id_property,)
        shown = tuple(dict.fromkeys((*SHOWN.get(self.object_type, ()), *own, *self.also_shown)))
        body = read_objects(keys, shown, self.history, id_property=self.id_property)
        path = paths.objects(self.object_type, "batch/read")
        return Call(f"read {self.object_type}", "POST", path, body, id_property=self.id_property)


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads records in batches, and the halves of a batch that fails; what it found is in `held`.

    A class, because a nested function that calls itself is a reference cycle. It would keep the cycle's calls and the
    records until Python searches for reference cycles, which is rare (`collect_rarely`).
    """

    caller: Caller
    paths: Paths
    how: _Read
    positions_by_key: PositionsByKey
    held: Held = field(default_factory=Held)

    async def batch(self, keys: Sequence[str], max_tries: int = TRIES_IN_CYCLE) -> None:
        caller, held = self.caller, self.held
        positions = [position for key in keys for position in self.positions_by_key[key]]
        call = self.how.call(self.paths, keys)
        verdict, answer = await caller.ask(call, positions, is_optional=True, max_tries=max_tries)
        is_poisoned = answer.status == BAD_REQUEST or (_is_failure(verdict) and await caller.is_alive())
        match verdict:
            case Delivered():
                for record in held_records(answer.body):
                    names = self.how.names(record)
                    held.records.update((name, record) for name in names if name in self.positions_by_key)
            case _ if is_poisoned and len(keys) > 1:
                # A key on which HubSpot fails, or that it refuses, must not block the others.
                await together(*(self.batch(half, 1) for half in split(keys, -(-len(keys) // 2))))
            case Retry():
                held.unread.update(dict.fromkeys(keys, verdict))
            case _:
                held.is_refused |= answer.status not in (BAD_REQUEST, NOT_FOUND)


async def _read(caller: Caller, paths: Paths, how: _Read, positions_by_key: PositionsByKey) -> Held:
    reading = _Reading(caller, paths, how, positions_by_key)
    suspects = [key for key, positions in positions_by_key.items() if caller.is_suspect(positions)]
    others = [key for key in positions_by_key if key not in suspects]
    batches = split(others, RECORDS_PER_HISTORY_READ if how.history else RECORDS_PER_READ)
    await together(*(reading.batch(batch) for batch in batches), *(reading.batch([key], 1) for key in suspects))
    return reading.held


def _is_failure(verdict: Verdict) -> bool:
    return isinstance(verdict, Retry) and verdict.reason is Reason.HUBSPOT_FAILED


SURE_MS = 2000
"""A record that was seen less than this time ago still exists."""
IMPORT_SPARE_MS = 60_000
"""The same for imported messages in a quiet portal: a minute, so that an import does not look at its own records."""
IMPORT_SURE_MS = 10 * 60_000
"""A record that imported messages rely on, or change nothing of, is looked up after this time in any portal, because a
file that is imported again changes nothing. Most imports take less time, so each reads a record once."""


def unseen(
    cycle_state: CycleState,
    object_type: str,
    desired_by_key: Mapping[str, DesiredRecord],
    seen_at_ms: Mapping[str, int],
    relied: Set[str],
    unchanged: Set[str],
) -> list[str]:
    """Keys of the records to look up: those not seen for long, suspects, those of a replay, and, if there are reads to
    spare, those not seen in the last seconds.

    Shape: `seen_at_ms` has the known records of the cycle; `relied` are those on which something depends; nothing is
    written to the `unchanged` ones, so only a look shows that they are gone. Who replays expects that a record which is
    gone is made again, even if no value changed.
    """
    recent_looks, now_ms = cycle_state.portal.recent_looks, cycle_state.now_ms
    needed, imported = relied | unchanged, cycle_state.imported
    before_ms, sure_from_ms = cycle_state.unseen_before_ms, now_ms - SURE_MS
    replayed = {position for position, due in cycle_state.outcomes.due.items() if due.is_replay}

    def is_imported(key: str) -> bool:
        return imported.issuperset(desired_by_key[key].positions)

    def is_due(key: str, at_ms: int) -> bool:
        is_old = key in needed and at_ms < (max(before_ms, now_ms - IMPORT_SURE_MS) if is_imported(key) else before_ms)
        return at_ms == 0 or is_old or (at_ms < sure_from_ms and not replayed.isdisjoint(desired_by_key[key].positions))

    due = [key for key, at_ms in seen_at_ms.items() if is_due(key, at_ms)]
    optional = set(relied)
    if not cycle_state.import_goes_on:
        wait_ms = cycle_state.recheck_ms
        optional |= {key for key in unchanged if not recent_looks.is_recent(object_type, key, now_ms, wait_ms)}
    optional = (optional & seen_at_ms.keys()).difference(due)
    # A large import spends no read that it can do without, and does not look again at what it has just written.
    last_ms = 0 if cycle_state.import_goes_on else now_ms - IMPORT_SPARE_MS
    optional = {key for key in optional if seen_at_ms[key] < last_ms or not is_imported(key)}
    spare = [key for key, at_ms in seen_at_ms.items() if key in optional and before_ms <= at_ms < sure_from_ms]
    spare.sort(key=seen_at_ms.__getitem__)
    room = -len(due) % RECORDS_PER_READ
    if room < len(spare) and _may_spare(cycle_state):
        room += RECORDS_PER_READ
    looked_up = due + spare[:room]
    recent_looks.note(object_type, (unchanged - relied) & set(looked_up), now_ms)
    return looked_up


def to_read_again(cycle_state: CycleState, object_type: str, known: Iterable[str], unread_count: int) -> list[str]:
    """The keys among `known` whose history is some seconds old and is read again: people may have written since.

    Shape: a read that is made anyway has room for `unread_count` and some of these; a quiet portal has a read to spare.
    Between the cycles of a large import, each record is read once.
    """
    if cycle_state.import_goes_on:
        return []
    reads = cycle_state.portal.histories.reads
    old = [key for key in known if cycle_state.now_ms - reads[object_type, key].at_ms > SURE_MS]
    room = -unread_count % RECORDS_PER_HISTORY_READ
    if room < len(old) <= RECORDS_PER_HISTORY_READ and _may_spare(cycle_state):
        return old
    return old[:room]


def _may_spare(cycle_state: CycleState) -> bool:
    return cycle_state.caller.has_plenty() and cycle_state.portal.spare_reads.take(cycle_state.now_ms)

"""Estimates the HubSpot calls of an import before it begins. Pure; sends and stores nothing.

It runs the lane's own planning and merging over the file, in cycles of the lane's size, with a memory of the values
that earlier cycles would have confirmed: unchanged values are not counted again.

The estimate is approximate. Reads are counted as if no record were in memory and HubSpot had all of them, so they are
mostly fewer. A few calls can be added: while an import is still being read, a lane's cycles can be smaller.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

import msgspec

from hubwire.deliver.cycle.coalesce import (
    DesiredRecord,
    Work,
    confirm,
    difference,
)
from hubwire.deliver.cycle.gather import Gatherer, LoadLinks
from hubwire.deliver.cycle.outcomes import Outcomes
from hubwire.deliver.cycle.recent_records import RecentContacts
from hubwire.deliver.steps.companies import DOMAIN
from hubwire.deliver.steps.company_search import DOMAINS_PER_SEARCH
from hubwire.deliver.steps.look_up import CONTACTS_PER_ASSOCIATION_READ
from hubwire.destination import Destination, Source
from hubwire.hubspot.call import (
    ASSOCIATIONS_PER_CALL,
    EVENTS_PER_CALL,
    OBJECTS_PER_CALL,
    SEARCH_BODY_BYTES,
    split_by_size,
)
from hubwire.hubspot.reading import RECORDS_PER_HISTORY_READ, RECORDS_PER_READ
from hubwire.message import JournalRow
from hubwire.operation import Discard, Hold, Link
from hubwire.record.protocol import Company, Person
from hubwire.schema import PortalSchema

FOR_EVER_MS = 1 << 60
MAX_LEFT_OUT = 100


class Estimate(msgspec.Struct, kw_only=True):
    """The calls to one destination. `calls`: by kind; `day_percent`: their share of the day's calls."""

    destination: str
    messages: int = 0
    contacts: int = 0
    companies: int = 0
    associations: int = 0
    events: int = 0
    definitions: int = 0
    discarded: dict[str, int] = {}
    left_out: dict[str, int] = {}
    """The number of messages by `field: reason`, for each field that would be left out."""
    held: int = 0
    held_by: dict[str, int] = {}
    """The number of held messages by reason."""
    unreadable: int = 0
    """Rows and files with a fault, which an import leaves out."""
    calls: dict[str, int] = {}
    total_calls: int = 0
    seconds: float = 0.0
    day_percent: float = 0.0
    schema_is_default: bool = False
    """The portal could not be read, so HubSpot's default properties were assumed."""


@dataclass(slots=True)
class Estimator:
    """Adds up cycles. `load_links` reads the record's identity memory."""

    destination: Destination
    sources: Mapping[int, Source]
    schema: PortalSchema
    load_links: LoadLinks
    _learnt: dict[tuple[str, str], Link] = field(default_factory=dict)
    _people: dict[str, Person] = field(default_factory=dict)
    _companies: dict[str, Company] = field(default_factory=dict)
    _pairs: set[tuple[str, str]] = field(default_factory=set)
    _defined: set[str] = field(default_factory=set)
    _calls: Counter[str] = field(default_factory=Counter)
    _discarded: Counter[str] = field(default_factory=Counter)
    _left_out: Counter[str] = field(default_factory=Counter)
    _held: dict[int, JournalRow] = field(default_factory=dict)
    _held_by: dict[int, str] = field(default_factory=dict)
    _messages: int = 0
    _events: int = 0
    _new: RecentContacts = field(default_factory=RecentContacts)
    _read: int = 0
    """Contacts that are compared with HubSpot: a read takes them from several cycles."""

    def take(self, rows: Sequence[JournalRow]) -> None:
        """Add one cycle."""
        self._messages += len(rows)
        work, outcomes, rows_now = self._gathered([*self._held.values(), *rows])
        self._held.clear()
        self._held_by.clear()
        for position, fate in outcomes.fates.items():
            if isinstance(fate, Discard):
                self._discarded[str(fate.reason)] += 1
            elif isinstance(fate, Hold):
                self._held[position] = rows_now[position]
                self._held_by[position] = str(fate.reason)
        for position, items in outcomes.left_out.items():
            if position not in outcomes.fates:
                self._left_out.update({f"{item.field}: {item.reason}" for item in items})
        for email, _ in work.associations:
            work.contacts.setdefault(email, DesiredRecord(email))
        new_contacts = self._add_contacts(work)
        self._add_companies(work, new_contacts)
        fresh = {pair for pair in work.associations if pair not in self._pairs}
        self._pairs |= fresh
        self._calls["associate"] += -(-len(fresh) // ASSOCIATIONS_PER_CALL)
        self._add_events(work)

    def estimate(self, calls_per_second: float, calls_per_day: int) -> Estimate:
        """The sums. Units: both limits in calls."""
        # An upper bound: if few of the contacts changed since the history began, fewer calls are needed.
        calls = self._calls + Counter({"read contacts": -(-self._read // RECORDS_PER_HISTORY_READ)})
        total = calls.total()
        return Estimate(
            destination=self.destination.name,
            messages=self._messages,
            contacts=len(self._people),
            companies=len(self._companies),
            associations=len(self._pairs),
            events=self._events,
            definitions=len(self._defined),
            discarded=dict(self._discarded.most_common()),
            left_out=dict(self._left_out.most_common(MAX_LEFT_OUT)),
            held=len(self._held),
            held_by=dict(Counter(self._held_by.values()).most_common()),
            calls={name: count for name, count in sorted(calls.items()) if count},
            total_calls=total,
            seconds=math.ceil(total / calls_per_second * 10) / 10,
            day_percent=round(total * 100 / calls_per_day, 2),
        )

    def _gathered(self, rows: Sequence[JournalRow]) -> tuple[Work, Outcomes, dict[int, JournalRow]]:
        outcomes = Outcomes()
        gatherer = Gatherer(self.destination, self.sources, self.schema, self._load_links, outcomes)
        readable = [row for row in rows if row.rejected is None]
        gatherer.take(readable)
        gatherer.finish()
        for link in gatherer.identity.changed:
            self._learnt[link.space, link.key] = link
        return gatherer.work, outcomes, {row.position: row for row in readable}

    def _load_links(self, keys: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Link]:
        all_keys = set(keys)
        learnt = {key: self._learnt[key] for key in all_keys if key in self._learnt}
        return {**self.load_links(all_keys - learnt.keys()), **learnt}

    def _add_contacts(self, work: Work) -> set[str]:
        """Add the cycle's contacts; those that memory does not know."""
        changed = 0
        unknown: set[str] = set()
        for email, desired in work.contacts.items():
            person = self._people.get(email)
            if person is None:
                person = self._people[email] = Person(email, contact_id="?", confirmed_at_ms=0)
                self._read += bool(desired.values)
                unknown.add(email)
                changed += 1
            elif difference(desired, person, 0, FOR_EVER_MS).send:
                changed += 1
            confirm(person, desired)
        self._calls["upsert contacts"] += -(-changed // OBJECTS_PER_CALL)
        return unknown

    def _add_companies(self, work: Work, new_contacts: Set[str]) -> None:
        changed, unknown = 0, []
        for domain, desired in work.companies.items():
            company = self._companies.get(domain)
            if company is None:
                company = self._companies[domain] = Company(domain, company_id="?", confirmed_at_ms=0)
                changed += 1
                unknown.append(domain)
            elif difference(desired, company, 0, FOR_EVER_MS).send:
                changed += 1
            confirm(company, desired)
        self._calls["write companies"] += -(-changed // OBJECTS_PER_CALL)
        # At most, as with contacts: those that are not in HubSpot yet are not read.
        compared = sum(bool(work.companies[domain].values.keys() - {DOMAIN}) for domain in unknown)
        self._calls["read companies"] += -(-compared // RECORDS_PER_HISTORY_READ)
        self._add_searches(unknown, new_contacts)

    def _add_searches(self, unknown: Sequence[str], new_contacts: Set[str]) -> None:
        """Add the calls that find companies, also those that HubSpot makes of the e-mail domains of new contacts.

        Hubwire waits for the latter and looks for them in a later cycle.
        """
        for email in sorted(new_contacts):
            self._new.note(email, email, 0, 0)
        contacts = {domain: self._new.of_domain(domain, 0) for domain in unknown}
        own = [domain for domain in unknown if contacts[domain]]
        ids = {email for domain in own for email in contacts[domain]}
        self._calls["search companies"] += _searches([domain for domain in unknown if not contacts[domain]])
        self._calls["search companies"] += _searches(own)
        self._calls["read associations"] += -(-len(ids) // CONTACTS_PER_ASSOCIATION_READ)
        self._calls["read companies"] += -(-len(own) // RECORDS_PER_READ)

    def _add_events(self, work: Work) -> None:
        for event in work.events:
            if event.event not in self.schema.events and event.event not in self._defined:
                self._defined.add(event.event)
                self._calls["define events"] += 1
        self._events += len(work.events)
        self._calls["send events"] += -(-len(work.events) // EVENTS_PER_CALL)


def _searches(domains: Sequence[str]) -> int:
    return len(split_by_size(domains, SEARCH_BODY_BYTES, DOMAINS_PER_SEARCH))


def cycles(rows: Iterable[JournalRow], cycle_messages: int) -> Iterator[list[JournalRow]]:
    """The rows in groups of a lane's cycle size."""
    group: list[JournalRow] = []
    for row in rows:
        group.append(row)
        if len(group) >= cycle_messages:
            yield group
            group = []
    if group:
        yield group

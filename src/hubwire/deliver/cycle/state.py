"""One cycle's state: what its steps share, what it learnt, and what HubSpot refused; the lane records it at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from hubwire.deliver.calls.caller import Caller
from hubwire.deliver.cycle.coalesce import Older, make_unsure
from hubwire.deliver.cycle.objects import CycleObjects
from hubwire.deliver.cycle.off_loop import OffLoop, inline
from hubwire.deliver.cycle.outcomes import Outcomes
from hubwire.deliver.cycle.portal_schema import Portal
from hubwire.deliver.limits.source_limits import Made
from hubwire.deliver.verdicts import without_answer
from hubwire.deliver.verdicts.dependants import follows
from hubwire.delivery import Delivered, Verdict
from hubwire.destination import Destination
from hubwire.hubspot.paths import Paths
from hubwire.message import JournalRow
from hubwire.operation import Discard, Hold, LeftOut, Link, RecordRef
from hubwire.reasons import Reason
from hubwire.record.marketing import KnownList, Membership, Preference, Submission
from hubwire.record.protocol import Company, ObjectRecord, Person, Record
from hubwire.schema import PortalSchema

K = TypeVar("K")
T = TypeVar("T")
SECOND_MS = 1000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
LONG_WAIT_MS = HOUR_MS


def nothing_kept(positions: Sequence[int]) -> Mapping[int, JournalRow]:
    """The journal of a cycle that needs none."""
    return {}


@dataclass(slots=True)
class CycleState:
    """The shared state of a cycle's steps, and its results for the record.

    Units: a value confirmed within `suppress_ms` is not sent again.
    """

    destination: Destination
    record: Record
    portal: Portal
    caller: Caller
    now_ms: int
    suppress_ms: int
    outcomes: Outcomes = field(default_factory=Outcomes)
    links: Sequence[Link] = ()
    """The identity links that the cycle's messages taught."""
    read_at: Callable[[Sequence[int]], Mapping[int, JournalRow]] = nothing_kept
    """The journal's messages at these positions."""
    off_loop: OffLoop = inline
    imported: frozenset[int] = frozenset()
    """Positions of imported messages: history, whatever its age."""
    import_goes_on: bool = False
    """Whether another cycle of imported messages follows at once."""
    received_at_ms: Mapping[int, int] = field(default_factory=dict)
    """When each message was received, by position."""
    public: Mapping[int, int] = field(default_factory=dict)
    """The source of each message of a web or mobile source, whose write keys are public, by position."""
    check_before_ms: int = 0
    """Messages that arrived before this time are late: nobody drove the lane for a while."""
    company_linger_ms: int = 0
    """How long live messages wait after the last calls for companies before the next ones."""
    is_repeated: bool = False
    """Whether an earlier cycle may have written values of these messages without a recorded answer."""
    definitions_made: dict[int, Made] = field(default_factory=dict)
    """The definitions that public sources made in this portal, by source. Changed by the cycle."""
    unmade: Mapping[str, Verdict] = field(default_factory=dict)
    """Events whose definition could not be created in this cycle, and why."""
    older: list[Older] = field(default_factory=list)
    """Values that lost to a confirmed one."""
    people: dict[str, Person] = field(default_factory=dict)
    companies: dict[str, Company] = field(default_factory=dict)
    changed_people: dict[str, Person] = field(default_factory=dict)
    changed_companies: dict[str, Company] = field(default_factory=dict)
    unread_contacts: set[str] = field(default_factory=set)
    """Contacts that must be compared with HubSpot and could not be read now."""
    new_contacts: set[str] = field(default_factory=set)
    """Contacts that this cycle created."""
    other_contacts: set[str] = field(default_factory=set)
    """Contacts (and, below, companies) whose record is no longer the one that their associations were made with."""
    other_companies: set[str] = field(default_factory=set)
    associations: list[tuple[str, str]] = field(default_factory=list)
    unlinked: list[tuple[str, str]] = field(default_factory=list)
    """Associations whose contact or company is another record now."""
    objects: CycleObjects = field(default_factory=CycleObjects)
    """Records other than contacts and companies."""
    known_lists: dict[tuple[str, str], KnownList] = field(default_factory=dict)
    """Lists that this cycle found or created, by object type and key."""
    memberships: list[Membership] = field(default_factory=list)
    preferences: list[Preference] = field(default_factory=list)
    submissions: dict[str, Submission] = field(default_factory=dict)
    _refused_contacts: dict[str, Verdict] = field(default_factory=dict)
    _refused_companies: dict[str, Verdict] = field(default_factory=dict)

    @property
    def destination_id(self) -> int:
        return self.destination.destination_id

    @property
    def paths(self) -> Paths:
        return self.portal.paths

    @property
    def schema(self) -> PortalSchema:
        return self.portal.known

    async def load(self, lookup: Callable[[int, Iterable[K]], T], keys: Iterable[K]) -> T:
        """The record's memory of these keys at this destination."""
        return await self.off_loop(lookup, self.destination_id, keys)

    @property
    def late_ms(self) -> int:
        """The age from which a message is compared with HubSpot's history."""
        return round(self.destination.late_after_minutes * MINUTE_MS)

    @property
    def unseen_before_ms(self) -> int:
        """A record that was last seen before this time is looked up, unless this cycle writes to it."""
        return self.now_ms - round(self.destination.confirm_after_hours * HOUR_MS)

    @property
    def recheck_ms(self) -> int:
        """How long a record to which nothing is written is not looked up a second time."""
        return round(self.destination.recheck_after_seconds * SECOND_MS)

    @property
    def company_wait_ms(self) -> int:
        """How long live messages that need a company wait from now on; 0 if nothing was sent for companies lately."""
        since_ms = self.now_ms - self.portal.companies_sent_at_ms
        return max(0, self.company_linger_ms - since_ms) if since_ms >= 0 else 0

    def is_late(self, position: int, at_ms: int) -> bool:
        """Whether somebody may have written to HubSpot between the time of a message and its delivery.

        Shape: a new message counts with its age at receipt, because a lane may linger for its budget. A message that is
        retried, or that waited for longer than any lane lingers, counts with its age now.
        """
        if position in self.imported or not self.late_ms:
            return True
        if self.received_at_ms.get(position, self.now_ms) < self.check_before_ms:
            return True
        has_waited = position in self.outcomes.due or self.now_ms - at_ms > LONG_WAIT_MS
        seen_ms = self.now_ms if has_waited else self.received_at_ms.get(position, self.now_ms)
        return seen_ms - at_ms > self.late_ms

    @property
    def has_unconfirmed_writes(self) -> bool:
        """Whether what our app wrote and the record does not know came from messages that are delivered again.

        Shape: False if a message arrived before the lane stood still: the record may be a restored backup, which lacks
        writes of messages that do not come again.
        """
        oldest_ms = min(self.received_at_ms.values(), default=self.now_ms)
        return self.is_repeated and oldest_ms >= self.check_before_ms

    def contact_id(self, email: str) -> str | None:
        """The contact's record id, if HubSpot has confirmed it."""
        person = self.people.get(email)
        return person.contact_id if person else None

    def company_id(self, domain: str) -> str | None:
        """The company's record id, if HubSpot has confirmed it."""
        company = self.companies.get(domain)
        return company.company_id if company else None

    def record_id(self, ref: RecordRef) -> str | None:
        """The id of a record of any type, if HubSpot has confirmed it."""
        if ref.object == "contact":
            return self.contact_id(ref.key)
        return self.company_id(ref.key) if ref.object == "company" else self.objects.record_id(ref)

    def path_of(self, object_type: str) -> str:
        """An object type in paths."""
        return self.portal.path_of(object_type)

    def association_path(self, ends: tuple[str, str], suffix: str) -> str:
        """The path of calls about associations of two object types."""
        return self.paths.associations(self.path_of(ends[0]), self.path_of(ends[1]), suffix)

    def known_values(self, ref: RecordRef) -> Person | Company | ObjectRecord | None:
        """What is remembered of a record of any type."""
        if ref.object == "contact":
            return self.people.get(ref.key)
        return self.companies.get(ref.key) if ref.object == "company" else self.objects.known.get(ref)

    def suspect_record(self, ref: RecordRef) -> None:
        """Look a record of any type up before its id is used again: the id may lead nowhere."""
        known = self.known_values(ref)
        if known is not None:
            known.seen_at_ms = 0
            self._note_changed(known)

    def unconfirm_record(self, ref: RecordRef, names: Iterable[str]) -> None:
        """Note that these values may or may not have been written: none counts as confirmed."""
        known = self.known_values(ref)
        if known is not None and make_unsure(known, names):
            self._note_changed(known)

    def _note_changed(self, known: Person | Company | ObjectRecord) -> None:
        match known:
            case Person():
                self.changed_people[known.email] = known
            case Company():
                self.changed_companies[known.domain] = known
            case ObjectRecord():
                self.objects.changed[known.ref] = known

    def refuse_record(self, ref: RecordRef, positions: Iterable[int], fate: Verdict | Hold) -> None:
        """Note that nothing is written to this record: its messages, and everything that depends on it, share this."""
        self.objects.refused[ref] = fate
        self.settle(positions, fate)

    def settle(self, positions: Iterable[int], fate: Verdict | Hold) -> None:
        """Hold or judge messages. What holds a message first stays."""
        if not isinstance(fate, Hold):
            self.outcomes.judge(positions, fate)
            return
        for position in positions:
            if position not in self.outcomes.fates:
                self.outcomes.discard_or_hold(position, fate)

    def missing_record(self, ref: RecordRef) -> Verdict | Hold:
        """The fate of what depends on a record that HubSpot has not confirmed."""
        if ref.object == "contact":
            return self.missing_verdict(ref.key, None)
        if ref.object == "company":
            return self.missing_verdict("", ref.key)
        fate = self.objects.refused.get(ref)
        if fate is None:
            return without_answer.record_missing()
        return fate if isinstance(fate, Hold) else follows(fate)

    def refuse_contact(self, email: str, positions: Sequence[int], verdict: Verdict) -> None:
        """Note that HubSpot refused this contact: its messages, and everything that depends on it, get the verdict."""
        self._refused_contacts[email] = verdict
        self.outcomes.judge(positions, verdict)

    def refuse_company(self, domain: str, positions: Sequence[int], verdict: Verdict) -> None:
        """Note that HubSpot refused this company: its messages, and everything that depends on it, get the verdict."""
        self._refused_companies[domain] = verdict
        self.outcomes.judge(positions, verdict)

    def hold_contact(self, email: str, positions: Sequence[int], fate: Verdict | Hold) -> None:
        """Note that nothing is written to this contact now: its messages, and everything that depends on it, wait."""
        if isinstance(fate, Hold):
            self.leave_contact(email)
            self.settle(positions, fate)
        else:
            self.refuse_contact(email, positions, fate)

    def hold_company(self, domain: str, positions: Sequence[int], fate: Verdict | Hold) -> None:
        """The same for a company."""
        if isinstance(fate, Hold):
            self.leave_company(domain)
            self.settle(positions, fate)
        else:
            self.refuse_company(domain, positions, fate)

    def leave_contact(self, email: str) -> None:
        """HubSpot has no such contact, and none may be made: what depends on it is not sent, either."""
        self._refused_contacts[email] = Delivered()

    def leave_company(self, domain: str) -> None:
        """The same for a company."""
        self._refused_companies[domain] = Delivered()

    def is_refused(self, email: str) -> bool:
        """Whether nothing is sent for this contact in this cycle."""
        return email in self._refused_contacts

    def discard_contact(self, email: str, positions: Iterable[int], shared: frozenset[int]) -> None:
        """Discard the messages of a person whom HubSpot deleted for privacy and whose address it refuses.

        Shape: `shared` are positions of messages that also concern somebody else; the rest of these is sent.
        """
        self._refused_contacts[email] = Delivered()
        for position in positions:
            if position in shared:
                self.outcomes.leave_out(position, [LeftOut("contact", Reason.DELETED_FOR_PRIVACY)])
            else:
                self.outcomes.discard_or_hold(position, Discard(Reason.DELETED_FOR_PRIVACY))

    def contact_is(self, person: Person, contact_id: str | None) -> None:
        """Note the record that HubSpot has for this contact; None if it has none."""
        if person.contact_id is not None and person.contact_id != contact_id:
            self.other_contacts.add(person.email)
            self.portal.histories.forget("contacts", person.email)
            self.portal.recent_looks.forget("contacts", person.email)
        person.contact_id = contact_id
        person.seen_at_ms = self.now_ms
        self.people[person.email] = self.changed_people[person.email] = person

    def company_is(self, company: Company, company_id: str | None) -> None:
        """Note the record that HubSpot has for this company; None if it has none."""
        if company.company_id is not None and company.company_id != company_id:
            self.other_companies.add(company.domain)
            self.portal.histories.forget("companies", company.domain)
            self.portal.recent_looks.forget("companies", company.domain)
        company.company_id = company_id
        company.seen_at_ms = self.now_ms
        self.companies[company.domain] = self.changed_companies[company.domain] = company

    def make_shared_unsure(self, known: Person | Company) -> None:
        """Mark all values of a record to which another key leads as unsure: the other key may have overwritten them."""
        if isinstance(known, Person):
            place, record_id, key = "contacts", known.contact_id, known.email
        else:
            place, record_id, key = "companies", known.company_id, known.domain
        if record_id is not None and self.portal.record_keys.note(place, record_id, key):
            make_unsure(known, list(known.properties))

    def missing_verdict(self, email: str, domain: str | None) -> Verdict:
        """The verdict of an event or association whose contact (or company) HubSpot has not confirmed."""
        for verdict in (self._refused_contacts.get(email), self._refused_companies.get(domain or "")):
            if verdict is not None:
                return follows(verdict)
        return without_answer.record_missing()

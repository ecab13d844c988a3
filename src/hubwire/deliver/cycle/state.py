"""One cycle's state: what its steps share, what it learnt, and what HubSpot refused; the lane records it at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from hubwire.deliver.calls.caller import Caller
from hubwire.deliver.cycle.coalesce import make_unsure
from hubwire.deliver.cycle.off_loop import OffLoop, inline
from hubwire.deliver.cycle.outcomes import Outcomes
from hubwire.deliver.cycle.portal_schema import Portal
from hubwire.deliver.verdicts import without_answer
from hubwire.deliver.verdicts.dependants import follows
from hubwire.delivery import Verdict
from hubwire.destination import Destination
from hubwire.hubspot.paths import Paths
from hubwire.operation import Link
from hubwire.record.protocol import Company, Person, Record
from hubwire.schema import PortalSchema

K = TypeVar("K")
T = TypeVar("T")


@dataclass(slots=True)
class CycleState:
    """What the steps of one cycle share, and what is recorded of it.

    Units: what was confirmed within `suppress_ms` is not sent again.
    """

    destination: Destination
    record: Record
    portal: Portal
    caller: Caller
    now_ms: int
    suppress_ms: int
    outcomes: Outcomes = field(default_factory=Outcomes)
    links: Sequence[Link] = ()
    """What the cycle's messages taught of who is who."""
    off_loop: OffLoop = inline
    unmade: Mapping[str, Verdict] = field(default_factory=dict)
    """Events whose definition could not be made in this cycle, and why."""
    people: dict[str, Person] = field(default_factory=dict)
    companies: dict[str, Company] = field(default_factory=dict)
    changed_people: dict[str, Person] = field(default_factory=dict)
    changed_companies: dict[str, Company] = field(default_factory=dict)
    associations: list[tuple[str, str]] = field(default_factory=list)
    unlinked: list[tuple[str, str]] = field(default_factory=list)
    """Associations whose contact or company is another record now."""
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
        """What the record remembers of these keys at this destination."""
        return await self.off_loop(lookup, self.destination_id, keys)

    def contact_id(self, email: str) -> str | None:
        """The contact's record id, when HubSpot has confirmed it."""
        person = self.people.get(email)
        return person.contact_id if person else None

    def company_id(self, domain: str) -> str | None:
        """The company's record id, when HubSpot has confirmed it."""
        company = self.companies.get(domain)
        return company.company_id if company else None

    def refuse_contact(self, email: str, positions: Sequence[int], verdict: Verdict) -> None:
        """HubSpot did not take this contact: its messages, and what depends on it, share the verdict."""
        self._refused_contacts[email] = verdict
        self.outcomes.judge(positions, verdict)

    def refuse_company(self, domain: str, positions: Sequence[int], verdict: Verdict) -> None:
        """HubSpot did not take this company."""
        self._refused_companies[domain] = verdict
        self.outcomes.judge(positions, verdict)

    def forget_contact(self, email: str) -> None:
        """Its record id leads nowhere: the next upsert finds or makes it again, with all that is then wanted."""
        person = self.people.get(email)
        if person is not None:
            self.people[email] = self.changed_people[email] = Person(email)

    def forget_company(self, domain: str) -> None:
        """Its record id leads nowhere: it is looked for again."""
        if domain in self.companies:
            self.companies[domain] = self.changed_companies[domain] = Company(domain)

    def unconfirm_contact(self, email: str, names: Iterable[str]) -> None:
        """These values may have been written, or not: none of them counts as there until it is confirmed."""
        person = self.people.get(email)
        if person is not None and make_unsure(person, names):
            self.changed_people[email] = person

    def unconfirm_company(self, domain: str, names: Iterable[str]) -> None:
        """What `unconfirm_contact` does, for a company."""
        company = self.companies.get(domain)
        if company is not None and make_unsure(company, names):
            self.changed_companies[domain] = company

    def missing_verdict(self, email: str, domain: str | None) -> Verdict:
        """The verdict of what needs a contact (and a company) that HubSpot has not confirmed."""
        for verdict in (self._refused_contacts.get(email), self._refused_companies.get(domain or "")):
            if verdict is not None:
                return follows(verdict)
        return without_answer.record_missing()

"""What a lane remembers of records from one cycle to the next, in memory only. Bounded: the oldest go first.

- `RecentContacts`: the contacts that were created a moment ago, whoever created them. HubSpot may be creating the
  companies of their e-mail domains, and the search does not show those companies yet.
- `RecentTimes`: when something last happened to each record, for as long as that matters: a minute or so.
- `RecordKeys`: the keys that lead to each record. A merged contact has several addresses, a company may have several
  domains. The record keeps confirmed values by key, so the memory of one key does not know what another key wrote.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

SEARCH_LAG_MS = 60_000
"""The search finds everything that was created before this time. It lags by seconds, as third parties saw live."""
MAX_DOMAINS = 10_000
MAX_PER_DOMAIN = 10
"""All contacts of one domain lead to the same company."""
MAX_REMEMBERED = 50_000
MAX_REMEMBERED_RECORDS = 50_000


@dataclass(slots=True)
class RecentContacts:
    """Record ids of contacts by the domain of their address and by each domain above it.

    Shape: a large import adds thousands of contacts in a cycle, so each question is one look into a dictionary. Of each
    domain, the first contacts are kept: HubSpot makes the company for the first one.
    """

    _made_at_ms: dict[str, dict[str, int]] = field(default_factory=dict)

    def note(self, email: str, contact_id: str, made_at_ms: int | None, now_ms: int) -> None:
        """Remember a contact, if it was created a moment ago."""
        if made_at_ms is None or now_ms - made_at_ms >= SEARCH_LAG_MS:
            return
        parts = email.rpartition("@")[2].split(".")
        for place in range(len(parts) - 1):
            domain = ".".join(parts[place:])
            of_domain = self._made_at_ms.pop(domain, {})
            if len(of_domain) >= MAX_PER_DOMAIN:
                of_domain = {known: at_ms for known, at_ms in of_domain.items() if now_ms - at_ms < SEARCH_LAG_MS}
            if len(of_domain) < MAX_PER_DOMAIN:
                # HubSpot's clock may be ahead of this one.
                of_domain.setdefault(contact_id, min(made_at_ms, now_ms))
            self._made_at_ms[domain] = of_domain
        while len(self._made_at_ms) > MAX_DOMAINS:
            del self._made_at_ms[next(iter(self._made_at_ms))]

    def first_ms(self, domain: str, now_ms: int) -> int | None:
        """When the first of these recent contacts was created; None if there is none."""
        of_domain = self._made_at_ms.get(domain, {})
        return min((at_ms for at_ms in of_domain.values() if now_ms - at_ms < SEARCH_LAG_MS), default=None)

    def of_domain(self, domain: str, now_ms: int) -> list[str]:
        """The recent contacts with an address of this domain, or of one below it."""
        of_domain = self._made_at_ms.get(domain, {})
        return [contact_id for contact_id, at_ms in of_domain.items() if now_ms - at_ms < SEARCH_LAG_MS]


@dataclass(slots=True)
class RecentTimes:
    """Keyed by object type and key or record id."""

    _at_ms: dict[tuple[str, str], int] = field(default_factory=dict)

    def is_recent(self, object_type: str, key: str, now_ms: int, age_ms: int) -> bool:
        """Whether it happened less than `age_ms` ago."""
        at_ms = self._at_ms.get((object_type, key))
        return at_ms is not None and now_ms - at_ms < age_ms

    def forget(self, object_type: str, key: str) -> None:
        """Remove the time of a record that is another one now."""
        self._at_ms.pop((object_type, key), None)

    def note(self, object_type: str, keys: Iterable[str], now_ms: int) -> None:
        """Remember that it happened to these records now."""
        for key in keys:
            self._at_ms.pop((object_type, key), None)
            self._at_ms[object_type, key] = now_ms
        while len(self._at_ms) > MAX_REMEMBERED:
            del self._at_ms[next(iter(self._at_ms))]


@dataclass(slots=True)
class RecordKeys:
    """Keyed by object type and record id; learnt from what the lane reads and writes."""

    _first: dict[tuple[str, str], str] = field(default_factory=dict)
    _shared: dict[tuple[str, str], None] = field(default_factory=dict)

    def note(self, object_type: str, record_id: str, key: str) -> bool:
        """Remember that a key leads to a record. Returns whether another key leads to it as well."""
        record = (object_type, record_id)
        if self._first.setdefault(record, key) != key:
            self._shared[record] = None
        for known in (self._first, self._shared):
            while len(known) > MAX_REMEMBERED_RECORDS:
                del known[next(iter(known))]
        return record in self._shared

    def is_shared(self, object_type: str, record_id: str) -> bool:
        """Whether several keys are known to lead to a record."""
        return (object_type, record_id) in self._shared

"""The contacts that were created in HubSpot a moment ago, whoever created them.

HubSpot may be creating the companies of their e-mail domains, and the search does not show those companies yet.
"""

from __future__ import annotations

from dataclasses import dataclass, field

SEARCH_LAG_MS = 60_000
"""The search finds everything that was created before this time. It lags by seconds, as third parties saw live."""
MAX_DOMAINS = 10_000
MAX_PER_DOMAIN = 10
"""All contacts of one domain lead to the same company."""


@dataclass(slots=True)
class RecentContacts:
    """Record ids of contacts by the domain of their address and by each domain above it. Bounded: the oldest go first.

    Shape: a large import adds thousands of contacts in a cycle, so each question is one look into a dictionary.
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
            of_domain.setdefault(contact_id, made_at_ms)
            if len(of_domain) > MAX_PER_DOMAIN:
                del of_domain[next(iter(of_domain))]
            self._made_at_ms[domain] = of_domain
        while len(self._made_at_ms) > MAX_DOMAINS:
            del self._made_at_ms[next(iter(self._made_at_ms))]

    def of_domain(self, domain: str, now_ms: int) -> list[str]:
        """The recent contacts with an address of this domain, or of one below it."""
        of_domain = self._made_at_ms.get(domain, {})
        return [contact_id for contact_id, at_ms in of_domain.items() if now_ms - at_ms < SEARCH_LAG_MS]

"""The receipt of a deletion request: what Hubwire did, without personal data."""

from __future__ import annotations

import msgspec

from hubwire.record.privacy import Erased, Regulation, RegulationState, RegulationType

NOT_COVERED = (
    "backups of the database, and exports from HubSpot",
    "log files and queues of senders",
    "data that HubSpot's own code sends from a page (device mode)",
    "messages of other people that contain the address (mentions_kept)",
)


class AtHubSpot(msgspec.Struct, kw_only=True):
    """The result of the deletion at one destination."""

    destination: str
    hub_id: str | None
    state: RegulationState
    deleted: int = 0
    error: str = ""
    may_try_again: bool = False


class Receipt(msgspec.Struct, kw_only=True):
    """Counts, names of destinations, times. `messages` were emptied; the other counts are removed rows."""

    regulation_id: str
    type: RegulationType
    state: RegulationState
    subject_count: int
    requested_at_ms: int
    finished_at_ms: int | None = None
    is_known: bool = True
    """False if the subject is unknown here and has no messages."""
    emails: int = 0
    ids: int = 0
    hubspot: list[AtHubSpot] = []
    messages: int = 0
    deliveries: int = 0
    attempts: int = 0
    links: int = 0
    contacts: int = 0
    associations: int = 0
    marketing: int = 0
    """Memberships of lists, subscriptions and form submissions."""
    records: int = 0
    """Orders, deals and other records that are about the person."""
    words: int = 0
    mentions_kept: int = 0
    is_suppressed: bool = False
    lifted: int = 0
    not_covered: tuple[str, ...] = ()

    @classmethod
    def of(cls, regulation: Regulation) -> Receipt:
        """The current receipt of a regulation. Call `begin_again` before another attempt."""
        if regulation.receipt:
            return msgspec.convert(regulation.receipt, cls)
        return cls(
            regulation_id=regulation.regulation_id,
            type=regulation.type,
            state=RegulationState.RUNNING,
            subject_count=regulation.subject_count,
            requested_at_ms=regulation.created_at_ms,
        )

    @property
    def found_anything(self) -> bool:
        """True if Hubwire had any data of the subject."""
        here = (
            self.messages,
            self.deliveries,
            self.attempts,
            self.links,
            self.contacts,
            self.associations,
            self.marketing,
            self.records,
        )
        return any(here)

    def begin_again(self) -> None:
        """Begin another attempt: the counts stay, the results at HubSpot start again."""
        self.state, self.hubspot = RegulationState.RUNNING, []

    def count(self, erased: Erased) -> None:
        """Add the rows that one step removed."""
        self.deliveries += erased.deliveries
        self.links += erased.links
        self.contacts += erased.people
        self.associations += erased.associations
        self.marketing += erased.marketing
        self.records += erased.records

    def settle(self, is_last_try: bool) -> None:
        """Set the final state, or keep RUNNING while a destination may be reachable later."""
        failed = [portal for portal in self.hubspot if portal.state is RegulationState.FAILED]
        if self.state is not RegulationState.RUNNING:
            return
        if not failed:
            self.state = RegulationState.FINISHED
        elif is_last_try or not any(portal.may_try_again for portal in failed):
            self.state = RegulationState.PARTIAL_SUCCESS

"""Merges a cycle's operations about lists, subscriptions and forms. Pure.

For each record and list, a server source wins over a public one. Then, and for each address and subscription, the
newest message time wins, and for equal times the later position. All messages of an operation share its outcome.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from hubwire.operation import MarketingOperation, SetMembership, SetSubscription, SubmitForm
from hubwire.record.marketing import Membership, Preference

OUT = "UNSUBSCRIBED"


class Rank(NamedTuple):
    """The order of messages about one thing: the greatest wins."""

    trust: int
    at_ms: int
    position: int

    @classmethod
    def of(cls, known: Membership | Preference) -> Rank:
        """The rank of what HubSpot confirmed."""
        return cls(known.trust, known.at_ms, known.position)

    def beats(self, known: Membership | Preference) -> bool:
        """Whether a message comes after what is known. Trust counts only where both have one."""
        if self.trust and known.trust and self.trust != known.trust:
            return self.trust > known.trust
        return (self.at_ms, self.position) >= (known.at_ms, known.position)


@dataclass(slots=True)
class DesiredMembership:
    """Whether a record belongs on a list. `operation`: the winning one."""

    operation: SetMembership
    rank: Rank
    positions: list[int] = field(default_factory=list)
    may_make: bool = False


@dataclass(slots=True)
class DesiredSubscription:
    """The state that an address must have. `operation`: the winning one."""

    operation: SetSubscription
    rank: Rank
    positions: list[int] = field(default_factory=list)
    opted_out: list[int] = field(default_factory=list)
    """Positions of messages that would take an opt-out of the same cycle back, and may not."""

    def merge(self, other: DesiredSubscription) -> DesiredSubscription:
        """The state after both. An opt-out stays, whatever comes later without the right to take it back."""
        older, newer = sorted((self, other), key=lambda desired: desired.rank)
        positions, opted_out = [*older.positions, *newer.positions], [*older.opted_out, *newer.opted_out]
        stays = older.operation.status == OUT and newer.operation.status != OUT and not newer.operation.may_resubscribe
        if stays:
            opted_out += newer.positions
        winner = older if stays else newer
        return DesiredSubscription(winner.operation, winner.rank, positions, opted_out)


@dataclass(slots=True)
class MarketingWork:
    """The operations of a cycle."""

    memberships: dict[tuple[str, str, str], DesiredMembership] = field(default_factory=dict)
    """By list, object type and record."""
    subscriptions: dict[tuple[str, str], DesiredSubscription] = field(default_factory=dict)
    """By address and subscription."""
    submissions: list[SubmitForm] = field(default_factory=list)

    def add(self, operation: MarketingOperation, trust: int) -> None:
        """Add an operation of a message with this trust."""
        rank = Rank(trust, operation.at_ms, operation.position)
        if isinstance(operation, SetMembership):
            record = (operation.list_key, operation.object, operation.key)
            desired = self.memberships.setdefault(record, DesiredMembership(operation, rank))
            desired.positions.append(operation.position)
            desired.may_make |= operation.may_make
            if rank > desired.rank:
                desired.operation, desired.rank = operation, rank
        elif isinstance(operation, SetSubscription):
            place = (operation.email, operation.subscription)
            # Trust does not count here: an opt-out wins whoever sends it, and a public source takes none back.
            subscription = DesiredSubscription(operation, rank._replace(trust=0), [operation.position])
            before = self.subscriptions.get(place)
            self.subscriptions[place] = subscription if before is None else before.merge(subscription)
        else:
            self.submissions.append(operation)

    @property
    def contacts(self) -> set[str]:
        """The keys of contacts that these operations need."""
        keys = {key for _, object_type, key in self.memberships if object_type == "contact"}
        keys |= {key for desired in self.subscriptions.values() if (key := desired.operation.key) is not None}
        return keys | {submission.key for submission in self.submissions}

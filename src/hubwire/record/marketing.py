"""The memory of lists, subscriptions and form submissions. Contract: `tests/contract/test_marketing.py`.

It holds what HubSpot confirmed, with the time of the message that brought it. A repeat therefore costs no call, and an
older message that arrives later changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Protocol

import msgspec


class KnownList(msgspec.Struct, frozen=True, kw_only=True):
    """A list that Hubwire found or created. `key`: its name or id as rules give it; `object`: its record type."""

    key: str
    object: str
    list_id: str
    name: str = ""
    is_own: bool = False
    """True if Hubwire created it."""
    size: int | None = None
    """The number of members at HubSpot when the list was last read."""
    read_at_ms: int = 0


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """Whether one record is on a list. `record_key`: the e-mail or `record_key` of a contact, the domain of a company.

    Shape: `list_id` and `record_id` are those of the confirming call; `at_ms`, `position` and `trust` the message's.
    """

    list_key: str
    record_key: str
    is_member: bool
    at_ms: int
    position: int = 0
    trust: int = 0
    list_id: str = ""
    record_id: str = ""
    confirmed_at_ms: int = 0


SUBSCRIPTION_NAMES = "subscription_names"
"""The place of the names of subscription types, by their ids, in a lane's stored status."""


def subscription_names_of(status: bytes) -> dict[str, str]:
    """The names of subscription types by their ids, as the lane read them last; none before it read any."""
    try:
        return msgspec.json.decode(status, type=_StoredStatus).subscription_names
    except msgspec.MsgspecError:
        return {}


class _StoredStatus(msgspec.Struct):
    """The part of a lane's stored status that matters here."""

    subscription_names: dict[str, str] = {}


class SubscriptionState(StrEnum):
    """HubSpot's states of one address and one subscription type."""

    SUBSCRIBED = "SUBSCRIBED"
    UNSUBSCRIBED = "UNSUBSCRIBED"
    NOT_SPECIFIED = "NOT_SPECIFIED"


class Preference(msgspec.Struct, frozen=True, kw_only=True):
    """The confirmed state of one address for one subscription type. `subscription_id` is `all` for all of them."""

    email: str
    subscription_id: str
    state: SubscriptionState
    at_ms: int
    position: int = 0
    trust: int = 0
    confirmed_at_ms: int = 0


class SubmissionState(StrEnum):
    """The states of one form submission."""

    WAITING = "waiting"
    """Put off to a later cycle: HubSpot's limit was used up, or HubSpot could not take it now."""
    BEGUN = "begun"
    """Written before the call. If it stays so, the process ended before HubSpot's answer was recorded."""
    SENT = "sent"
    """HubSpot answered 200; the contact was not seen yet."""
    SEEN = "seen"
    """HubSpot has the contact."""
    FRUITLESS = "fruitless"
    """HubSpot answered 200 and has no such contact."""
    REFUSED = "refused"
    """HubSpot did not take it; a replay submits it again."""


SUBMISSION_WORDS: dict[str, str] = {
    SubmissionState.WAITING: "in line",
    SubmissionState.BEGUN: "waiting for HubSpot's answer",
    SubmissionState.SENT: "waiting for the contact",
    SubmissionState.SEEN: "delivered",
    SubmissionState.FRUITLESS: "made no contact",
    SubmissionState.REFUSED: "refused",
}
"""The states of a submission as people read them."""


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """One form submission. `content` is a digest of the form, the person and the values."""

    submission_id: str
    content: str
    form: str
    email: str
    state: SubmissionState
    at_ms: int
    sent_at_ms: int
    position: int = 0


class ListSize(msgspec.Struct, frozen=True, kw_only=True):
    """A list with the number of members that Hubwire remembers."""

    destination_id: int
    known: KnownList
    member_count: int
    changed_at_ms: int | None = None
    """The time of the newest message that put somebody on the list or took them off."""


class FormCount(msgspec.Struct, frozen=True, kw_only=True):
    """The remembered submissions of one form, by state."""

    destination_id: int
    form: str
    counts: dict[str, int]
    sent_at_ms: int
    """The time of the newest call."""


class PersonMarketing(msgspec.Struct, frozen=True, kw_only=True):
    """The lists, subscriptions and submissions of one person at one destination."""

    destination_id: int
    memberships: Sequence[Membership] = ()
    preferences: Sequence[Preference] = ()
    submissions: Sequence[Submission] = ()


class MarketingMemory(Protocol):
    """What the lanes remember; each key belongs to one destination."""

    def lists(self, destination_id: int, keys: Iterable[str]) -> dict[str, KnownList]: ...

    def memberships(self, destination_id: int, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Membership]:
        """The known ones of these (list key, record key) pairs."""
        ...

    def members_of_another(self, destination_id: int, list_key: str, list_id: str) -> list[Membership]:
        """The members that were put on a list of this key with another id than `list_id`."""
        ...

    def preferences(self, destination_id: int, emails: Iterable[str]) -> dict[tuple[str, str], Preference]:
        """The known states of these addresses, by address and subscription."""
        ...

    def submissions(self, destination_id: int, ids: Iterable[str]) -> dict[str, Submission]: ...

    def alike(self, destination_id: int, contents: Iterable[str]) -> list[Submission]:
        """The submissions with these contents."""
        ...

    def begin_submissions(self, destination_id: int, submissions: Sequence[Submission]) -> None:
        """Store submissions before their calls, in a transaction of their own."""
        ...

    def open_submissions(self, destination_id: int, since_ms: int) -> list[Submission]:
        """The submissions since this time that are waiting, begun, or sent without a contact yet."""
        ...

    # -- for people

    def list_sizes(self, limit: int) -> list[ListSize]:
        """The known lists of all destinations, by name."""
        ...

    def list_size(self, destination_id: int, list_key: str) -> ListSize | None:
        """One known list."""
        ...

    def form_counts(self, limit: int) -> list[FormCount]:
        """The forms of all destinations with their submissions."""
        ...

    def changes_of(self, destination_id: int, list_key: str, limit: int) -> list[Membership]:
        """The memberships of a list, those of the newest messages first."""
        ...

    def of_person(self, keys: Iterable[str]) -> list[PersonMarketing]:
        """What is known of a person, by their e-mails and other record keys."""
        ...

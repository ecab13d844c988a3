"""The record's part in deleting a person: their ids, their stored data, and the suppression of later messages.

Contract: `tests/contract/test_privacy.py`. Nothing here stores a deleted person's ids as plain text: a suppression is a
keyed digest, and the subjects of a regulation are encrypted and removed when it ends.
Source: Segment Public API, "Deletion and Suppression" (regulation types and states).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

import msgspec


class RegulationType(StrEnum):
    """The type of a regulation. The INTERNAL types do not change HubSpot."""

    SUPPRESS_ONLY = "SUPPRESS_ONLY"
    DELETE_ONLY = "DELETE_ONLY"
    SUPPRESS_WITH_DELETE = "SUPPRESS_WITH_DELETE"
    DELETE_INTERNAL = "DELETE_INTERNAL"
    SUPPRESS_WITH_DELETE_INTERNAL = "SUPPRESS_WITH_DELETE_INTERNAL"
    UNSUPPRESS = "UNSUPPRESS"

    @property
    def suppresses(self) -> bool:
        return self.name.startswith("SUPPRESS")

    @property
    def deletes(self) -> bool:
        return "DELETE" in self.name

    @property
    def reaches_hubspot(self) -> bool:
        return self.deletes and not self.name.endswith("INTERNAL")


class RegulationState(StrEnum):
    INITIALIZED = "INITIALIZED"
    RUNNING = "RUNNING"
    PARTIAL_SUCCESS = "PARTIAL_SUCCESS"
    FAILED = "FAILED"
    FINISHED = "FINISHED"

    @property
    def is_final(self) -> bool:
        return self not in (RegulationState.INITIALIZED, RegulationState.RUNNING)


class Regulation(msgspec.Struct, kw_only=True):
    """One request. `sealed_subjects` exists until it ends; `receipt` is JSON without personal data."""

    regulation_id: str
    type: RegulationType
    subject_type: str
    """USER_ID or EMAIL."""
    subject_count: int
    state: RegulationState
    created_at_ms: int
    finished_at_ms: int | None = None
    sealed_subjects: bytes | None = None
    receipt: dict[str, Any] = {}


class Trail(msgspec.Struct, kw_only=True):
    """All ids of one person. `keys` are (space, `u:…` or `a:…`); HubSpot confirmed the `contact_ids`."""

    emails: set[str] = set()
    keys: set[tuple[str, str]] = set()
    contact_ids: set[str] = set()


class Erased(msgspec.Struct, kw_only=True):
    """The numbers of removed rows."""

    deliveries: int = 0
    links: int = 0
    people: int = 0
    associations: int = 0
    marketing: int = 0
    """Memberships of lists, subscriptions and form submissions."""
    records: int = 0
    """Orders, deals and other records that are about the person."""


class KeptAttempt(msgspec.Struct, frozen=True):
    """The copies of one HTTP exchange."""

    attempt_id: int
    request: bytes
    response: bytes


class PrivacyStore(Protocol):
    # -- who it is
    def trail(self, emails: Iterable[str], keys: Iterable[tuple[str, str]]) -> Trail:
        """All ids and contacts that are linked with these, in any number of steps."""
        ...

    # -- what is kept
    def erase(self, trail: Trail, positions: Sequence[int], now_ms: int) -> Erased:
        """Remove links, contacts, associations, marketing memory and holds of a trail, what is remembered of their
        orders and other records, and the deliveries at these positions.

        Shape: deliveries are added to `archived` (open ones as discarded) so that totals still add up. Leased ones stay
        until their cycle ends. Deleted values are overwritten if the backend can do that.
        """
        ...

    def forget_links(self, keys: Iterable[tuple[str, str]]) -> int:
        """Remove what is known of these (space, key); returns the number of removed links."""
        ...

    def forget_values(self, records: Iterable[tuple[int, str, str]], names: Collection[str]) -> int:
        """Remove remembered values of records, given as (destination_id, kind, key). A kind is
        `contact`, `company`, or another object type as it is stored.

        Shape: the record in HubSpot keeps its values; the next message of each property counts as the first.
        Returns the number of removed values.
        """
        ...

    def met(self, limit: int) -> list[int]:
        """Positions of messages that lanes have discarded because their person is suppressed, in order."""
        ...

    def attempts_after(self, attempt_id: int, limit: int) -> list[KeptAttempt]:
        """At most `limit` attempts with a greater id, in order."""
        ...

    def rewrite_attempts(self, attempts: Sequence[KeptAttempt]) -> None:
        """Replace the stored requests and responses of these attempts."""
        ...

    def scrub_words(self, needles: Collection[str], mark: str) -> int:
        """Replace these words, in any case, in all stored text of HubSpot and of people (details, audit log, filters of
        replays, stopped lanes); returns the number of changed rows."""
        ...

    def open_cycles(self, now_ms: int) -> set[int]:
        """The running cycles of living workers, which may still write data that they read before."""
        ...

    def finish_erasing(self) -> bool:
        """Remove erased data from the database's logs too; False if this must be repeated later."""
        ...

    # -- who must not come back
    def suppress(self, digests: Collection[bytes], now_ms: int) -> None:
        """Store keyed digests of one person's ids, and increase the registry's version so that receivers notice."""
        ...

    def unsuppress(self, digests: Collection[bytes]) -> int:
        """Remove these digests and all other digests of the same people; returns how many were removed."""
        ...

    def suppressed(self) -> frozenset[bytes]:
        """All suppressed digests."""
        ...

    # -- regulations
    def save_regulation(self, regulation: Regulation) -> None:
        """Add or change a regulation."""
        ...

    def regulation(self, regulation_id: str) -> Regulation | None: ...

    def regulations(self, limit: int, *, open_only: bool = False) -> list[Regulation]:
        """The newest regulations first; with `open_only`, those that have not ended, oldest first."""
        ...

    def claim_regulation(self, regulation_id: str, now_ms: int, stale_ms: int) -> bool:
        """Claim a regulation; only one of several callers succeeds. A claim older than `stale_ms` can be taken over."""
        ...


class AlertOrigin(StrEnum):
    """Who gave the alert settings: somebody in the console, or the server that started last."""

    CONSOLE = "console"
    SERVER = "server"


class AlertMemory(Protocol):
    """The alerts that were sent, so that several processes send each only once, also after a restart."""

    def alerts(self) -> Mapping[str, tuple[int, int]]:
        """The active alerts: key -> (since ms, last sent ms)."""
        ...

    def claim_alert(self, key: str, now_ms: int, repeat_ms: int) -> bool:
        """True if this caller must send the alert: it was off, or was last sent more than `repeat_ms` ago."""
        ...

    def release_alert(self, key: str) -> bool:
        """True if this caller must send the end of the alert: it was on."""
        ...


class AlertSettingsMemory(Protocol):
    """The alert settings, sealed (`monitoring/alert_settings.py`)."""

    def settings(self, origin: AlertOrigin) -> bytes | None:
        """The sealed alert settings of this origin; None if there are none."""
        ...

    def save_settings(self, origin: AlertOrigin, sealed: bytes, now_ms: int) -> None: ...

    def remove_settings(self, origin: AlertOrigin) -> None: ...


class AlertStore(AlertMemory, AlertSettingsMemory, Protocol):
    """Everything about alerts that a database keeps."""

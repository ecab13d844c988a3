"""What forgetting a person asks of the record: who they are, what is kept of them, and who must not come back.

Contract: `tests/contract/test_privacy.py`. Nothing here keeps a forgotten person's ids in the clear: a suppression is a
keyed digest, and a regulation's subjects are sealed and go away when it has ended.
Source: Segment Public API, "Deletion and Suppression" (regulation types and states).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

import msgspec


class RegulationType(StrEnum):
    """What a regulation asks for. The INTERNAL ones leave HubSpot alone."""

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
    """One request. `sealed_subjects` is there until it has ended; `receipt` is JSON without personal data."""

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
    """Everything that leads to one person. `keys` are (space, `u:…` or `a:…`); `contact_ids` as HubSpot confirmed."""

    emails: set[str] = set()
    keys: set[tuple[str, str]] = set()
    contact_ids: set[str] = set()


class Erased(msgspec.Struct, kw_only=True):
    """How many rows went."""

    deliveries: int = 0
    links: int = 0
    people: int = 0
    associations: int = 0


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
        """Remove links, contacts, associations and holds of a trail, and the deliveries at these positions.

        Shape: deliveries are counted into `archived` (open ones as discarded) so that totals still add up; leased ones
        stay until their cycle has ended. Deleted values are overwritten as far as the backend can.
        """
        ...

    def met(self, limit: int) -> list[int]:
        """Positions of messages that lanes have discarded because their person was forgotten, in order."""
        ...

    def attempts_after(self, attempt_id: int, limit: int) -> list[KeptAttempt]:
        """At most `limit` attempts with a greater id, in order."""
        ...

    def rewrite_attempts(self, attempts: Sequence[KeptAttempt]) -> None:
        """Put other copies in the place of these attempts' requests and responses."""
        ...

    def scrub_words(self, needles: Collection[str], mark: str) -> int:
        """Replace these words, in any case, wherever HubSpot's words or a person's are kept (details, audit log,
        filters of replays, stopped lanes); how many rows were changed."""
        ...

    def open_cycles(self, now_ms: int) -> set[int]:
        """Cycles that a living worker has under way: they may still write what they read before."""
        ...

    def finish_erasing(self) -> bool:
        """Make what was erased leave the database's logs as well; False when that must be tried again later."""
        ...

    # -- who must not come back
    def suppress(self, digests: Collection[bytes], now_ms: int) -> None:
        """Remember keyed digests of one person's ids; the registry's version grows, so that receivers notice."""
        ...

    def unsuppress(self, digests: Collection[bytes]) -> int:
        """Forget them again, and with each all digests of the same person; how many went."""
        ...

    def suppressed(self) -> frozenset[bytes]:
        """All of them."""
        ...

    # -- regulations
    def save_regulation(self, regulation: Regulation) -> None:
        """Add or change one."""
        ...

    def regulation(self, regulation_id: str) -> Regulation | None: ...

    def regulations(self, limit: int, *, open_only: bool = False) -> list[Regulation]:
        """The newest first; with `open_only` those that have not ended, the oldest first."""
        ...

    def claim_regulation(self, regulation_id: str, now_ms: int, stale_ms: int) -> bool:
        """Begin to work on one: of several that try, one gets it. One that another began may be taken over when its
        claim is older than `stale_ms`."""
        ...


class AlertMemory(Protocol):
    """Which alerts were told, so that several processes tell each only once, also over a restart."""

    def alerts(self) -> Mapping[str, tuple[int, int]]:
        """Those that are on: key -> (since ms, last told ms)."""
        ...

    def claim_alert(self, key: str, now_ms: int, repeat_ms: int) -> bool:
        """Whether it is on us to tell that this alert is on: it was off, or told longer than `repeat_ms` ago."""
        ...

    def release_alert(self, key: str) -> bool:
        """Whether it is on us to tell that it is over: it was on."""
        ...

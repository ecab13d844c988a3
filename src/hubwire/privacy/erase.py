"""Removes a person here: messages, deliveries, identity memory, copies of calls, stored text. Blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from hubwire.clock import Clock
from hubwire.journal.protocol import Journal
from hubwire.privacy.receipt import Receipt
from hubwire.privacy.redaction import MARK, Finder, scrubbed
from hubwire.record.privacy import PrivacyStore, Trail
from hubwire.registry.protocol import Registry
from hubwire.registry.vault import Vault

PAGE_ROWS = 1000
CHUNK_POSITIONS = 500
PAGE_ATTEMPTS = 200


class Stored(Protocol):
    """The parts that a deletion needs; `Store` has them."""

    @property
    def journal(self) -> Journal: ...

    @property
    def registry(self) -> Registry: ...

    @property
    def privacy(self) -> PrivacyStore: ...

    @property
    def vault(self) -> Vault: ...


@dataclass(slots=True)
class Erasure:
    """The removal of one or several people. `take_out` can be called again and continues where it stopped."""

    store: Stored
    clock: Clock
    trail: Trail
    user_ids: set[str]
    receipt: Receipt
    positions: list[int] = field(default_factory=list)
    seen_through: int = 0

    def take_out(self) -> None:
        """Remove messages, deliveries and identity memory. A later call reads only newer messages."""
        journal, privacy, receipt = self.store.journal, self.store.privacy, self.receipt
        fresh = self._find(journal)
        self.positions += fresh
        for start in range(0, len(fresh), CHUNK_POSITIONS):
            receipt.messages += journal.redact(fresh[start : start + CHUNK_POSITIONS])
        now_ms = self.clock.now_ms()
        receipt.count(privacy.erase(self.trail, [], now_ms))
        for start in range(0, len(self.positions), CHUNK_POSITIONS):
            receipt.count(privacy.erase(Trail(), self.positions[start : start + CHUNK_POSITIONS], now_ms))

    def scrub(self) -> None:
        """Remove the person from copies of calls, HubSpot's answers, the audit log and the database's own logs."""
        privacy, trail = self.store.privacy, self.trail
        after = 0
        while attempts := privacy.attempts_after(after, PAGE_ATTEMPTS):
            after = attempts[-1].attempt_id
            rewritten = [clean for attempt in attempts if (clean := scrubbed(attempt, trail.emails, trail.contact_ids))]
            if rewritten:
                privacy.rewrite_attempts(rewritten)
                self.receipt.attempts += len(rewritten)
        self.receipt.words += privacy.scrub_words(trail.emails, MARK)
        privacy.finish_erasing()

    def _find(self, journal: Journal) -> list[int]:
        """Positions of the person's messages that are new since the last call, from one pass through the journal."""
        finder = Finder(self.trail, self.user_ids, self._spaces())
        positions: list[int] = []
        last = journal.extent().last
        before: int | None = None
        while rows := journal.newest(before, PAGE_ROWS):
            for row in rows:
                if row.position <= self.seen_through:
                    break
                if finder.is_theirs(row):
                    positions.append(row.position)
                elif finder.mentions(row):
                    self.receipt.mentions_kept += 1
            before = rows[-1].position
            if before <= self.seen_through:
                break
        self.seen_through = max(self.seen_through, last)
        return positions

    def _spaces(self) -> Mapping[int, str]:
        return {number: source.identity_space for number, source in self.store.registry.sources().items()}

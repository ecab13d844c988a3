"""Deletion of a person: suppress, remove here, delete in HubSpot, and a receipt.

The order makes it reliable. First the person is suppressed, so that nothing new is sent (lanes check for themselves,
`SuppressedRows`) and soon nothing new is stored. Then the stored data is removed. Running cycles may still write
data that they read before, so the deletion waits for them. Then HubSpot deletes the contact and blocks its address, and
messages that arrived in between are removed too. `sweep` removes messages of receivers that noticed even later.
Sources: Segment Public API, "Deletion and Suppression"; HubSpot docs, GDPR delete (an unknown e-mail is blocked).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Collection, Sequence

import msgspec
import structlog

from hubwire.clock import Clock
from hubwire.destination import SourceKind
from hubwire.errors import BadValue, SettingsError
from hubwire.plan.emails import clean_email
from hubwire.privacy.at_hubspot import MakeClient, delete_at
from hubwire.privacy.erase import Erasure, Stored
from hubwire.privacy.person_ids import Digests
from hubwire.privacy.receipt import NOT_COVERED, Receipt
from hubwire.record.privacy import Regulation, RegulationState, RegulationType, Trail
from hubwire.secret import Secret

log = structlog.get_logger("hubwire.forget")

MAX_SUBJECTS = 5000
"""The limit of Segment's API."""
SUBJECT_TYPES = ("USER_ID", "EMAIL")
NOTICED_SECONDS = 1.5
"""After this time every receiver refuses the person's messages (`suppression.py` checks every second)."""
CYCLE_STEP_SECONDS = 0.25
CYCLE_WAIT_SECONDS = 120.0
STALE_MS = 600_000
"""A regulation that waits for HubSpot, or that a crashed process left, is continued after this time."""
RETRY_HOURS = 72.0
SWEEP_POSITIONS = 500


class _Sealed(msgspec.Struct):
    """The encrypted memory of an open regulation, because its links are removed before HubSpot answers."""

    subjects: list[str]
    trail: Trail | None = None


class Forgetter:
    """Carries regulations out. `wait` sleeps; tests pass one that does not."""

    def __init__(
        self,
        store: Stored,
        make_client: MakeClient,
        clock: Clock,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._make_client = make_client
        self._clock = clock
        self._wait = wait
        self._digests = Digests(store.vault)

    # -- asking

    def request(self, type_: RegulationType, subject_type: str, subjects: Sequence[str], actor: str) -> Regulation:
        """A new regulation, stored but not begun. Errors: BadValue for invalid subjects."""
        if subject_type not in SUBJECT_TYPES:
            message = f"subjectType {subject_type[:64]!r} is not one of {', '.join(SUBJECT_TYPES)}"
            raise BadValue("subjectType", message, value=subject_type[:64], limit=SUBJECT_TYPES)
        subject_ids = list(dict.fromkeys(subject.strip() for subject in subjects))
        if not 1 <= len(subject_ids) <= MAX_SUBJECTS or not all(subject_ids):
            message = f"subjectIds: from 1 to {MAX_SUBJECTS} of them, none empty"
            raise BadValue("subjectIds", message, limit=MAX_SUBJECTS)
        if subject_type == "EMAIL" and not all(clean_email(subject_id) for subject_id in subject_ids):
            raise BadValue("subjectIds", "subjectIds: one of them is not an e-mail address")
        regulation = Regulation(
            regulation_id=f"reg_{secrets.token_hex(12)}",
            type=type_,
            subject_type=subject_type,
            subject_count=len(subject_ids),
            state=RegulationState.INITIALIZED,
            created_at_ms=self._clock.now_ms(),
            sealed_subjects=self._seal(_Sealed(subject_ids)),
        )
        self._store.privacy.save_regulation(regulation)
        self._store.registry.write_audit(actor, "regulation.requested", f"{regulation.regulation_id} {type_}")
        return regulation

    # -- doing

    async def run_open(self) -> int:
        """Carry out waiting regulations, oldest first; returns how many have ended. Errors: BackendError."""
        ended = 0
        for regulation in await asyncio.to_thread(self._store.privacy.regulations, 100, open_only=True):
            receipt = await self.run(regulation.regulation_id)
            ended += receipt is not None and receipt.state.is_final
        return ended

    def sweep(self) -> int:
        """Remove messages of deleted people that lanes met and did not send; returns how many. Blocks.

        Errors: BackendError.
        """
        swept = 0
        while positions := self._store.privacy.met(SWEEP_POSITIONS):
            self._store.journal.redact(positions)
            self._store.privacy.erase(Trail(), positions, self._clock.now_ms())
            swept += len(positions)
        if swept:
            self._store.privacy.finish_erasing()
            log.info("forgotten.swept", messages=swept)
        return swept

    async def run(self, regulation_id: str, *, is_last_try: bool = False) -> Receipt | None:
        """Carry one regulation out; None if another process does so.

        Shape: while HubSpot is unreachable, the regulation stays RUNNING and is repeated for 72 hours, unless
        `is_last_try`.
        Errors: BackendError.
        """
        privacy = self._store.privacy
        if not await asyncio.to_thread(privacy.claim_regulation, regulation_id, self._clock.now_ms(), STALE_MS):
            return None
        regulation = privacy.regulation(regulation_id)
        assert regulation is not None, "a claimed regulation is there"
        receipt = Receipt.of(regulation)
        receipt.begin_again()
        try:
            await self._carry_out(regulation, receipt)
        except SettingsError as exc:
            log.error("regulation.failed", regulation_id=regulation_id, code=exc.code)
            receipt.state = RegulationState.FAILED
        is_late = self._clock.now_ms() - regulation.created_at_ms > RETRY_HOURS * 3_600_000
        receipt.settle(is_last_try or is_late)
        self._end(regulation, receipt)
        return receipt

    async def _carry_out(self, regulation: Regulation, receipt: Receipt) -> None:
        sealed = self._open(regulation)
        if regulation.type is RegulationType.UNSUPPRESS:
            for subject in sealed.subjects:
                digests = self._digests_of(subject, regulation, Trail())
                receipt.lifted += await asyncio.to_thread(self._store.privacy.unsuppress, digests)
            return
        if sealed.trail is None:
            sealed.trail = await asyncio.to_thread(self._resolve_and_suppress, sealed.subjects, regulation)
            regulation.sealed_subjects, regulation.state = self._seal(sealed), RegulationState.RUNNING
            self._store.privacy.save_regulation(regulation)
        receipt.emails, receipt.ids = len(sealed.trail.emails), len(sealed.trail.keys)
        receipt.is_suppressed = regulation.type.suppresses
        user_ids = set(sealed.subjects) if regulation.subject_type == "USER_ID" else set()
        if regulation.type.deletes:
            await self._delete(regulation, Erasure(self._store, self._clock, sealed.trail, user_ids, receipt))
        receipt.is_known = receipt.found_anything or _leads_on(sealed.trail, sealed.subjects, user_ids)

    async def _delete(self, regulation: Regulation, erasure: Erasure) -> None:
        await asyncio.to_thread(erasure.take_out)
        if regulation.type.suppresses:
            await self._wait(NOTICED_SECONDS)
        await self._wait_for_cycles()
        if regulation.type.reaches_hubspot:
            for destination in self._store.registry.destinations().values():
                done = await delete_at(destination, self._make_client, erasure.trail.emails, self._wait)
                erasure.receipt.hubspot.append(done)
        await asyncio.to_thread(erasure.take_out)
        await asyncio.to_thread(erasure.scrub)
        erasure.receipt.not_covered = NOT_COVERED

    # -- who it is

    def _resolve_and_suppress(self, subjects: Sequence[str], regulation: Regulation) -> Trail:
        """The trail of all subjects. Each subject is suppressed separately, so that each suppression can be lifted
        separately."""
        whole = Trail()
        for subject in subjects:
            trail = self._trail(subject, regulation.subject_type)
            if regulation.type.suppresses:
                digests = self._digests_of(subject, regulation, trail)
                self._store.privacy.suppress(digests, self._clock.now_ms())
            whole.emails |= trail.emails
            whole.keys |= trail.keys
            whole.contact_ids |= trail.contact_ids
        return whole

    def _trail(self, subject: str, subject_type: str) -> Trail:
        """The ids of one subject.

        Spaces of server sources come first. In the space of a public source, anybody can claim a userId with somebody
        else's e-mail, so such a claim counts only if no server source knows the userId.
        """
        email = clean_email(subject)
        emails = {email} if email is not None else set()
        if subject_type == "EMAIL":
            return self._store.privacy.trail(emails, ())
        sources = self._store.registry.sources().values()
        spaces = {source.identity_space for source in sources}
        trusted = {source.identity_space for source in sources if source.kind is SourceKind.SERVER}
        known = self._store.privacy.trail(emails, {(space, f"u:{subject}") for space in trusted})
        return (
            known if known.emails else self._store.privacy.trail(emails, {(space, f"u:{subject}") for space in spaces})
        )

    def _digests_of(self, subject: str, regulation: Regulation, trail: Trail) -> set[bytes]:
        digests = {self._digests.email(email) for email in trail.emails}
        digests |= {self._digests.key(space, key) for space, key in trail.keys}
        if regulation.subject_type == "USER_ID":
            digests.add(self._digests.user(subject))
        email = clean_email(subject)
        return digests | ({self._digests.email(email)} if email is not None else set())

    # -- cycles under way

    async def _wait_for_cycles(self) -> None:
        """Wait until the current cycles have ended, because they may have read the person's messages before the
        removal."""
        open_now = await asyncio.to_thread(self._store.privacy.open_cycles, self._clock.now_ms())
        waited = 0.0
        while open_now and waited < CYCLE_WAIT_SECONDS:
            await self._wait(CYCLE_STEP_SECONDS)
            waited += CYCLE_STEP_SECONDS
            open_now &= await asyncio.to_thread(self._store.privacy.open_cycles, self._clock.now_ms())

    # -- the end

    def _end(self, regulation: Regulation, receipt: Receipt) -> None:
        if receipt.state.is_final:
            receipt.finished_at_ms = self._clock.now_ms()
            regulation.sealed_subjects = None
        regulation.state, regulation.finished_at_ms = receipt.state, receipt.finished_at_ms
        regulation.receipt = msgspec.to_builtins(receipt)
        self._store.privacy.save_regulation(regulation)
        if receipt.state.is_final:
            detail = f"{regulation.regulation_id} {regulation.type}: {receipt.state}"
            self._store.registry.write_audit("hubwire", "regulation.ended", detail)
        log.info(
            "regulation.ended" if receipt.state.is_final else "regulation.waits",
            regulation_id=regulation.regulation_id,
            type=str(regulation.type),
            state=str(receipt.state),
            messages=receipt.messages,
        )

    def _seal(self, sealed: _Sealed) -> bytes:
        return self._store.vault.seal(Secret(msgspec.json.encode(sealed).decode()))

    def _open(self, regulation: Regulation) -> _Sealed:
        assert regulation.sealed_subjects is not None, "an open regulation has its subjects"
        return msgspec.json.decode(self._store.vault.open(regulation.sealed_subjects).reveal(), type=_Sealed)


def _leads_on(trail: Trail, subjects: Sequence[str], user_ids: Collection[str]) -> bool:
    """True if a trail has more ids than the request."""
    emails = trail.emails - {clean_email(subject) for subject in subjects}
    keys = {key for _, key in trail.keys} - {f"u:{user_id}" for user_id in user_ids}
    return bool(emails or keys or trail.contact_ids)

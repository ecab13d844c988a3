"""Forgetting end to end: a real lane delivers to the emulator, then a person goes, here and there, and stays away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.ops.conftest import HUB, TOKEN, Shell

from hubwire.backends.store import Store, open_store
from hubwire.clock import FakeClock
from hubwire.deliver.lanes.policy import LanePolicy
from hubwire.deliver.lanes.worker import Worker, WorkerParts
from hubwire.delivery import State
from hubwire.destination import Destination, Source, SourceKind
from hubwire.errors import SettingsError
from hubwire.installation.clients import ClientFactory
from hubwire.message import Entry
from hubwire.privacy.at_hubspot import TRY_AGAIN_SECONDS
from hubwire.privacy.forget import NOTICED_SECONDS, STALE_MS, Forgetter
from hubwire.privacy.receipt import Receipt
from hubwire.privacy.regulations import NewRegulation, RegulationRunner, Regulations
from hubwire.privacy.suppression import SuppressedRows, SuppressingJournal, Suppressions
from hubwire.record.message_filter import MessageFilter
from hubwire.record.privacy import RegulationState, RegulationType
from hubwire.record.protocol import Span
from hubwire.registry.vault import Vault
from hubwire.secret import Secret
from hubwire.settings import Settings
from hubwire.testing import Emulator

NOW = 1_795_000_000_000
SERVER, WEB = 1, 2
ANNA, BEN = "anna@example.com", "ben@example.com"


class Installation:
    """A store whose lane delivers to the emulator when told to."""

    def __init__(self, folder: Path, emulator: Emulator, database_url: str | None = None) -> None:
        self.folder = folder
        self.clock = FakeClock(NOW)
        self.settings = Settings(data=str(folder), database_url=database_url)
        self.emulator = emulator
        self.store: Store = open_store(self.settings, self.clock, appends=True)
        registry = self.store.registry
        registry.save_source(Source(source_id=0, name="api"))
        registry.save_source(Source(source_id=0, name="website", kind=SourceKind.WEB, identity_space="source:website"))
        destination = registry.save_destination(
            Destination(destination_id=0, name="hubspot", hub_id=str(HUB), base_url=emulator.base_url)
        )
        registry.set_token(destination.destination_id, Secret(TOKEN))
        self.clients = ClientFactory(registry, self.clock, self.settings)
        self.forgetter = Forgetter(self.store, self.clients.make, self.clock, self.wait)
        self.suppressions = Suppressions(self.store.privacy, registry, self.store.vault, self.clock)
        self.waits: list[float] = []

    async def wait(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def append(self, entries: Sequence[Entry]) -> list[int | None]:
        return self.store.journal.append(entries)

    def submit(self, entries: Sequence[Entry], settled: Callable[[Sequence[int | None] | Exception], None]) -> None:
        settled(self.store.journal.append(entries))

    def send(self, source_id: int, *messages: dict[str, Any]) -> list[int | None]:
        """Messages as receive would have journaled them, suppressions included."""
        return asyncio.run(SuppressingJournal(self, self.suppressions).append(self.entries(source_id, *messages)))

    def entries(self, source_id: int, *messages: dict[str, Any]) -> list[Entry]:
        at = self.store.journal.extent().last
        return [
            Entry(source_id, f"m{at + number}", self.clock.now_ms(), json.dumps(message).encode())
            for number, message in enumerate(messages)
        ]

    def deliver(self) -> None:
        """Run the worker until nothing is left to do; it looks at the list of the forgotten itself."""
        store = self.store
        never_stale = Suppressions(store.privacy, store.registry, store.vault, self.clock, check_seconds=0)
        parts = WorkerParts(
            journal=SuppressedRows(self.store.journal, never_stale),
            record=self.store.record,
            registry=self.store.registry,
            make_client=self.clients.make,
            clock=self.clock,
            policy=LanePolicy(linger_seconds=0, backfill_linger_seconds=0),
        )
        worker = Worker(parts)
        worker.start()
        try:
            while not all(lane.is_drained for lane in self.store.queries.lanes(self.clock.now_ms())):
                worker.wake()
                worker._thread.join(0.02)
        finally:
            worker.stop()

    def forget(self, subject: str, type_: str = "SUPPRESS_WITH_DELETE", subject_type: str = "EMAIL") -> Receipt:
        regulation = self.forgetter.request(RegulationType(type_), subject_type, [subject], "test")
        receipt = asyncio.run(self.forgetter.run(regulation.regulation_id, is_last_try=True))
        assert receipt is not None
        return receipt

    def totals(self) -> dict[str, int]:
        [lane] = self.store.queries.lanes(self.clock.now_ms())
        return {
            name: getattr(lane, name) for name in ("taken", "delivered", "discarded", "dead", "held", "backlog_count")
        }

    def emails(self) -> set[str]:
        return {contact["properties"]["email"] for contact in self.emulator.contacts()}

    def changes_sent(self) -> list[str]:
        """The calls to HubSpot that change something."""
        return [request["path"] for request in self.emulator.requests() if request["method"] != "GET"]

    def everything_stored(self) -> bytes:
        """The bytes of SQLite's files, or of all rows of PostgreSQL."""
        self.store.privacy.finish_erasing()
        if self.settings.database_url is None:
            return b"".join(path.read_bytes() for path in sorted(self.folder.glob("hubwire.db*")))
        import psycopg

        with psycopg.connect(self.settings.database_url) as db:
            tables = db.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()").fetchall()
            rows = [row for (name,) in tables for row in db.execute(f'SELECT * FROM "{name}"').fetchall()]
        return b"".join(cell if isinstance(cell, bytes) else str(cell).encode() for row in rows for cell in row)

    def close(self) -> None:
        self.store.journal.close()
        self.store.close()


@pytest.fixture(params=["sqlite", "postgres"])
def here(request: pytest.FixtureRequest, tmp_path: Path, emulator: Emulator) -> Iterator[Installation]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    installed = Installation(tmp_path, emulator, url)
    yield installed
    installed.close()


def identify(user: str | None, email: str, device: str | None = None, **traits: Any) -> dict[str, Any]:
    ids = {"userId": user, "anonymousId": device}
    return {"type": "identify", **{k: v for k, v in ids.items() if v}, "traits": {"email": email, **traits}}


def track(event: str, user: str | None = None, device: str | None = None, **properties: Any) -> dict[str, Any]:
    ids = {"userId": user, "anonymousId": device}
    return {"type": "track", "event": event, **{k: v for k, v in ids.items() if v}, "properties": properties}


def test_a_person_goes_here_and_there_and_nobody_else_does(here: Installation) -> None:
    here.send(
        SERVER,
        identify("1", ANNA, firstname="Anna", lastname="Anders"),
        identify("2", BEN, firstname="Ben"),
        track("Bought", user="1", sku="A-1"),
        track("Bought", user="2", sku="B-1"),
        {"type": "group", "groupId": "g", "userId": "1", "traits": {"website": "https://acme.example.com"}},
    )
    here.send(WEB, identify(None, ANNA, device="tab-1"), track("Seen", device="tab-1", page="/secret-page"))
    here.deliver()
    assert here.emails() == {ANNA, BEN}
    before = here.totals()

    receipt = here.forget(ANNA)

    assert receipt.state is RegulationState.FINISHED
    assert (receipt.messages, receipt.emails, receipt.contacts, receipt.associations) == (5, 1, 1, 1)
    assert receipt.ids == 2
    assert [(step.destination, step.state, step.deleted) for step in receipt.hubspot] == [("hubspot", "FINISHED", 1)]
    assert here.emails() == {BEN}
    assert {row.rejected for row in here.store.journal.read_at([1, 3, 5, 6, 7]).values()} == {"suppressed"}
    assert {row.rejected for row in here.store.journal.read_at([2, 4]).values()} == {None}
    assert here.totals() == before
    stored = here.everything_stored().lower()
    for gone in (ANNA.encode(), b"anders", b"secret-page", b"a-1"):
        assert gone not in stored, gone
    assert BEN.encode() in stored
    attempts = b"".join(
        attempt.request + attempt.response for attempt in here.store.privacy.attempts_after(0, 999)
    ).lower()
    assert ANNA.encode() not in attempts
    assert b"anders" not in attempts
    assert BEN.encode() in attempts


def test_a_forgotten_person_does_not_come_back(here: Installation) -> None:
    here.send(SERVER, identify("1", ANNA))
    here.send(WEB, identify(None, ANNA, device="tab-1"))
    here.deliver()
    here.forget(ANNA)
    here.clock.advance(2)
    kept_out = here.send(
        SERVER,
        identify("1", "new-address@example.com"),
        identify("99", ANNA.upper()),
        track("Bought", user="1"),
        track("Bought", user="77", email=ANNA),
    )
    assert kept_out == [None] * 4
    report: list[object] = []
    uploaded = here.entries(SERVER, track("Bought", user="2"), identify("1", ANNA))
    SuppressingJournal(here, here.suppressions).submit(uploaded, report.append)
    assert report == [[here.store.journal.extent().last, None]]
    assert here.send(WEB, track("Seen", device="tab-1")) == [None]
    assert here.suppressions.count == 6
    assert all(position is not None for position in here.send(SERVER, track("Bought", user="2")))
    # Another user of the same device is not kept out, and the same id in another space is somebody else.
    assert all(position is not None for position in here.send(WEB, track("Seen", user="2", device="tab-1")))
    assert all(position is not None for position in here.send(SERVER, track("Seen", device="tab-1")))


def test_a_user_id_is_forgotten_with_the_address_behind_it(here: Installation) -> None:
    here.send(SERVER, identify("1", ANNA), identify("2", BEN))
    here.deliver()
    receipt = here.forget("1", subject_type="USER_ID")
    assert (receipt.state, receipt.emails) == ("FINISHED", 1)
    assert here.emails() == {BEN}
    here.clock.advance(2)
    assert here.send(WEB, track("Seen", user="1")) == [None]


def test_what_a_public_source_claims_reaches_nobody_whom_a_server_knows(here: Installation) -> None:
    """Anybody can send identify(userId 1, Ben's address) with a public key: forgetting 1 must not delete Ben."""
    here.send(SERVER, identify("1", ANNA), identify("2", BEN))
    here.send(WEB, identify("1", BEN))
    here.deliver()
    here.forget("1", subject_type="USER_ID")
    assert here.emails() == {BEN}


def test_delete_only_lets_the_person_come_back_here(here: Installation) -> None:
    here.send(SERVER, identify("1", ANNA))
    here.deliver()
    receipt = here.forget(ANNA, "DELETE_ONLY")
    assert not receipt.is_suppressed
    here.clock.advance(2)
    assert here.send(SERVER, track("Bought", user="1")) != [None]


def test_suppress_only_deletes_nothing_and_can_be_lifted(here: Installation) -> None:
    here.send(SERVER, identify("1", ANNA))
    here.deliver()
    here.forget(ANNA, "SUPPRESS_ONLY")
    assert here.emails() == {ANNA}
    here.clock.advance(2)
    assert here.send(SERVER, track("Bought", user="1")) == [None]
    assert here.forget(ANNA, "UNSUPPRESS").lifted == 2
    here.clock.advance(2)
    assert here.send(SERVER, track("Bought", user="1")) != [None]


def test_internal_deletion_leaves_hubspot_alone(here: Installation) -> None:
    here.send(SERVER, identify("1", ANNA))
    here.deliver()
    receipt = here.forget(ANNA, "SUPPRESS_WITH_DELETE_INTERNAL")
    assert (receipt.state, receipt.hubspot, receipt.messages) == ("FINISHED", [], 1)
    assert here.emails() == {ANNA}


def test_what_waits_is_never_sent(here: Installation) -> None:
    here.send(SERVER, track("Bought", user="1"), identify("2", BEN))
    here.deliver()
    assert here.totals()["held"] == 1
    here.send(SERVER, identify("1", ANNA), track("Bought", user="2"))
    here.forget("1", subject_type="USER_ID")
    assert here.totals()["held"] == 0
    here.deliver()
    assert here.emails() == {BEN}
    assert len(here.emulator.events()) == 1
    totals = here.totals()
    assert totals["taken"] == totals["delivered"] + totals["discarded"] + totals["dead"]


def test_a_cycle_under_way_is_waited_for(here: Installation) -> None:
    record = here.store.record
    lease = record.lease_lane(1, "a", NOW, 60)
    assert lease is not None
    cycle_id = record.begin_cycle(lease, NOW, Span(live_after=0, live_through=1, backfill_after=0, backfill_through=0))
    order: list[str] = []

    async def wait(seconds: float) -> None:
        if seconds == NOTICED_SECONDS:
            return
        order.append("waited")
        if len(order) == 3:
            record.abandon_cycle(lease, cycle_id, NOW, NOW, [], b"{}")

    here.forgetter = Forgetter(here.store, here.clients.make, here.clock, wait)
    here.forget(ANNA)
    assert order == ["waited"] * 3


def test_hubspot_that_cannot_be_reached_is_tried_again_later_with_what_was_known(here: Installation) -> None:
    here.send(SERVER, identify("1", ANNA))
    here.deliver()
    here.emulator.fault(method="POST", path="*gdpr-delete*", status=503)
    regulation = here.forgetter.request(RegulationType.SUPPRESS_WITH_DELETE, "USER_ID", ["1"], "test")
    first = asyncio.run(here.forgetter.run(regulation.regulation_id))
    assert first is not None
    assert first.state is RegulationState.RUNNING
    assert here.waits == [NOTICED_SECONDS, TRY_AGAIN_SECONDS, TRY_AGAIN_SECONDS]
    assert ANNA not in json.dumps(here.store.privacy.regulations(9)[0].receipt)
    assert asyncio.run(here.forgetter.run(regulation.regulation_id)) is None

    here.emulator.clear_faults()
    here.clock.advance(STALE_MS / 1000)
    assert asyncio.run(here.forgetter.run_open()) == 1
    found = here.store.privacy.regulation(regulation.regulation_id)
    assert found is not None
    assert (found.state, found.sealed_subjects) == (RegulationState.FINISHED, None)
    assert found.receipt["messages"] == 1
    assert here.emails() == set()


def test_a_refusal_that_will_not_pass_ends_in_partial_success(here: Installation) -> None:
    here.send(SERVER, identify("1", ANNA))
    here.deliver()
    here.store.registry.set_token(1, Secret("pat-na1-revoked"))
    receipt = here.forget(ANNA)
    assert receipt.state is RegulationState.PARTIAL_SUCCESS
    assert "401" in receipt.hubspot[0].error
    assert receipt.messages == 1


def test_a_destination_without_a_token_is_told(here: Installation) -> None:
    here.store.registry.set_token(1, None)
    receipt = here.forget(ANNA)
    assert (receipt.state, receipt.hubspot[0].error) == ("PARTIAL_SUCCESS", "no access token is set")


def test_other_peoples_messages_that_mention_the_address_are_counted_and_kept(here: Installation) -> None:
    here.send(SERVER, identify("2", BEN, invited_by=ANNA), identify("3", f"x{ANNA}"))
    here.deliver()
    receipt = here.forget(ANNA)
    assert (receipt.messages, receipt.mentions_kept) == (0, 2)
    assert here.emails() == {BEN, f"x{ANNA}"}


def test_ids_in_any_spelling_of_json_are_found(here: Installation) -> None:
    body = b'{"type":"identify","userId":"\\u0031","traits":{"email":"ann\\u0061@example.com"}}'
    here.store.journal.append([Entry(SERVER, "m", NOW, body)])
    assert here.forget(ANNA).messages == 1


def test_the_context_of_an_upload_counts_too(here: Installation) -> None:
    envelope = b'{"context":{"traits":{"email":"anna@example.com"}}}'
    here.store.journal.append([Entry(SERVER, "m", NOW, b'{"type":"track","userId":"1","event":"x"}', envelope)])
    assert here.forget(ANNA).messages == 1


def test_many_subjects_are_one_regulation_and_lifted_one_by_one(here: Installation) -> None:
    emails = [f"person{number}@example.com" for number in range(40)]
    here.send(SERVER, *(identify(str(number), email) for number, email in enumerate(emails)), identify("x", BEN))
    regulation = here.forgetter.request(RegulationType.SUPPRESS_WITH_DELETE_INTERNAL, "EMAIL", emails, "test")
    receipt = asyncio.run(here.forgetter.run(regulation.regulation_id))
    assert receipt is not None
    assert (receipt.messages, receipt.subject_count) == (40, 40)
    here.forget(emails[0], "UNSUPPRESS")
    here.clock.advance(2)
    assert here.send(SERVER, identify("n", emails[0])) != [None]
    assert here.send(SERVER, identify("n", emails[1])) == [None]


@pytest.mark.parametrize(
    ("subject_type", "subjects"),
    [("OBJECT_ID", ["1"]), ("EMAIL", ["nobody"]), ("USER_ID", []), ("USER_ID", [" "]), ("USER_ID", ["x"] * 5001)],
)
def test_subjects_that_cannot_be_are_refused(here: Installation, subject_type: str, subjects: list[str]) -> None:
    given = [f"{subject}{number}" for number, subject in enumerate(subjects)] if len(subjects) > 1 else subjects
    with pytest.raises(SettingsError, match=r"subjectType|subjectIds"):
        here.forgetter.request(RegulationType.SUPPRESS_ONLY, subject_type, given, "test")
    assert here.store.privacy.regulations(9) == []


def test_subjects_are_stored_sealed_and_a_damaged_key_ends_in_failed(here: Installation) -> None:
    regulation = here.forgetter.request(RegulationType.SUPPRESS_ONLY, "EMAIL", [ANNA], "test")
    assert ANNA.encode() not in here.everything_stored()
    broken = Vault((b"x" * 32,))
    other = Forgetter(_with_vault(here.store, broken), here.clients.make, here.clock, here.wait)
    receipt = asyncio.run(other.run(regulation.regulation_id))
    assert receipt is not None
    assert receipt.state is RegulationState.FAILED


def _with_vault(store: Store, vault: Vault) -> Store:
    import dataclasses

    return dataclasses.replace(store, vault=vault)


# -- the command


def test_the_command_asks_and_prints_a_receipt(installed: Shell, emulator: Emulator) -> None:
    installed("destination", "add", "hubspot", "--token-stdin", stdin=TOKEN)
    emulator.seed(contacts=[{"properties": {"email": ANNA}}])
    assert installed("forget", ANNA, stdin="n\n").code == 1
    assert len(emulator.contacts()) == 1
    ran = installed("forget", ANNA, "--yes", "--json")
    assert ran.code == 0
    assert ran.json["state"] == "FINISHED"
    assert ran.json["hubspot"][0]["deleted"] == 1
    assert ANNA not in ran.out
    assert emulator.contacts() == []
    lifted = installed("forget", ANNA, "--lift", "--json")
    assert lifted.json["lifted"] == 1
    text = installed("forget", ANNA, "--yes", "--keep-hubspot", "--no-suppress")
    assert "DELETE_INTERNAL: FINISHED" in text.out


def test_the_command_says_plainly_when_nobody_is_known(installed: Shell, emulator: Emulator) -> None:
    installed("destination", "add", "hubspot", "--token-stdin", stdin=TOKEN)
    ran = installed("forget", "user-9", "--user-id", "--yes")
    assert ran.code == 0
    for words in ("nobody is known by this id", "no request sent", "nothing to delete"):
        assert words in ran.out, words
    assert "later messages: counted, not stored" in ran.out
    by_mail = installed("forget", ANNA, "--yes")
    assert "1 address deleted, and blocked from being created again" in by_mail.out
    [older, newer] = installed("regulations", "--json").json[::-1]
    assert (older["is_known"], newer["hubspot"][0]["deleted"]) == (False, 1)
    shown = installed("regulations", newer["regulation_id"])
    assert (shown.code, "nobody is known by this id" in shown.out) == (0, True)
    assert installed("regulations").out.count("SUPPRESS_WITH_DELETE") == 2
    assert installed("regulations", "reg_none").code == 1
    assert ANNA not in installed("regulations", "--json").out


def test_a_deletion_that_did_not_reach_hubspot_is_exit_code_1(installed: Shell, emulator: Emulator) -> None:
    installed("destination", "add", "hubspot", "--token-stdin", stdin=TOKEN)
    installed("destination", "token", "hubspot", "--unchecked", "--token-stdin", stdin="pat-na1-revoked")
    ran = installed("forget", ANNA, "--yes")
    assert ran.code == 1
    assert "401" in ran.out
    assert installed("forget", "nobody", "--yes").code == 1
    assert installed("forget", ANNA, "--lift", "--keep-hubspot").code == 2


def test_what_comes_in_before_receivers_have_noticed_goes_too(here: Installation) -> None:
    here.send(SERVER, identify("1", ANNA))
    here.deliver()

    async def wait(seconds: float) -> None:
        if seconds == NOTICED_SECONDS:
            late = json.dumps(track("Late", user="1")).encode()
            here.store.journal.append([Entry(SERVER, "late", NOW, late)])

    here.forgetter = Forgetter(here.store, here.clients.make, here.clock, wait)
    assert here.forget(ANNA).messages == 2


def test_what_a_receiver_let_in_that_never_noticed_is_not_sent_and_goes_too(here: Installation) -> None:
    """The race: a message is taken on an old list, and journaled after the deletion has ended."""
    here.send(SERVER, identify("1", ANNA), identify("2", BEN))
    here.deliver()
    here.forget(ANNA)
    requests = here.changes_sent()
    late = [identify("1", ANNA, firstname="Late"), track("Late", user="1"), track("Bought", user="9", email=ANNA)]
    here.store.journal.append(
        [Entry(SERVER, f"late-{number}", NOW, json.dumps(message).encode()) for number, message in enumerate(late)]
    )
    here.deliver()
    assert here.emails() == {BEN}
    assert here.changes_sent() == requests
    for number in range(3):
        [detail] = here.store.queries.message(f"late-{number}")
        [fate] = detail.summary.fates
        assert (fate.state, fate.reason) == ("discarded", "suppressed")
        assert detail.attempts == []
    assert here.forgetter.sweep() == 3
    assert here.forgetter.sweep() == 0
    assert ANNA.encode() not in here.everything_stored().lower()
    assert b'late"' not in here.everything_stored()
    funnel, totals = here.store.statistics.funnel(1), here.totals()
    assert (funnel.received, funnel.erased, funnel.delivered) == (5, 4, 1)
    assert (totals["taken"], totals["delivered"], totals["discarded"]) == (5, 2, 3)
    assert here.send(SERVER, track("Bought", user="2")) != [None]
    here.deliver()
    assert here.totals()["delivered"] == 3


def test_what_waits_for_its_time_is_looked_at_again(here: Installation) -> None:
    """A retry, a hold that is released, a replay: each is read at its time, and the list may have grown since."""
    here.send(SERVER, track("Bought", user="1"))
    here.deliver()
    assert here.totals()["held"] == 1
    here.forget("1", "SUPPRESS_ONLY", subject_type="USER_ID")
    here.store.replays.begin(MessageFilter(state=State.HELD), "test", here.clock.now_ms())
    here.store.replays.step(here.clock.now_ms(), 10)
    here.deliver()
    assert (here.totals()["held"], here.totals()["discarded"]) == (0, 1)
    assert here.emulator.events() == []
    assert here.forgetter.sweep() == 1


def test_nobody_who_is_forgotten_costs_nothing(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubwire.privacy.suppression.ids_of", lambda *_: pytest.fail("no message is looked into"))
    here.send(SERVER, identify("1", ANNA))
    here.deliver()
    assert here.emails() == {ANNA}


@pytest.mark.parametrize(
    ("subject", "subject_type", "deleted"), [("nobody", "USER_ID", 0), ("new@example.com", "EMAIL", 1)]
)
def test_a_person_whom_nobody_knows_is_suppressed_all_the_same(
    here: Installation, subject: str, subject_type: str, deleted: int
) -> None:
    here.send(SERVER, identify("1", ANNA))
    here.deliver()
    receipt = here.forget(subject, subject_type=subject_type)
    assert (receipt.state, receipt.is_known, receipt.is_suppressed) == ("FINISHED", False, True)
    assert receipt.hubspot[0].deleted == deleted, "HubSpot is asked by address"
    here.clock.advance(2)
    assert here.send(SERVER, identify("nobody", "new@example.com")) == [None]


@pytest.mark.parametrize("type_", ["SUPPRESS_WITH_DELETE", "DELETE_INTERNAL", "SUPPRESS_ONLY"])
@pytest.mark.parametrize(("subject", "subject_type"), [("1", "USER_ID"), (ANNA, "EMAIL")])
def test_a_person_who_is_known_is_said_to_be(here: Installation, type_: str, subject: str, subject_type: str) -> None:
    here.send(SERVER, identify("1", ANNA))
    here.deliver()
    assert here.forget(subject, type_, subject_type).is_known


def test_a_user_id_that_only_sent_messages_is_known(here: Installation) -> None:
    here.send(SERVER, track("Bought", user="1"))
    here.deliver()
    assert here.forget("1", subject_type="USER_ID").is_known


def test_the_funnel_still_adds_up(here: Installation) -> None:
    here.send(SERVER, *(identify(f"u{number}", f"person{number % 9}@example.com") for number in range(2500)))
    here.send(SERVER, track("Held", user="stranger"))
    here.deliver()
    here.send(SERVER, identify("u1", "person1@example.com"), identify("u2", "person2@example.com"))
    before = here.store.statistics.funnel(1)
    assert (before.received, before.delivered, before.held, before.backlog) == (2503, 2500, 1, 2)
    receipt = here.forget("person1@example.com")
    after = here.store.statistics.funnel(1)
    assert receipt.messages == 279
    assert after.accounted == after.received == 2503
    assert (after.erased, after.delivered, after.held, after.backlog) == (279, 2222, 1, 1)
    assert here.totals()["taken"] == here.totals()["delivered"] + here.totals()["held"] + here.totals()["discarded"]


# -- over HTTP, in Segment's shape


def test_a_regulation_is_taken_carried_out_and_told_of(here: Installation) -> None:
    here.send(SERVER, identify("1", ANNA))
    here.deliver()

    async def ask() -> dict[str, Any]:
        runner = RegulationRunner(here.forgetter)
        regulations = Regulations(here.forgetter, here.store.privacy, runner.wake)
        running = asyncio.create_task(runner.run())
        await asyncio.sleep(0)
        new_regulation = NewRegulation(RegulationType.SUPPRESS_WITH_DELETE, "USER_ID", ["1"])
        regulation = await asyncio.to_thread(regulations.create, new_regulation, "admin")
        regulation_id = regulation.data.regulate_id
        while True:
            found = await asyncio.to_thread(regulations.find, regulation_id)
            assert found is not None
            if found.data["regulation"]["overallStatus"] == "FINISHED":
                break
        running.cancel()
        assert [regulation["id"] for regulation in regulations.recent().data["regulations"]] == [regulation_id]
        assert regulations.find("reg_none") is None
        own_regulation: dict[str, Any] = found.data["regulation"]
        return own_regulation

    finished = asyncio.run(ask())
    assert finished["regulationType"] == "SUPPRESS_WITH_DELETE"
    [stream] = finished["streamStatus"]
    [destination] = stream["destinationStatus"]
    assert (destination["name"], destination["status"], destination["errString"]) == ("hubspot", "FINISHED", "")
    assert finished["receipt"]["messages"] == 1
    assert ANNA not in json.dumps(finished)
    assert here.emails() == set()


def test_a_body_of_segments_public_api_is_understood() -> None:
    body = b'{"regulationType":"SUPPRESS_WITH_DELETE","subjectType":"USER_ID","subjectIds":["1","2"]}'
    expected = msgspec.json.decode(body, type=NewRegulation)
    assert expected == NewRegulation(RegulationType.SUPPRESS_WITH_DELETE, "USER_ID", ["1", "2"])
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body.replace(b"SUPPRESS_WITH_DELETE", b"EAT"), type=NewRegulation)

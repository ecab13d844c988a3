"""What forgetting finds and takes away, on each backend, and that it stays forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.backends import Backend

from hubwire.backends.sql.identity import read_identity
from hubwire.backends.sql.privacy import SqlPrivacy, replaced
from hubwire.backends.sql.regulations import SqlAlerts
from hubwire.backends.sqlite.connection import SqliteFile
from hubwire.backends.sqlite.record import SqliteRecord
from hubwire.delivery import State
from hubwire.operation import Link
from hubwire.record.privacy import (
    AlertMemory,
    AlertOrigin,
    KeptAttempt,
    PrivacyStore,
    Regulation,
    RegulationState,
    RegulationType,
    Trail,
)
from hubwire.record.protocol import Attempt, CycleOutcome, LaneState, Person, Record, Settled, Span

NOW = 1_790_000_000_000
LANE = 1
ANNA, BEN = "anna@example.com", "ben@example.com"
Stores = tuple[Record, PrivacyStore]


@pytest.fixture
def stores(backend: Backend) -> Stores:
    return backend.record, SqlPrivacy(backend.database)


@pytest.fixture
def alerts(backend: Backend) -> AlertMemory:
    return SqlAlerts(backend.database)


def run_cycle(record: Record, **outcome: object) -> None:
    lease = record.lease_lane(LANE, "a", NOW, 10)
    assert lease is not None
    span = Span(live_after=0, live_through=9, backfill_after=0, backfill_through=0)
    cycle_id = record.begin_cycle(lease, NOW, span)
    values = {"lane": LaneState(live_cursor=9), "ended_at_ms": NOW, **outcome}
    record.commit_cycle(lease, CycleOutcome(cycle_id=cycle_id, **values))  # type: ignore[arg-type]
    record.release(lease)


def link(key: str, target: str, space: str = "server", strength: int = 3) -> Link:
    return Link(space, key, target, strength, NOW)


# -- who it is


def test_a_trail_follows_emails_ids_and_pointers_both_ways(stores: Stores) -> None:
    record, privacy = stores
    run_cycle(
        record,
        links=[
            link("u:1", ANNA),
            link("a:phone", "@u:1", strength=0),
            link("u:old", "@u:1", strength=0),
            link("a:tab", ANNA, space="source:web"),
            link("u:2", BEN),
            link("a:bens", "@u:2", strength=0),
            link("g:7", "example.com"),
        ],
        people=[Person(ANNA, "501"), Person(BEN, "502")],
    )
    whole = Trail(
        emails={ANNA},
        keys={("server", "u:1"), ("server", "a:phone"), ("server", "u:old"), ("source:web", "a:tab")},
        contact_ids={"501"},
    )
    assert privacy.trail([ANNA], []) == whole
    assert privacy.trail([], [("server", "a:phone")]) == whole
    assert privacy.trail([], [("server", "u:old")]) == whole


def test_an_email_inherited_from_another_id_leads_to_the_user_and_is_erased_with_them(stores: Stores) -> None:
    record, privacy = stores
    run_cycle(
        record,
        links=[
            link("a:phone", ANNA),
            link("u:1", "@a:tab", strength=0),
            link("i:1", ANNA),
            link("u:2", BEN),
            link("i:2", BEN),
        ],
    )
    trail = privacy.trail([ANNA], [])
    assert trail.keys == {("server", "a:phone"), ("server", "u:1"), ("server", "a:tab")}
    assert privacy.trail([], [("server", "u:1")]) == trail
    assert privacy.erase(trail, [], NOW).links == 3
    found = record.links([("server", key) for key in ("u:1", "i:1", "a:phone", "u:2", "i:2")])
    assert set(found) == {("server", "u:2"), ("server", "i:2")}


def test_what_rules_remember_of_a_person_is_shown_and_erased_with_them_in_every_space(backend: Backend) -> None:
    record, privacy = backend.record, SqlPrivacy(backend.database)
    spaces = ["traits:server|u:1", f"traits:server|e:{ANNA}", f"traits:source:web|e:{ANNA}", f"traits:server|e:{BEN}"]
    traits = [Link(space, "plan", '"pro"', 3, NOW) for space in spaces]
    run_cycle(record, links=[link("u:1", ANNA), link("u:2", BEN), *traits])
    known = read_identity(backend.database.connection, "1", ["server", "source:web"])
    assert [trait.space for trait in known.traits] == sorted(spaces[:3])
    privacy.erase(privacy.trail([ANNA], []), [], NOW)
    assert set(record.links([(space, "plan") for space in spaces])) == {(spaces[3], "plan")}


def test_contacts_that_are_known_by_the_user_id_are_erased_with_the_user(stores: Stores) -> None:
    record, privacy = stores
    keys = ["user_id:u_7", "user_id:U_7", "user_id:ux7", "account_id:u_7", ANNA, BEN]
    run_cycle(record, people=[Person(key, "501") for key in keys], links=[link("u:u_7", ANNA)])
    trail = privacy.trail([ANNA], [])
    assert privacy.erase(trail, [], NOW).people == 3
    assert set(record.people(1, keys)) == {"user_id:U_7", "user_id:ux7", BEN}


def test_what_is_known_of_an_id_names_the_email_that_it_has_from_another(backend: Backend) -> None:
    links = [link("a:phone", ANNA), link("a:tab", "@u:1", strength=0), link("i:1", ANNA)]
    run_cycle(backend.record, links=[*links, link("u:1", "@a:tab", strength=0)])
    known = read_identity(backend.database.connection, "tab", ["server"])
    assert {(link.key, link.target) for link in known.links} >= {(link.key, link.target) for link in links}


def test_a_pointer_of_another_space_is_not_followed(stores: Stores) -> None:
    record, privacy = stores
    run_cycle(record, links=[link("u:1", ANNA), link("a:x", "@u:1", space="source:web", strength=0)])
    assert privacy.trail([ANNA], []).keys == {("server", "u:1")}


def test_what_is_unknown_leads_nowhere(stores: Stores) -> None:
    _, privacy = stores
    assert privacy.trail([ANNA], [("server", "u:1")]) == Trail(emails={ANNA}, keys={("server", "u:1")})


# -- what is kept


def test_erasing_takes_this_person_and_nobody_else(stores: Stores) -> None:
    record, privacy = stores
    run_cycle(
        record,
        links=[link("u:1", ANNA), link("u:2", BEN)],
        people=[Person(ANNA, "501"), Person(BEN, "502")],
        associations=[(ANNA, "example.com"), (BEN, "example.com")],
        settled=[
            Settled(position=2, state=State.DEAD, reason="invalid-input"),
            Settled(position=3, state=State.RETRYING, reason="locked", due_at_ms=NOW + 1),
            Settled(position=4, state=State.DEAD, reason="invalid-input"),
        ],
    )
    erased = privacy.erase(privacy.trail([ANNA], []), [1, 2, 3], NOW)
    assert (erased.deliveries, erased.links, erased.people, erased.associations) == (2, 1, 1, 1)
    assert set(record.people(LANE, [ANNA, BEN])) == {BEN}
    assert record.associated(LANE, [(ANNA, "example.com"), (BEN, "example.com")]) == {(BEN, "example.com")}
    assert set(record.links([("server", "u:1"), ("server", "u:2")])) == {("server", "u:2")}
    assert record.due(LANE, NOW + 10**9, 10) == []
    assert privacy.trail([ANNA], []) == Trail(emails={ANNA})


def test_what_lanes_met_of_forgotten_people_is_found_until_it_is_erased(stores: Stores) -> None:
    record, privacy = stores
    fates = [(2, "suppressed"), (4, "event-filtered"), (7, "suppressed"), (8, "suppressed")]
    settled = [Settled(position=position, state=State.DISCARDED, reason=reason) for position, reason in fates]
    run_cycle(record, settled=settled)
    assert privacy.met(2) == [2, 7]
    assert privacy.erase(Trail(), [2, 7], NOW).deliveries == 2
    assert privacy.met(9) == [8]


def test_a_leased_delivery_stays_until_its_cycle_has_ended(stores: Stores) -> None:
    record, privacy = stores
    run_cycle(record, settled=[Settled(position=3, state=State.RETRYING, reason="locked", due_at_ms=NOW)])
    lease = record.lease_lane(LANE, "a", NOW, 10)
    assert lease is not None
    span = Span(live_after=9, live_through=9, backfill_after=0, backfill_through=0, due=[3])
    cycle_id = record.begin_cycle(lease, NOW, span)
    assert privacy.open_cycles(NOW) == {cycle_id}
    assert privacy.open_cycles(NOW + 10_000) == set()
    assert privacy.erase(Trail(), [3], NOW).deliveries == 0
    record.commit_cycle(
        lease,
        CycleOutcome(
            cycle_id=cycle_id,
            lane=LaneState(live_cursor=9),
            settled=[Settled(position=3, state=State.DEAD, reason="invalid-input")],
            ended_at_ms=NOW,
        ),
    )
    assert privacy.open_cycles(NOW) == set()
    assert privacy.erase(Trail(), [3], NOW).deliveries == 1


def test_copies_of_attempts_can_be_put_in_place(stores: Stores) -> None:
    record, privacy = stores
    attempts = [
        Attempt(
            call="POST /x",
            started_at_ms=NOW,
            duration_ms=1,
            status=200,
            outcome="success",
            request=b"request %d" % number,
            response=b"response %d" % number,
        )
        for number in range(3)
    ]
    run_cycle(record, attempts=attempts)
    first = privacy.attempts_after(0, 1)
    assert first == [KeptAttempt(first[0].attempt_id, b"request 0", b"response 0")]
    rest = privacy.attempts_after(first[0].attempt_id, 9)
    assert [item.request for item in rest] == [b"request 1", b"request 2"]
    privacy.rewrite_attempts([KeptAttempt(rest[0].attempt_id, b"gone", b"gone")])
    assert [attempt.request for attempt in privacy.attempts_after(0, 9)] == [b"request 0", b"gone", b"request 2"]


def test_words_are_scrubbed_in_any_case(stores: Stores) -> None:
    record, privacy = stores
    run_cycle(
        record,
        settled=[
            Settled(position=2, state=State.DEAD, reason="conflict", detail="Contact Anna@Example.com exists already"),
            Settled(position=3, state=State.DEAD, reason="conflict", detail=f"Contact {BEN} exists already"),
        ],
    )
    record.stop_lane(LANE, "unauthorised", f"asked by {ANNA}", None)
    assert privacy.scrub_words([ANNA], "[forgotten]") == 2
    assert record.lane(LANE).stopped_detail == "asked by [forgotten]"
    assert privacy.scrub_words([ANNA], "[forgotten]") == 0
    assert privacy.scrub_words([BEN], "[forgotten]") == 1


def test_nothing_of_a_person_is_left_in_the_files(tmp_path: Path) -> None:
    """SQLite only: free pages and the write-ahead log hold no older values."""
    file = SqliteFile(tmp_path / "hubwire.db")
    record, privacy = SqliteRecord(file), SqlPrivacy(file)
    people = [Person(f"person{number}@example.com", str(number)) for number in range(500)]
    run_cycle(record, people=people, links=[link(f"u:{number}", person.email) for number, person in enumerate(people)])
    needle = b"person250@example.com"
    assert any(needle in path.read_bytes() for path in tmp_path.iterdir())
    privacy.erase(privacy.trail([needle.decode()], []), [], NOW)
    assert privacy.finish_erasing()
    assert not any(needle in path.read_bytes() for path in tmp_path.iterdir())
    assert any(b"person251@example.com" in path.read_bytes() for path in tmp_path.iterdir())
    file.close()


@pytest.mark.parametrize(
    ("text", "needle", "expected"),
    [
        ("to ANNA@example.com, anna@EXAMPLE.com.", ANNA, "to X, X."),
        ("nothing", ANNA, "nothing"),
        ("İ anna@example.com", ANNA, "i̇ X"),
    ],
)
def test_replaced_keeps_the_rest_of_the_text(text: str, needle: str, expected: str) -> None:
    assert replaced(text, needle, "X") == expected


# -- who must not come back


def test_suppressions_are_remembered_until_one_of_the_person_is_lifted(stores: Stores) -> None:
    _, privacy = stores
    email, user, device, other = (bytes([number]) * 32 for number in range(4))
    privacy.suppress([email, user], NOW)
    privacy.suppress([other], NOW)
    assert privacy.suppressed() == {email, user, other}
    privacy.suppress([user, device], NOW + 1)
    assert privacy.unsuppress([device, b"unknown"]) == 3
    assert privacy.suppressed() == {other}


def test_two_people_who_turn_out_to_be_one_are_lifted_together(stores: Stores) -> None:
    _, privacy = stores
    first, second = b"1" * 32, b"2" * 32
    privacy.suppress([first], NOW)
    privacy.suppress([second], NOW)
    privacy.suppress([first, second], NOW)
    assert privacy.unsuppress([first]) == 2


# -- regulations


def regulation(number: int, **fields: object) -> Regulation:
    values: dict[str, object] = {
        "regulation_id": f"reg_{number}",
        "type": RegulationType.SUPPRESS_WITH_DELETE,
        "subject_type": "USER_ID",
        "subject_count": 1,
        "state": RegulationState.INITIALIZED,
        "created_at_ms": NOW + number,
        "sealed_subjects": b"sealed",
        **fields,
    }
    return Regulation(**values)  # type: ignore[arg-type]


def test_a_regulation_is_read_back_as_it_was_saved(stores: Stores) -> None:
    _, privacy = stores
    privacy.save_regulation(regulation(1))
    assert privacy.regulation("reg_1") == regulation(1)
    assert privacy.regulation("reg_2") is None
    ended = regulation(
        1, state=RegulationState.FINISHED, finished_at_ms=NOW + 9, sealed_subjects=None, receipt={"messages": 3}
    )
    privacy.save_regulation(ended)
    assert privacy.regulation("reg_1") == ended


def test_open_regulations_come_oldest_first_and_all_newest_first(stores: Stores) -> None:
    _, privacy = stores
    for number in (1, 2, 3):
        privacy.save_regulation(regulation(number))
    privacy.save_regulation(regulation(2, state=RegulationState.FAILED, finished_at_ms=NOW))
    assert [regulation.regulation_id for regulation in privacy.regulations(9)] == ["reg_3", "reg_2", "reg_1"]
    assert [regulation.regulation_id for regulation in privacy.regulations(9, open_only=True)] == ["reg_1", "reg_3"]


def test_one_of_several_workers_gets_a_regulation(stores: Stores) -> None:
    _, privacy = stores
    privacy.save_regulation(regulation(1))
    assert privacy.claim_regulation("reg_1", NOW, 60_000)
    assert not privacy.claim_regulation("reg_1", NOW + 59_999, 60_000)
    assert privacy.claim_regulation("reg_1", NOW + 60_000, 60_000)
    found = privacy.regulation("reg_1")
    assert found is not None
    assert found.state is RegulationState.RUNNING
    privacy.save_regulation(regulation(1, state=RegulationState.FINISHED, finished_at_ms=NOW))
    assert not privacy.claim_regulation("reg_1", NOW + 10**9, 60_000)


# -- alerts


def test_an_alert_is_told_once_and_again_after_a_while(alerts: AlertMemory) -> None:
    assert alerts.claim_alert("lag:1", NOW, 1000)
    assert not alerts.claim_alert("lag:1", NOW + 999, 1000)
    assert alerts.claim_alert("lag:1", NOW + 1000, 1000)
    assert alerts.alerts() == {"lag:1": (NOW, NOW + 1000)}


def test_the_end_of_an_alert_is_told_once(alerts: AlertMemory) -> None:
    assert not alerts.release_alert("lag:1")
    assert alerts.claim_alert("lag:1", NOW, 1000)
    assert alerts.release_alert("lag:1")
    assert not alerts.release_alert("lag:1")
    assert alerts.alerts() == {}


def test_alert_settings_are_kept_by_origin(backend: Backend) -> None:
    alerts = SqlAlerts(backend.database)
    assert alerts.settings(AlertOrigin.CONSOLE) is None
    alerts.save_settings(AlertOrigin.CONSOLE, b"first", NOW)
    alerts.save_settings(AlertOrigin.CONSOLE, b"second", NOW + 1)
    alerts.save_settings(AlertOrigin.SERVER, b"server", NOW)
    assert (alerts.settings(AlertOrigin.CONSOLE), alerts.settings(AlertOrigin.SERVER)) == (b"second", b"server")
    alerts.remove_settings(AlertOrigin.CONSOLE)
    assert (alerts.settings(AlertOrigin.CONSOLE), alerts.settings(AlertOrigin.SERVER)) == (None, b"server")

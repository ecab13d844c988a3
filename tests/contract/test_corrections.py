"""What a report of HubSpot does to the memory of records, on each backend."""

from __future__ import annotations

from tests.backends import Backend

from hubwire.backends.sql.corrections import SqlCorrections
from hubwire.operation import RecordRef
from hubwire.record.foreign import ForeignChanges
from hubwire.record.protocol import (
    UNSURE,
    Company,
    ConfirmedValue,
    CycleOutcome,
    LaneState,
    ObjectRecord,
    Person,
    Record,
    Span,
)

NOW = 1_790_000_000_000
LANE = 1
ANNA, BEN = "anna@example.com", "ben@example.com"
KEYED = "user_id:U7"


def remember(record: Record) -> None:
    lease = record.lease_lane(LANE, "a", NOW, 10)
    assert lease is not None
    span = Span(live_after=0, live_through=0, backfill_after=0, backfill_through=0)
    values = {"city": ConfirmedValue("Graz", NOW, 3, 2), "phone": ConfirmedValue("1", NOW)}
    people = [
        Person(key, contact_id, NOW, dict(values), NOW) for key, contact_id in ((ANNA, "7"), (BEN, "8"), (KEYED, "9"))
    ]
    companies = [Company("acme.com", "7", NOW, {"name": ConfirmedValue("Acme", NOW)}, NOW)]
    outcome = CycleOutcome(
        cycle_id=record.begin_cycle(lease, NOW, span),
        lane=LaneState(),
        people=people,
        companies=companies,
        ended_at_ms=NOW,
    )
    record.commit_cycle(lease, outcome)
    record.release(lease)


def test_a_moved_record_counts_as_not_seen_and_keeps_its_values(backend: Backend) -> None:
    remember(backend.record)
    before = backend.record.people(LANE, [ANNA])[ANNA]
    changes = [ForeignChanges("contact", frozenset({"7", "404"}))]
    assert SqlCorrections(backend.database).apply(LANE, changes) == 1
    people = backend.record.people(LANE, [ANNA, BEN])
    assert (people[ANNA].seen_at_ms, people[ANNA].properties) == (0, before.properties)
    assert people[BEN].seen_at_ms == NOW
    assert backend.record.companies(LANE, ["acme.com"])["acme.com"].seen_at_ms == NOW, "a company of the same id stays"
    assert SqlCorrections(backend.database).apply(LANE, changes) == 0, "twice does no harm"
    assert SqlCorrections(backend.database).apply(LANE + 1, changes) == 0


def test_only_a_value_of_somebody_else_counts_as_not_confirmed(backend: Backend) -> None:
    remember(backend.record)
    values: dict[str, dict[str, str | None]] = {
        "7": {"city": "Wien", "phone": "1", "fax": "2"},
        "8": {"city": "Graz"},
        "9": {"phone": None},
    }
    assert SqlCorrections(backend.database).apply(LANE, [ForeignChanges("contact", values=values)]) == 2
    people = backend.record.people(LANE, [ANNA, BEN, KEYED])
    assert people[ANNA].properties == {
        "city": ConfirmedValue(UNSURE + "Graz", NOW, 3, 2),
        "phone": ConfirmedValue("1", NOW),
    }
    assert people[BEN].properties["city"].value == "Graz"
    assert people[KEYED].properties["phone"].value == UNSURE + "1"
    assert {person.seen_at_ms for person in people.values()} == {NOW}


def test_a_record_of_another_type_is_corrected_as_a_contact_is(backend: Backend) -> None:
    record = backend.record
    lease = record.lease_lane(LANE, "a", NOW, 10)
    assert lease is not None
    span = Span(live_after=0, live_through=0, backfill_after=0, backfill_through=0)
    keys = [RecordRef(kind, "ext:7") for kind in ("order", "deal", "2-77")] + [RecordRef("order", "ext:8")]
    records = [ObjectRecord(*key, key.key[-1], NOW, {"stage": ConfirmedValue("open", NOW)}, NOW) for key in keys]
    cycle = record.begin_cycle(lease, NOW, span)
    record.commit_cycle(lease, CycleOutcome(cycle_id=cycle, lane=LaneState(), records=records, ended_at_ms=NOW))
    values: dict[str, dict[str, str | None]] = {"8": {"ext": "9", "stage": "open"}}
    changes = [ForeignChanges("order", frozenset({"7"}), values), ForeignChanges("2-77", values={"7": {"stage": "x"}})]
    assert SqlCorrections(backend.database).apply(LANE, changes) == 3
    known = record.objects.records(LANE, keys)
    assert [known[key].seen_at_ms for key in keys] == [0, NOW, NOW, 0], "a deal of the same id stays"
    assert [known[key].properties["stage"].value for key in keys] == ["open", "open", UNSURE + "open", "open"]
    assert record.objects.custom_types(LANE) == {"2-77"}


def test_another_email_or_domain_means_that_the_record_must_be_looked_up(backend: Backend) -> None:
    remember(backend.record)
    changes = [
        ForeignChanges(
            "contact", values={"7": {"email": "new@example.com"}, "8": {"email": BEN.title()}, "9": {"email": BEN}}
        ),
        ForeignChanges("company", values={"7": {"domain": "new.com"}}),
    ]
    assert SqlCorrections(backend.database).apply(LANE, changes) == 2
    people = backend.record.people(LANE, [ANNA, BEN, KEYED])
    assert {key: person.seen_at_ms for key, person in people.items()} == {ANNA: 0, BEN: NOW, KEYED: NOW}
    assert backend.record.companies(LANE, ["acme.com"])["acme.com"].seen_at_ms == 0

"""What every memory of records other than contacts and companies does, on each backend."""

from __future__ import annotations

from tests.backends import Backend

from hubwire.backends.sql.identity import read_identity
from hubwire.backends.sql.privacy import SqlPrivacy
from hubwire.delivery import State
from hubwire.operation import RecordRef, record_hold_key
from hubwire.record.privacy import Trail
from hubwire.record.protocol import (
    ConfirmedValue,
    CycleOutcome,
    LaneState,
    ObjectRecord,
    Record,
    RecordAssociation,
    Settled,
    Span,
)

NOW = 1_790_000_000_000
LANE = 1
ANN = RecordRef("contact", "ann@example.com")
ORDER = RecordRef("order", "hubwire_order_id:7")
LINE = RecordRef("line_item", "hubwire_line_id:7:a:b")
PRODUCT = RecordRef("product", "hs_sku:a")
OTHER = RecordRef("order", "hubwire_order_id:8")


def record_of(ref: RecordRef, record_id: str | None = "900", **values: str) -> ObjectRecord:
    properties = {name: ConfirmedValue(value, NOW, 5, 2) for name, value in values.items()}
    return ObjectRecord(ref.object, ref.key, record_id, NOW, properties, NOW)


def commit(record: Record, now_ms: int = NOW, **outcome: object) -> int:
    lease = record.lease_lane(LANE, "a", now_ms, 10)
    assert lease is not None
    span = Span(live_after=0, live_through=0, backfill_after=0, backfill_through=0)
    cycle_id = record.begin_cycle(lease, now_ms, span)
    released = record.commit_cycle(
        lease,
        CycleOutcome(cycle_id=cycle_id, lane=LaneState(), ended_at_ms=now_ms, **outcome),  # type: ignore[arg-type]
    )
    record.release(lease)
    return released


def test_a_record_is_remembered_by_type_and_key_and_a_newer_row_takes_its_place(backend: Backend) -> None:
    memory = backend.record.objects
    order, line = record_of(ORDER, hs_total_price="12.50"), record_of(LINE, "901", name="Mug")
    commit(backend.record, records=[order, line])
    assert memory.records(LANE, [ORDER, LINE, OTHER]) == {ORDER: order, LINE: line}
    assert memory.records(2, [ORDER]) == {}, "each destination has its own memory"
    gone = record_of(ORDER, None, hs_total_price="12.50")
    commit(backend.record, records=[gone])
    assert memory.records(LANE, [ORDER]) == {ORDER: gone}


def test_keys_with_any_characters_are_kept_apart(backend: Backend) -> None:
    keys = [RecordRef("2-7", f"vin:{text}") for text in ("a", "A", "ä", 'a"', "a'", "a\\", "a:b", "~x:rule")]
    commit(backend.record, records=[record_of(ref, str(number)) for number, ref in enumerate(keys)])
    found = backend.record.objects.records(LANE, keys)
    assert [found[ref].record_id for ref in keys] == [str(number) for number in range(len(keys))]


def test_the_records_of_a_key_property_are_counted(backend: Backend) -> None:
    records = [record_of(ORDER), record_of(OTHER, None), record_of(RecordRef("order", "hubwire_order_idx:9"))]
    commit(backend.record, records=[*records, record_of(LINE)])
    assert backend.record.objects.count(LANE, "order", "hubwire_order_id") == 1


def test_associations_are_found_from_both_ends_and_can_be_taken_away(backend: Backend) -> None:
    memory = backend.record.objects
    owner, line = RecordAssociation(ORDER, ANN, 5, "primary"), RecordAssociation(LINE, ORDER, 6)
    commit(backend.record, record_associations=[owner, line])
    assert memory.associations(LANE, [(ORDER, ANN), (LINE, ORDER), (OTHER, ANN)]) == {
        (ORDER, ANN): owner,
        (LINE, ORDER): line,
    }
    assert sorted(memory.associations_of(LANE, [ORDER]), key=lambda known: known.at_ms) == [owner, line]
    assert memory.associations_of(LANE, [ANN]) == [owner]
    away = RecordAssociation(ORDER, ANN, 9, "", is_away=True)
    commit(backend.record, record_associations=[away], parted=[(LINE, ORDER)])
    assert memory.associations(LANE, [(ORDER, ANN), (LINE, ORDER)]) == {(ORDER, ANN): away}


def test_a_message_that_waits_for_a_record_is_released_when_the_record_is_there(backend: Backend) -> None:
    held = Settled(
        position=3,
        state=State.HELD,
        reason="waits-for-record",
        due_at_ms=NOW + 9_000,
        hold_keys=(record_hold_key(LANE, ORDER),),
    )
    commit(backend.record, settled=[held])
    assert commit(backend.record, found=[OTHER]) == 0
    assert backend.record.due(LANE, NOW, 10) == []
    assert commit(backend.record, found=[ORDER]) == 1
    assert [due.position for due in backend.record.due(LANE, NOW, 10)] == [3]


def test_a_record_is_looked_up_by_its_name_and_forgets_a_value(backend: Backend) -> None:
    associated = [RecordAssociation(ORDER, ANN), RecordAssociation(LINE, ORDER)]
    written = record_of(ORDER, hs_order_name="Order 7", hs_total_price="5")
    written.properties["@kept line_item"] = ConfirmedValue("", NOW)
    commit(backend.record, records=[written, record_of(OTHER)], record_associations=associated)
    db = backend.database.connection
    for name in (f"order:{ORDER.key}", f"orders:{ORDER.key}"):
        [known] = read_identity(db, name, []).records
        assert (known.kind, known.key, sorted(known.properties)) == (*ORDER, ["hs_order_name", "hs_total_price"])
        assert known.associated == (ANN.key, ":".join(LINE))
    assert read_identity(db, ORDER.key, []).records == []
    assert SqlPrivacy(backend.database).forget_values([(LANE, *ORDER)], ["hs_total_price"]) == 1
    kept = backend.record.objects.records(LANE, [ORDER])[ORDER].properties
    assert sorted(kept) == ["@kept line_item", "hs_order_name"]


def test_a_deletion_reaches_the_orders_of_a_person_their_lines_and_what_has_their_address(backend: Backend) -> None:
    privacy = SqlPrivacy(backend.database)
    card = RecordRef("2-7", "card:1")
    commit(
        backend.record,
        records=[
            record_of(ORDER, hs_order_name="Order 7"),
            record_of(LINE, name="Mug"),
            record_of(PRODUCT, name="Mug"),
            record_of(OTHER, hs_order_name="Order 8"),
            record_of(card, holder="Ann@Example.com"),
        ],
        record_associations=[
            RecordAssociation(ORDER, ANN),
            RecordAssociation(LINE, ORDER),
            RecordAssociation(OTHER, RecordRef("contact", "ben@example.com")),
            RecordAssociation(OTHER, RecordRef("company", "example.com")),
            RecordAssociation(ORDER, RecordRef("company", "example.com")),
        ],
    )
    erased = privacy.erase(Trail(emails={ANN.key}), [], NOW)
    memory = backend.record.objects
    assert set(memory.records(LANE, [ORDER, LINE, PRODUCT, OTHER, card])) == {PRODUCT, OTHER}
    assert (erased.records, erased.associations) == (3, 3)
    assert len(memory.associations_of(LANE, [OTHER])) == 2, "another person's order stays"
    assert memory.associations_of(LANE, [ORDER, LINE, ANN]) == []

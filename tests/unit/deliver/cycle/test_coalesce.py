"""Coalescing: newest value per property, nothing older over newer, nothing sent that is there."""

from __future__ import annotations

from hubwire.deliver.cycle.coalesce import (
    DesiredRecord,
    Older,
    Work,
    confirm,
    confirm_sent,
    difference,
    make_unsure,
)
from hubwire.operation import Associate, PropertyValue, SendEvent, UpsertCompany, UpsertContact
from hubwire.record.protocol import UNSURE, ConfirmedValue, Person

HOUR_MS = 3_600_000


def contact(email: str, at_ms: int, position: int, **values: str) -> UpsertContact:
    return UpsertContact(
        email, {name: PropertyValue(value, "custom") for name, value in values.items()}, at_ms, position
    )


def test_one_person_many_identifies_is_one_input_with_the_newest_values() -> None:
    work = Work()
    work.add([contact("a@b.co", 10, 1, plan="pro", city="Graz")])
    work.add([contact("a@b.co", 30, 2, plan="free")])
    work.add([contact("a@b.co", 20, 3, plan="starter", city="Wien")])
    [expected_contact] = work.contacts.values()
    assert {name: value.value for name, value in expected_contact.values.items()} == {"plan": "free", "city": "Wien"}
    assert expected_contact.positions == [1, 2, 3]


def test_operations_are_sorted_by_what_they_ask_for() -> None:
    work = Work()
    work.add([UpsertCompany("b.co", {}, 1, 1), Associate("a@b.co", "b.co", 1), Associate("a@b.co", "b.co", 2)])
    work.add([SendEvent("a@b.co", "x", "X", {}, {}, 1, "u", 3)])
    assert list(work.companies) == ["b.co"]
    assert {pair: association.positions for pair, association in work.associations.items()} == {
        ("a@b.co", "b.co"): [1, 2]
    }
    assert [event.position for event in work.events] == [3]


def wanted_of(**values: tuple[str, int]) -> DesiredRecord:
    desired = DesiredRecord("a@b.co")
    for position, (name, (value, at_ms)) in enumerate(values.items()):
        desired.merge(UpsertContact("a@b.co", {name: PropertyValue(value, "custom")}, at_ms, position))
    return desired


def test_a_value_older_than_the_confirmed_one_is_never_sent() -> None:
    known = Person("a@b.co", "1", 0, {"plan": ConfirmedValue("pro", 20, 7)})
    result = difference(wanted_of(plan=("free", 10)), known, 0, HOUR_MS)
    assert result.send == {}
    assert result.older == [Older("plan", 0, ConfirmedValue("pro", 20, 7))]


def test_an_unchanged_value_is_sent_again_only_after_the_suppression_time() -> None:
    known = Person("a@b.co", "1", 1000, {"plan": ConfirmedValue("pro", 20)})
    desired = wanted_of(plan=("pro", 30))
    assert difference(desired, known, 1000 + HOUR_MS - 1, HOUR_MS).send == {}
    assert difference(desired, known, 1000 + HOUR_MS, HOUR_MS).send == {"plan": "pro"}
    assert difference(desired, known, 1000, 0).send == {"plan": "pro"}


def test_a_refused_property_is_not_remembered_as_confirmed() -> None:
    known = Person("a@b.co")
    assert confirm(known, wanted_of(plan=("pro", 1), city=("Graz", 1)), ["city"])
    assert known.properties == {"plan": ConfirmedValue("pro", 1)}


def test_of_equal_times_the_later_position_counts_in_any_order() -> None:
    for order in ([1, 2], [2, 1]):
        desired = DesiredRecord("a@b.co")
        for position in order:
            desired.merge(UpsertContact("a@b.co", {"plan": PropertyValue(f"plan {position}", "custom")}, 10, position))
        assert desired.values["plan"].value == "plan 2"


def test_what_may_have_been_overwritten_is_sent_again_and_still_keeps_older_values_out() -> None:
    known = Person("a@b.co", "1", 0, {"plan": ConfirmedValue("pro", 20)})
    assert make_unsure(known, ["plan", "city"])
    assert known.properties == {"plan": ConfirmedValue(UNSURE + "pro", 20)}
    assert difference(wanted_of(plan=("pro", 20)), known, 0, HOUR_MS).send == {"plan": "pro"}
    assert difference(wanted_of(plan=("free", 10)), known, 0, HOUR_MS).older == [
        Older("plan", 0, ConfirmedValue(UNSURE + "pro", 20))
    ]


def test_a_confirmation_counts_for_what_was_written_and_does_not_refresh_the_rest() -> None:
    known = Person("a@b.co", "1", 0, {"plan": ConfirmedValue("pro", 20), "city": ConfirmedValue("Graz", 20)})
    confirm_sent(known, wanted_of(plan=("free", 30)), {"plan"}, set(), HOUR_MS // 2, HOUR_MS)
    assert known.confirmed_at_ms == 0
    confirm_sent(known, wanted_of(plan=("free", 40)), {"plan"}, set(), HOUR_MS, HOUR_MS)
    assert known.confirmed_at_ms == HOUR_MS
    assert known.properties == {"plan": ConfirmedValue("free", 40), "city": ConfirmedValue(UNSURE + "Graz", 20)}
    confirm_sent(known, wanted_of(plan=("free", 50), city=("Graz", 50)), {"plan", "city"}, set(), HOUR_MS + 1, HOUR_MS)
    assert known.confirmed_at_ms == HOUR_MS + 1

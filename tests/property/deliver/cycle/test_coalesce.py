"""Coalescing: newest value per property, nothing older over newer, nothing sent that is there."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.deliver.cycle.test_coalesce import HOUR_MS

from hubwire.deliver.cycle.coalesce import (
    DesiredRecord,
    confirm,
    difference,
)
from hubwire.operation import PropertyValue, UpsertContact
from hubwire.record.protocol import Person

Call = tuple[str, str, int]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.text(max_size=3), st.integers(0, 1000)), unique_by=lambda c: c[2]),
    st.randoms(),
)
def test_any_order_in_any_number_of_cycles_ends_in_the_same_state(calls: list[Call], random: object) -> None:
    """Newest wins per property, however the calls are cut into cycles and ordered."""

    def end_state(ordered: list[Call], size: int) -> dict[str, tuple[str, int]]:
        known = Person("a@b.co")
        for start in range(0, len(ordered), size):
            desired = DesiredRecord("a@b.co")
            for position, (name, value, at_ms) in enumerate(ordered[start : start + size]):
                desired.merge(UpsertContact("a@b.co", {name: PropertyValue(value, "custom")}, at_ms, position))
            older = {older.name for older in difference(desired, known, 0, HOUR_MS).older}
            confirm(known, desired, older)
        return {name: confirmed[:2] for name, confirmed in known.properties.items()}

    shuffled = list(calls)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    oracle = {name: (value, at_ms) for name, value, at_ms in sorted(calls, key=lambda call: call[2])}
    assert end_state(shuffled, 1) == end_state(shuffled, 3) == end_state(calls, 100) == oracle

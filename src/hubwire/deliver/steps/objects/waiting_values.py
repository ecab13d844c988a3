"""Values of rules that only update, for a record that HubSpot does not have yet.

If an older message makes the record later, these values are newer than the record and are written with it: a cart that
became an order is closed also if the order arrives first. The memory keeps them under names that begin with a mark,
as long as messages are kept (`installation/retention.py`).
"""

from __future__ import annotations

from hubwire.deliver.cycle.coalesce import DesiredRecord, Value
from hubwire.deliver.cycle.state import CycleState
from hubwire.operation import RecordRef
from hubwire.record.protocol import ConfirmedValue, ObjectRecord

WAITING = "@waits "


def is_waiting_only(record: ObjectRecord) -> bool:
    """Whether nothing but such values is remembered: HubSpot never had the record."""
    return record.record_id is None and all(name.startswith(WAITING) for name in record.properties)


def keep_waiting(cycle_state: CycleState, ref: RecordRef, desired: DesiredRecord) -> None:
    """Remember the values of a record that HubSpot does not have and none of its messages may make."""
    record = cycle_state.objects.known.get(ref) or ObjectRecord(*ref)
    for name, value in desired.values.items():
        known = record.properties.get(WAITING + name)
        if known is None or (value.at_ms, value.position) > (known.at_ms, known.position):
            confirmed = ConfirmedValue(value.value, value.at_ms, value.position, value.trust)
            record.properties[WAITING + name] = confirmed
            cycle_state.objects.known[ref] = cycle_state.objects.changed[ref] = record
    if is_waiting_only(record):
        record.seen_at_ms = cycle_state.now_ms


def add_waiting(record: ObjectRecord | None, desired: DesiredRecord) -> None:
    """Add the remembered values that are newer than the messages which make the record."""
    if record is None or record.record_id is not None or not desired.may_make or not desired.values:
        return
    made_at_ms = min(value.at_ms for value in desired.values.values())
    for marked, waiting in record.properties.items():
        name = marked.removeprefix(WAITING)
        if name == marked or waiting.at_ms <= made_at_ms:
            continue
        value = Value(waiting.value, waiting.at_ms, waiting.position, trust=waiting.trust)
        if name not in desired.values or value.beats(desired.values[name]):
            desired.values[name] = value


def drop_waiting(record: ObjectRecord) -> None:
    """Forget these values: HubSpot has the record now."""
    for name in [name for name in record.properties if name.startswith(WAITING)]:
        del record.properties[name]

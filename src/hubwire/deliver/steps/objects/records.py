"""Records of any object type but contact and company: one batch upsert per hundred records that differ from what
HubSpot confirmed.

Rules: a unique property is the key; a record that only may be updated is written by its id; a record without a key is
made once, and a lead is made together with its contact, because HubSpot makes none without one. Line items come after
their parents, so that no line item is made for an order that HubSpot refused.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from hubwire.deliver.calls.batch_sender import Input, Judged, MakeCall, send
from hubwire.deliver.calls.caller import together
from hubwire.deliver.cycle.coalesce import (
    LINE_ITEM,
    DesiredRecord,
    PairOfRecords,
    Work,
    confirm,
)
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.steps.made_records import of_made_records
from hubwire.deliver.steps.objects.new_records import Routed, Routes
from hubwire.deliver.steps.objects.record_associations import associate_records
from hubwire.deliver.steps.objects.record_holds import hold_unavailable, is_unavailable, wait_for_record
from hubwire.deliver.steps.objects.record_state import look_up_records
from hubwire.deliver.steps.objects.removed_records import archive_removed, leave_removed, revived
from hubwire.deliver.steps.objects.waiting_values import add_waiting, drop_waiting
from hubwire.deliver.steps.record_calls import update_call
from hubwire.deliver.steps.record_values import (
    leave_out_lower_trust,
    note_unwritten,
    note_written,
    report_refused,
    values_to_restore,
    values_to_send,
)
from hubwire.deliver.verdicts import without_answer
from hubwire.deliver.verdicts.dependants import follows, is_delivered
from hubwire.delivery import Dead, Delivered, Retry
from hubwire.hubspot.call import OBJECTS_PER_CALL, split
from hubwire.operation import Hold, LeftOut, RecordPair, RecordRef, unique_property
from hubwire.reasons import Reason
from hubwire.record.protocol import ObjectRecord
from hubwire.schema import ObjectSchema

Pairs = Mapping[RecordPair, PairOfRecords]


async def send_records(cycle_state: CycleState, work: Work) -> None:
    """Write a cycle's records, associate them, and archive those that their parents have no longer."""
    ends = {end for pair in work.pairs for end in pair} | {archive.parent for archive in work.archives}
    refs = {ref for ref in work.records.keys() | ends if ref.object not in ("contact", "company")}
    cycle_state.objects.known = await cycle_state.load(cycle_state.record.objects.records, sorted(refs))
    leave_removed(cycle_state, work)
    await upsert_records(cycle_state, work.records, work.pairs)
    await associate_records(cycle_state, of_made_records(cycle_state, work, work.pairs))
    if work.archives:
        await archive_removed(cycle_state, work)


async def upsert_records(cycle_state: CycleState, records: Mapping[RecordRef, DesiredRecord], pairs: Pairs) -> None:
    """Write the records that differ from HubSpot; confirmed ones are in `cycle_state.objects` afterwards.

    Shape: `pairs` are the associations of this cycle. What the memory knows of the records is loaded; contacts and
    companies have been written.
    """
    by_type: dict[str, dict[str, DesiredRecord]] = {}
    for ref, desired in records.items():
        by_type.setdefault(ref.object, {})[ref.key] = desired
    lines = by_type.pop(LINE_ITEM, {})
    await together(*(_RecordStep(cycle_state, name, of_type, pairs).run() for name, of_type in by_type.items()))
    if lines:
        _leave_orphans(cycle_state, lines, pairs)
        await _RecordStep(cycle_state, LINE_ITEM, lines, pairs).run()


def _leave_orphans(cycle_state: CycleState, lines: Mapping[str, DesiredRecord], pairs: Pairs) -> None:
    """Write no line item whose parent HubSpot refused."""
    parents: dict[RecordRef, list[RecordRef]] = {}
    for source, target in pairs:
        if source.object == LINE_ITEM:
            parents.setdefault(source, []).append(target)
    for line, of_line in parents.items():
        refused = [cycle_state.objects.refused.get(parent) for parent in of_line]
        if line.key in lines and all(fate is not None for fate in refused):
            fate = refused[0] or Delivered()
            cycle_state.refuse_record(
                line, lines[line.key].positions, fate if isinstance(fate, Hold) else follows(fate)
            )


@dataclass(slots=True)
class _RecordStep:
    """Writes the records of one object type."""

    cycle_state: CycleState
    object_type: str
    records: Mapping[str, DesiredRecord]
    pairs: Pairs

    async def run(self) -> None:
        """Look up and write the records."""
        if is_unavailable(self.cycle_state, self.object_type):
            for key, desired in self.records.items():
                hold_unavailable(self.cycle_state, self._ref(key), desired.positions)
            return
        known = self.cycle_state.objects.of_type(self.object_type, self.records)
        leave_out_lower_trust(self.cycle_state, self.records, known)
        for key, desired in self.records.items():
            if (self._is_open(key) and not revived(self.cycle_state, self._ref(key), desired)) or (
                self._is_open(key) and not self._has_key_property(desired)
            ):
                self.cycle_state.objects.refused[self._ref(key)] = Delivered()
        relied = {end.key for pair in self.pairs for end in pair if end.object == self.object_type}
        await look_up_records(self.cycle_state, self._schema, self._open(), relied & self.records.keys())
        await self._write(self._inputs())

    @property
    def _schema(self) -> ObjectSchema:
        return self.cycle_state.schema.objects[self.object_type]

    def _ref(self, key: str) -> RecordRef:
        return RecordRef(self.object_type, key)

    def _known(self, key: str) -> ObjectRecord | None:
        return self.cycle_state.objects.known.get(self._ref(key))

    def _is_open(self, key: str) -> bool:
        return self._ref(key) not in self.cycle_state.objects.refused

    def _open(self) -> dict[str, DesiredRecord]:
        return {key: desired for key, desired in self.records.items() if self._is_open(key)}

    def _has_key_property(self, desired: DesiredRecord) -> bool:
        """Whether HubSpot knows records by this property; reports it otherwise."""
        parts = unique_property(desired.key)
        if parts is None:
            return True
        name, definition = parts[0], self._schema.properties.get(parts[0])
        if definition is not None and definition.is_unique:
            return True
        refused = self.cycle_state.portal.refused.get((self._schema.object_type.path, name))
        detail = (
            refused.detail if refused is not None else "its values are not unique" if definition else "it is missing"
        )
        for position in desired.positions:
            left_out = LeftOut(desired.field_of(name), Reason.KEY_PROPERTY_NOT_UNIQUE, detail)
            self.cycle_state.outcomes.leave_out(position, [left_out])
        return False

    # -- what is sent

    def _inputs(self) -> dict[str, Input]:
        """The inputs by the keys of their records; records that HubSpot has as desired need none."""
        inputs = {}
        written: set[str] = set()
        for key, desired in self._open().items():
            add_waiting(self._known(key), desired)
            properties = self._properties(desired)
            if properties is None or not self._is_open(key):
                continue
            record_id = self.cycle_state.objects.record_id(self._ref(key))
            if desired.find and record_id is not None and record_id in written:
                self.cycle_state.refuse_record(
                    self._ref(key), desired.positions, without_answer.written_already(record_id)
                )
                continue
            written.add(record_id or "")
            inputs[key] = Input("", key, properties, desired.positions)
        return inputs

    def _properties(self, desired: DesiredRecord) -> dict[str, str] | None:
        """The properties to write; None if nothing has to be written now."""
        cycle_state, record = self.cycle_state, self._known(desired.key)
        is_there = record is not None and record.record_id is not None
        unique = unique_property(desired.key)
        if unique is None and is_there and not desired.find:
            return None
        send = values_to_send(cycle_state, self._schema.object_type.path, desired, record)
        if is_there:
            if send or record is None:
                return send
            if confirm(record, desired):
                cycle_state.objects.changed[record.ref] = record
            return None
        properties = {**self._to_restore(desired.key), **send}
        if unique is not None:
            properties[unique[0]] = unique[1]
        if self._ref(desired.key) in cycle_state.objects.adopted:
            return properties
        return properties if self._is_complete(desired, properties) else None

    def _to_restore(self, key: str) -> dict[str, str]:
        """The remembered values of a record that is gone."""
        return values_to_restore(self.cycle_state, self.object_type, key, self._known(key))

    def _is_complete(self, desired: DesiredRecord, properties: Mapping[str, str]) -> bool:
        """Whether HubSpot can make the record; otherwise its messages wait for another one that brings the rest."""
        cycle_state = self.cycle_state
        missing = [name for name in self._schema.object_type.required if not properties.get(name)]
        if not missing:
            return True
        ref = self._ref(desired.key)
        hold = wait_for_record(cycle_state, ref, Reason.RECORD_INCOMPLETE, f"{ref.object}: {', '.join(missing)}")
        cycle_state.refuse_record(ref, desired.positions, hold)
        return False

    # -- sending

    async def _write(self, inputs: Mapping[str, Input], *, is_again: bool = False) -> None:
        """Send the inputs, and then what else is remembered of records that turned out to be new ones."""
        before = set(self.cycle_state.objects.others)
        outcomes = [outcome for judged in await together(*self._sends(inputs)) for outcome in judged]
        again: dict[str, Input] = {}
        for key, outcome in outcomes:
            if not is_again and self._is_gone(key, outcome):
                again[key] = Input("", key, self._restored(key, outcome.input), outcome.input.positions)
                continue
            self._settle(key, outcome)
            if self._ref(key) in self.cycle_state.objects.others - before and is_delivered(outcome.verdict):
                rest = self._to_restore(key)
                rest = {name: value for name, value in rest.items() if name not in outcome.input.properties}
                if rest and not is_again:
                    again[key] = Input("", key, rest, outcome.input.positions)
        if again:
            await self._write(again, is_again=True)

    def _is_gone(self, key: str, outcome: Judged) -> bool:
        """Whether a record that was there must be made again: HubSpot calls it missing, or needs more to make it."""
        record, verdict = self._known(key), outcome.verdict
        lacks_values = isinstance(verdict, Dead) and verdict.reason is Reason.MISSING_REQUIRED_PROPERTY
        if not (lacks_values or outcome.is_gone) or not self.records[key].may_make:
            return False
        if record is None or record.record_id is None:
            return False
        self.cycle_state.objects.record_is(record.ref, None, self.cycle_state.now_ms)
        return True

    def _restored(self, key: str, sent: Input) -> dict[str, str]:
        """All that is remembered of a record that is gone, with what was sent to it."""
        unique = unique_property(key)
        return {**self._to_restore(key), **sent.properties, **(dict([unique]) if unique else {})}

    def _sends(self, inputs: Mapping[str, Input]) -> Iterator[Awaitable[list[tuple[str, Judged]]]]:
        """The batches that send these inputs; each returns the judgements by the keys of the records."""
        routes = Routes(self.cycle_state, self._schema.object_type, self.pairs)
        for key, input_ in inputs.items():
            routes.add(key, input_, may_make=self.records[key].may_make)
        update = partial(update_call, self.cycle_state.paths, self._schema.object_type)
        for make, group in routes.calls():
            for batch in split(group, OBJECTS_PER_CALL):
                yield _send(self.cycle_state, make, batch, update)

    # -- what HubSpot said

    def _settle(self, key: str, outcome: Judged) -> None:
        cycle_state, desired, ref, sent = self.cycle_state, self.records[key], self._ref(key), outcome.input
        if self._plan_again(desired, outcome):
            return
        report_refused(cycle_state, desired, sent)
        if not is_delivered(outcome.verdict):
            note_unwritten(cycle_state, ref, outcome)
            verdict = outcome.verdict
            if isinstance(verdict, Retry) and verdict.reason is Reason.FEATURE_REFUSED:
                hold_unavailable(cycle_state, ref, desired.positions, verdict.detail or verdict.reason)
            else:
                cycle_state.refuse_record(ref, desired.positions, verdict)
            return
        returned = outcome.returned
        known_id = cycle_state.objects.record_id(ref)
        record = cycle_state.objects.record_is(ref, returned.record_id if returned else known_id, cycle_state.now_ms)
        drop_waiting(record)
        note_written(cycle_state, self.object_type, desired, record, outcome)

    def _plan_again(self, desired: DesiredRecord, outcome: Judged) -> bool:
        """Whether the record waits for a plan with the stages that the portal has now.

        A stage that HubSpot refuses was changed since its pipeline was read. Its message is planned again once; what
        else was written stays written.
        """
        cycle_state, object_type, sent = self.cycle_state, self._schema.object_type, outcome.input
        refused = [item for item in sent.refused if item.field in (object_type.stage, object_type.pipeline)]
        positions = {value.position for item in refused if (value := desired.values.get(item.field)) is not None}
        if not positions or not positions.isdisjoint(cycle_state.outcomes.due):
            return False
        verdict = without_answer.stages_changed(f"{self.object_type}: {refused[0].detail}")
        if not is_delivered(outcome.verdict):
            cycle_state.refuse_record(self._ref(desired.key), desired.positions, verdict)
            return True
        cycle_state.outcomes.judge(positions, verdict)
        for item in refused:
            desired.drop(item.field)
            sent.refused.remove(item)
        return False


async def _send(
    cycle_state: CycleState, make: MakeCall, batch: Sequence[Routed], update: MakeCall
) -> list[tuple[str, Judged]]:
    """Send one batch. Returns the judgement of each input, by the key of its record."""
    keys: dict[str, str] = {}
    for number, routed in enumerate(batch):
        routed.input.trace, routed.input.key = str(number), routed.value
        keys[str(number)] = routed.key
    judged = await send(cycle_state.caller, make, [routed.input for routed in batch], update)
    return [(keys[outcome.input.trace], outcome) for outcome in judged]

"""Contact to company: default associations in batches, each confirmed pair remembered and never sent again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

from hubwire.deliver.batch import ASSOCIATIONS_PER_CALL, split
from hubwire.deliver.exchange import Input, is_delivered
from hubwire.deliver.task import Task
from hubwire.hubspot.exchange import Call, pair_key
from hubwire.hubspot.paths import Paths
from hubwire.hubspot.wire import associate_default


async def associate(task: Task, wanted: Mapping[tuple[str, str], list[int]]) -> None:
    """Link the pairs whose two records exist; the others wait, or end, with the record that is missing."""
    if not wanted:
        return
    confirmed = task.record.associated(task.destination_id, wanted.keys())
    pairs: dict[str, list[tuple[str, str]]] = {}
    inputs: list[Input] = []
    for email, domain in wanted.keys() - confirmed:
        contact_id, company_id = task.contact_id(email), task.company_id(domain)
        positions = wanted[email, domain]
        if contact_id is None or company_id is None:
            task.ledger.judge(positions, task.missing_verdict(email, domain))
        else:
            key = pair_key(contact_id, company_id)
            if key not in pairs:
                inputs.append(Input(str(len(inputs)), key, {}, positions))
            pairs.setdefault(key, []).append((email, domain))
    batches = split(inputs, ASSOCIATIONS_PER_CALL)
    judged = await asyncio.gather(*(task.exchange.send(partial(_call, task.paths), batch) for batch in batches))
    for outcome in (one for batch in judged for one in batch):
        if is_delivered(outcome.verdict):
            task.associations += pairs[outcome.input.key]
        else:
            task.ledger.judge(outcome.input.positions, outcome.verdict)


def associate_call(paths: Paths, pairs: Sequence[tuple[str, str]]) -> Call:
    """Default associations: (contact id, company id)."""
    return Call(
        "associate", "POST", paths.associations("contacts", "companies"), associate_default(pairs), kind="associations"
    )


def _call(paths: Paths, group: Sequence[Input]) -> Call:
    ends = [one.key.partition(">") for one in group]
    return associate_call(paths, [(contact_id, company_id) for contact_id, _, company_id in ends])

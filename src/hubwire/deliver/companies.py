"""Companies: known by their registrable domain, which HubSpot does not take as an upsert key.

A hidden unique property of ours (`hubwire_domain`) is the key. A domain seen for the first time is searched once, to
adopt a company that exists (its record id is updated with our key); what is not found is created by an upsert on our
key, which a repeat cannot double although the search lags by seconds. Afterwards the record id is remembered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

from hubwire.deliver.batch import OBJECTS_PER_CALL, SEARCH_BODY_BYTES, split, split_by_size
from hubwire.deliver.coalesce import Wanted, confirm, difference
from hubwire.deliver.exchange import Input, Judged, is_delivered
from hubwire.deliver.task import Task
from hubwire.delivery import Dead
from hubwire.hubspot.exchange import Call
from hubwire.hubspot.paths import Paths
from hubwire.hubspot.wire import found_companies, search_companies, update_objects, upsert_objects
from hubwire.operation import LeftOut
from hubwire.reasons import Reason
from hubwire.record.protocol import Company

KEY_PROPERTY = "hubwire_domain"
DOMAINS_PER_SEARCH = 100


async def upsert_companies(task: Task, wanted: Mapping[str, Wanted]) -> None:
    """Bring the companies to what is wanted; those confirmed are in `task.companies` afterwards."""
    if not wanted:
        return
    task.companies = task.record.companies(task.destination_id, wanted.keys())
    unknown = [domain for domain in wanted if task.company_id(domain) is None]
    if unknown and not await task.portal.ensure_company_key(KEY_PROPERTY):
        for domain in unknown:
            refused = Dead(Reason.MISSING_SCOPE, f"HubSpot did not let us create the company property {KEY_PROPERTY}")
            task.refuse_company(domain, wanted[domain].positions, refused)
        wanted = {domain: one for domain, one in wanted.items() if domain not in unknown}
        unknown = []
    adopted = await _adopt(task, unknown) if unknown else {}
    updates: list[Input] = []
    creations: list[Input] = []
    for domain, one in wanted.items():
        known = task.companies.get(domain)
        differs = difference(one, known, task.now_ms, task.suppress_ms)
        for name, position in differs.older:
            task.ledger.leave_out(position, [LeftOut(name, Reason.OLDER_THAN_KNOWN)])
        if known is None or known.company_id is None:
            record_id = adopted.get(domain)
            properties = with_key(differs.send, domain)
            target = creations if record_id is None else updates
            target.append(Input(str(len(target)), record_id or domain, properties, one.positions))
        elif differs.send:
            updates.append(Input(str(len(updates)), known.company_id, differs.send, one.positions))
        elif confirm(known, one):
            task.changed_companies.append(known)
    domains = {adopted[domain]: domain for domain in adopted}
    domains |= {one.company_id: domain for domain, one in task.companies.items() if one.company_id}
    groups = [(update_call, batch) for batch in split(updates, OBJECTS_PER_CALL)]
    groups += [(create_call, batch) for batch in split(creations, OBJECTS_PER_CALL)]
    judged = await asyncio.gather(*(task.exchange.send(partial(make, task.paths), batch) for make, batch in groups))
    for outcome in (one for batch in judged for one in batch):
        domain = domains.get(outcome.input.key, outcome.input.key)
        _settle(task, wanted[domain], outcome)


async def _adopt(task: Task, domains: Sequence[str]) -> dict[str, str]:
    """Record ids of companies that exist already, by domain."""
    groups = split_by_size(domains, SEARCH_BODY_BYTES, DOMAINS_PER_SEARCH)
    found: dict[str, str] = {}
    for group in groups:
        answer = await task.exchange.read(search_call(task.paths, group))
        for domain, record_id in found_companies(answer.body):
            found.setdefault(domain, record_id)
    return {domain: found[domain] for domain in domains if domain in found}


def with_key(properties: Mapping[str, str], domain: str) -> dict[str, str]:
    """The properties of a company that gets our key: created, or adopted."""
    return {**properties, "domain": domain, KEY_PROPERTY: domain}


def search_call(paths: Paths, domains: Sequence[str]) -> Call:
    """Find the companies that exist already."""
    return Call("search companies", "POST", paths.objects("companies", "search"), search_companies(domains), "search")


def update_call(paths: Paths, group: Sequence[Input]) -> Call:
    """Update companies by record id."""
    path = paths.objects("companies", "batch/update")
    return Call("update companies", "POST", path, update_objects(group))


def create_call(paths: Paths, group: Sequence[Input]) -> Call:
    """Create or update companies by our key."""
    path = paths.objects("companies", "batch/upsert")
    body = upsert_objects(group, id_property=KEY_PROPERTY)
    return Call("upsert companies", "POST", path, body, id_property=KEY_PROPERTY)


def _settle(task: Task, one: Wanted, outcome: Judged) -> None:
    sent = outcome.input
    for item in sent.refused:
        value = one.values.get(item.field)
        task.ledger.leave_out(value.position if value else one.positions[0], [item])
    company = task.companies.get(one.key)
    if not is_delivered(outcome.verdict):
        if outcome.is_gone and company is not None:
            company.company_id = None
            task.changed_companies.append(company)
        task.refuse_company(one.key, sent.positions, outcome.verdict)
        return
    if company is None:
        company = task.companies[one.key] = Company(one.key)
    company.company_id = outcome.returned.record_id if outcome.returned else company.company_id
    if company.properties.keys() <= sent.properties.keys():
        company.confirmed_at_ms = task.now_ms
    confirm(company, one, (item.field for item in sent.refused))
    task.changed_companies.append(company)

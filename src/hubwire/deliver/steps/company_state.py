"""Companies as HubSpot holds them, before they are written: gone, merged, or there before us.

The search lags by seconds, and HubSpot makes the company of a new contact's e-mail domain by itself (an account
setting, on by default). So what the search does not find is looked for among the companies of the very contacts that
are to be associated, where one of them is new and has an address of that domain. When it is not there either it may
still be under way, and the message waits a few seconds and looks again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set

from hubwire.deliver.calls.caller import together
from hubwire.deliver.cycle.coalesce import DesiredRecord, difference
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.steps.company_search import CompanyMatch, SearchResult, find_companies
from hubwire.deliver.steps.look_up import (
    companies_of_contacts,
    read_companies,
    read_moved_company,
    unseen,
)
from hubwire.deliver.steps.newer import foreign_versions, late_names, leave_out_newer
from hubwire.deliver.steps.provision import ensure_company_key
from hubwire.deliver.verdicts import without_answer
from hubwire.delivery import Verdict
from hubwire.hubspot.reading import HeldRecord
from hubwire.hubspot.wire import KEY_PROPERTY
from hubwire.reasons import Reason

OBJECT = "companies"
SEARCH_LAG_MS = 60_000
"""What was made longer ago than this the search finds. It lags by seconds, seen live by third parties."""
MAX_MOVED = 20
"""So many merged companies are followed in one cycle, each by a call of its own."""


async def look_up_companies(
    cycle_state: CycleState, wanted: Mapping[str, DesiredRecord], contacts: Mapping[str, Collection[str]]
) -> SearchResult:
    """Bring memory to what HubSpot holds, and find the companies that memory does not know.

    Shape: `contacts` are the e-mails to be associated, by domain.
    """
    await _confirm(cycle_state, wanted, contacts.keys())
    unknown = [domain for domain in wanted if cycle_state.company_id(domain) is None]
    search = await _find(cycle_state, wanted, unknown, contacts) if unknown else SearchResult({}, {})
    for domain, verdict in search.refused.items():
        cycle_state.refuse_company(domain, wanted[domain].positions, verdict)
    open_companies = {domain: desired for domain, desired in wanted.items() if domain not in search.refused}
    unread = await compare_companies(cycle_state, open_companies, search.found)
    for domain, verdict in unread.items():
        cycle_state.refuse_company(domain, wanted[domain].positions, verdict)
    search.refused.update(unread)
    return search


# -- those that memory knows


async def _confirm(cycle_state: CycleState, wanted: Mapping[str, DesiredRecord], relied: Set[str]) -> None:
    """See whether companies are still there: those not seen for long, and those under suspicion."""
    known = {
        domain: company for domain in wanted if (company := cycle_state.companies.get(domain)) and company.company_id
    }
    by_id: dict[str, list[str]] = {}
    for domain in unseen(cycle_state, {domain: company.seen_at_ms for domain, company in known.items()}, relied):
        by_id.setdefault(known[domain].company_id or "", []).append(domain)
    if not by_id:
        return
    positions = {one: [p for domain in domains for p in wanted[domain].positions] for one, domains in by_id.items()}
    held = await read_companies(cycle_state.caller, cycle_state.paths, positions)
    missing = [] if held.is_refused else [one for one in by_id if one not in held.records and one not in held.unread]
    moved = await _moved(cycle_state, missing)
    for company_id, domains in by_id.items():
        record = held.records.get(company_id) or moved.get(company_id)
        for domain in domains:
            if record is not None or company_id in missing:
                company = cycle_state.companies[domain]
                cycle_state.company_is(company, record.record_id if record is not None else None)


async def _moved(cycle_state: CycleState, ids: Sequence[str]) -> dict[str, HeldRecord]:
    """The companies that merged ones have become, by the old id."""
    reads = [read_moved_company(cycle_state.caller, cycle_state.paths, one) for one in ids[:MAX_MOVED]]
    return {one: record for one, record in zip(ids, await together(*reads), strict=False) if record is not None}


# -- those that it does not know


async def _find(
    cycle_state: CycleState,
    wanted: Mapping[str, DesiredRecord],
    unknown: Sequence[str],
    contacts: Mapping[str, Collection[str]],
) -> SearchResult:
    has_key = KEY_PROPERTY in cycle_state.schema.company
    refused = await ensure_company_key(cycle_state.portal)
    if refused is not None:
        return SearchResult({}, dict.fromkeys(unknown, refused))
    search = await find_companies(cycle_state.caller, cycle_state.portal, cycle_state.paths, unknown, has_key=has_key)
    await _find_by_contacts(cycle_state, search, _still(unknown, search), contacts)
    for domain in _still(unknown, search):
        has_waited = _has_waited(cycle_state, wanted[domain].positions)
        if not has_waited and _may_be_made(cycle_state, domain, contacts.get(domain, ())):
            search.refused[domain] = without_answer.company_may_appear()
    return search


def _has_waited(cycle_state: CycleState, positions: Iterable[int]) -> bool:
    """Whether one of these messages was put off for this before."""
    due = cycle_state.outcomes.due
    return any(position in due and due[position].reason == Reason.COMPANY_MAY_APPEAR for position in positions)


def _still(unknown: Iterable[str], search: SearchResult) -> list[str]:
    return [domain for domain in unknown if domain not in search.found and domain not in search.refused]


async def _find_by_contacts(
    cycle_state: CycleState, search: SearchResult, domains: Sequence[str], contacts: Mapping[str, Collection[str]]
) -> None:
    """The company of a contact's own associations, however HubSpot or people made it."""
    ids = {
        contact_id
        for domain in domains
        for email in contacts.get(domain, ())
        if (contact_id := cycle_state.contact_id(email)) and _may_be_made(cycle_state, domain, [email])
    }
    if not ids:
        return
    wanted = set(domains)
    for record in await companies_of_contacts(cycle_state.caller, cycle_state.paths, sorted(ids)):
        for place, domain in enumerate(record.domains):
            if domain in wanted and domain not in search.found:
                search.found[domain] = CompanyMatch(record.record_id, place == 0)


def _may_be_made(cycle_state: CycleState, domain: str, emails: Collection[str]) -> bool:
    """Whether HubSpot may have made the company a moment ago: of a new contact with an address of its domain."""
    return any(is_of_domain(email, domain) and _is_recent(cycle_state, email) for email in emails)


def _is_recent(cycle_state: CycleState, email: str) -> bool:
    """Whether we made the contact within the time that the search may lag."""
    made_at_ms = cycle_state.portal.histories.made_at_ms("contacts", email)
    return made_at_ms is not None and cycle_state.now_ms - made_at_ms < SEARCH_LAG_MS


def is_of_domain(email: str, domain: str) -> bool:
    """Whether an address belongs to a domain or to one below it."""
    host = email.rpartition("@")[2]
    return host == domain or host.endswith(f".{domain}")


# -- who wrote to them since


async def compare_companies(
    cycle_state: CycleState, wanted: Mapping[str, DesiredRecord], found: Mapping[str, CompanyMatch]
) -> dict[str, Verdict]:
    """Read companies that late messages write to, or that are another record now, with the history of values.

    Shape: `found` are those that memory does not know; given back are the companies that could not be read now.
    """
    names: dict[str, set[str]] = {}
    ids: dict[str, str] = {}
    for domain, desired in wanted.items():
        match = found.get(domain)
        company_id = cycle_state.company_id(domain) or (match.record_id if match is not None else None)
        if company_id is None:
            continue
        known = cycle_state.companies.get(domain)
        send = difference(desired, known, cycle_state.now_ms, cycle_state.suppress_ms).send
        needed = late_names(cycle_state, desired, send)
        if known is not None and (domain in cycle_state.other_companies or known.company_id is None):
            needed |= {*desired.values, *known.properties}
        needed.discard("domain")
        if needed:
            names[domain], ids[domain] = needed, company_id
    unread = _leave_out_known(cycle_state, wanted, names)
    refused: dict[str, Verdict] = {}
    if not unread:
        return refused
    every = sorted({name for domain in unread for name in names[domain]})
    positions = {ids[domain]: wanted[domain].positions for domain in unread}
    held = await read_companies(cycle_state.caller, cycle_state.paths, positions, every)
    for domain in unread:
        record, verdict = held.records.get(ids[domain]), held.unread.get(ids[domain])
        if verdict is not None:
            refused[domain] = verdict
        elif record is not None:
            known = cycle_state.companies.get(domain)
            foreign = foreign_versions(record, known, cycle_state.schema.company)
            cycle_state.portal.histories.remember(OBJECT, domain, frozenset(every), foreign, cycle_state.now_ms)
            leave_out_newer(cycle_state, wanted[domain], known, foreign, cycle_state.schema.company)
    return refused


def _leave_out_known(
    cycle_state: CycleState, wanted: Mapping[str, DesiredRecord], names: Mapping[str, Set[str]]
) -> list[str]:
    """The companies that were not read a moment ago; of the others the values that lose are left out."""
    unread: list[str] = []
    for domain, needed in names.items():
        histories, now_ms = cycle_state.portal.histories, cycle_state.now_ms
        foreign = histories.known(OBJECT, domain, frozenset(needed), now_ms, cycle_state.late_ms)
        if foreign is None:
            unread.append(domain)
        else:
            known = cycle_state.companies.get(domain)
            leave_out_newer(cycle_state, wanted[domain], known, foreign, cycle_state.schema.company)
    return unread

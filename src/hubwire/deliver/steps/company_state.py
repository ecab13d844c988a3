"""Reads the companies that HubSpot has before Hubwire writes to them: deleted, merged, or created by somebody else.

The search lags by seconds, and HubSpot itself creates the company of a new contact's e-mail domain (an account setting,
on by default). A message that needs an unknown company therefore waits a few seconds before Hubwire looks for it, by
search and among the companies of the contacts that somebody created a moment ago with an address of that domain.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set

from hubwire.deliver.calls.caller import together
from hubwire.deliver.cycle.coalesce import DesiredRecord, difference
from hubwire.deliver.cycle.recent_records import SEARCH_LAG_MS
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.steps.company_search import CompanyMatch, SearchResult, find_companies
from hubwire.deliver.steps.conditions import settle, unanswered
from hubwire.deliver.steps.look_up import (
    companies_of_contacts,
    read_companies,
    read_moved_company,
    to_read_again,
    unseen,
)
from hubwire.deliver.steps.provision import ensure_company_key
from hubwire.deliver.steps.record_values import foreign_versions, late_names, leave_out_newer
from hubwire.deliver.verdicts import without_answer
from hubwire.delivery import Verdict
from hubwire.hubspot.reading import HeldRecord
from hubwire.hubspot.wire import KEY_PROPERTY
from hubwire.operation import unique_property
from hubwire.reasons import Reason

OBJECT = "companies"
COMPANY_APPEARS_MS = 10_000
"""The time that HubSpot may need to create the company of an e-mail's domain, and its search to show it. Chosen."""
MAX_MOVED = 20
"""Maximum number of merged companies to follow in one cycle; each takes one call."""


async def look_up_companies(
    cycle_state: CycleState, records: Mapping[str, DesiredRecord], contacts: Mapping[str, Collection[str]]
) -> SearchResult:
    """Update the memory to what HubSpot has, and find the companies that the memory does not know.

    Shape: `contacts` are the e-mails to be associated, by domain.
    """
    await _confirm(cycle_state, records, contacts.keys())
    unknown = [
        domain for domain in records if cycle_state.company_id(domain) is None and unique_property(domain) is None
    ]
    search = await _find(cycle_state, records, unknown) if unknown else SearchResult({}, {})
    for domain, verdict in search.refused.items():
        cycle_state.refuse_company(domain, records[domain].positions, verdict)
    open_companies = {domain: desired for domain, desired in records.items() if domain not in search.refused}
    unread = await compare_companies(cycle_state, open_companies, search.found)
    for domain, verdict in unread.items():
        cycle_state.refuse_company(domain, records[domain].positions, verdict)
    search.refused.update(unread)
    return search


# -- companies that the memory knows


async def _confirm(cycle_state: CycleState, records: Mapping[str, DesiredRecord], relied: Set[str]) -> None:
    """Check that companies still exist: those that no answer has shown for a while, unchanged ones, and suspects."""
    known = {
        domain: company for domain in records if (company := cycle_state.companies.get(domain)) and company.company_id
    }
    by_id: dict[str, list[str]] = {}
    seen_at_ms = {domain: company.seen_at_ms for domain, company in known.items()}
    unchanged = {
        domain
        for domain, company in known.items()
        if not difference(records[domain], company, cycle_state.now_ms, cycle_state.suppress_ms).send
    }
    for domain in unseen(cycle_state, OBJECT, records, seen_at_ms, relied, unchanged):
        by_id.setdefault(known[domain].company_id or "", []).append(domain)
    if not by_id:
        return
    positions = {
        company_id: [p for domain in domains for p in records[domain].positions]
        for company_id, domains in by_id.items()
    }
    held = await read_companies(cycle_state.caller, cycle_state.paths, positions)
    answered = held.records.keys() | held.unread.keys()
    missing = [] if held.is_refused else [company_id for company_id in by_id if company_id not in answered]
    moved = await _moved(cycle_state, missing)
    gone = [company_id for company_id in missing if company_id not in moved]
    cycle_state.portal.recent_deletions.note(OBJECT, gone, cycle_state.now_ms)
    for company_id, domains in by_id.items():
        record = held.records.get(company_id) or moved.get(company_id)
        for domain in domains:
            if record is not None or company_id in missing:
                company = cycle_state.companies[domain]
                cycle_state.company_is(company, record.record_id if record is not None else None)


async def _moved(cycle_state: CycleState, ids: Sequence[str]) -> dict[str, HeldRecord]:
    """The companies into which others were merged, by the old id."""
    reads = [read_moved_company(cycle_state.caller, cycle_state.paths, company_id) for company_id in ids[:MAX_MOVED]]
    return {
        company_id: record
        for company_id, record in zip(ids, await together(*reads), strict=False)
        if record is not None
    }


# -- companies that the memory does not know


async def _find(
    cycle_state: CycleState,
    records: Mapping[str, DesiredRecord],
    unknown: Sequence[str],
) -> SearchResult:
    has_key = KEY_PROPERTY in cycle_state.schema.company
    refused = await ensure_company_key(cycle_state.portal)
    if refused is not None:
        return SearchResult({}, dict.fromkeys(unknown, refused))
    return await find_by_domain(cycle_state, records, unknown, has_key=has_key)


async def find_by_domain(
    cycle_state: CycleState,
    records: Mapping[str, DesiredRecord],
    unknown: Sequence[str],
    *,
    has_key: bool,
) -> SearchResult:
    """The companies of these domains, by search and by the contacts that are new in HubSpot; all by domain.

    Shape: a company that may be too new for the search is looked for once, after a wait: `refused` has it until then.
    """
    waits_ms = {domain: _wait_ms(cycle_state, domain, records[domain].positions) for domain in unknown}
    waiting = SearchResult({}, {d: without_answer.company_may_appear(ms) for d, ms in waits_ms.items() if ms})
    due = [domain for domain, wait_ms in waits_ms.items() if not wait_ms]
    if not due:
        return waiting
    search = await _search(cycle_state, due, frozenset(), has_key=has_key)
    ghosts = await _ghosts(cycle_state, {match.record_id for match in search.found.values()})
    if ghosts:
        search = await _search(cycle_state, due, ghosts, has_key=has_key)
    await _find_by_contacts(cycle_state, search, _still(due, search))
    search.refused.update(waiting.refused)
    return search


def _wait_ms(cycle_state: CycleState, domain: str, positions: Iterable[int]) -> int:
    """How long to wait before the search: HubSpot or somebody else may have made the company seconds ago.

    Shape: HubSpot makes it for the first contact with an address of the domain. That contact may be newer than a
    message that has waited. Later contacts of the domain delay nothing.
    """
    if _is_live(cycle_state, positions) and not _has_waited(cycle_state, positions):
        return COMPANY_APPEARS_MS
    first_ms = cycle_state.portal.recent_contacts.first_ms(domain, cycle_state.now_ms)
    return 0 if first_ms is None else max(0, first_ms + COMPANY_APPEARS_MS - cycle_state.now_ms)


async def _search(cycle_state: CycleState, domains: Sequence[str], ignored: Set[str], *, has_key: bool) -> SearchResult:
    caller, portal, paths = cycle_state.caller, cycle_state.portal, cycle_state.paths
    return await find_companies(caller, portal, paths, domains, ignored, has_key=has_key)


async def _ghosts(cycle_state: CycleState, found: Set[str]) -> frozenset[str]:
    """The companies that the search shows although they were deleted a moment ago."""
    deletions, now_ms = cycle_state.portal.recent_deletions, cycle_state.now_ms
    suspects = {record_id for record_id in found if deletions.is_recent(OBJECT, record_id, now_ms, SEARCH_LAG_MS)}
    if not suspects:
        return frozenset()
    held = await read_companies(cycle_state.caller, cycle_state.paths, dict.fromkeys(sorted(suspects), ()))
    return frozenset() if held.is_refused else frozenset(suspects - held.records.keys() - held.unread.keys())


def _has_waited(cycle_state: CycleState, positions: Iterable[int]) -> bool:
    """Whether one of these messages has waited for the company to appear."""
    due = cycle_state.outcomes.due
    return any(position in due and due[position].reason == Reason.COMPANY_MAY_APPEAR for position in positions)


def _is_live(cycle_state: CycleState, positions: Iterable[int]) -> bool:
    """Whether a live message asks for the company, and live messages wait for companies."""
    is_live = any(position not in cycle_state.imported for position in positions)
    return is_live and cycle_state.company_linger_ms > 0


def _still(unknown: Iterable[str], search: SearchResult) -> list[str]:
    return [domain for domain in unknown if domain not in search.found and domain not in search.refused]


async def _find_by_contacts(cycle_state: CycleState, search: SearchResult, domains: Sequence[str]) -> None:
    """Look for companies among the associations of new contacts, whoever created those."""
    ids = {contact_id for domain in domains for contact_id in _recent_contacts(cycle_state, domain)}
    if not ids:
        return
    missing = set(domains)
    for record in await companies_of_contacts(cycle_state.caller, cycle_state.paths, sorted(ids)):
        for place, domain in enumerate(record.domains):
            if domain in missing and domain not in search.found:
                search.found[domain] = CompanyMatch(record.record_id, place == 0)


def _recent_contacts(cycle_state: CycleState, domain: str) -> list[str]:
    """The contacts for which HubSpot may be creating this company, or has created it without the search showing it."""
    return cycle_state.portal.recent_contacts.of_domain(domain, cycle_state.now_ms)


# -- values that somebody wrote later


async def compare_companies(
    cycle_state: CycleState, records: Mapping[str, DesiredRecord], found: Mapping[str, CompanyMatch]
) -> dict[str, Verdict]:
    """Read companies that late messages write to, or that are another record now, with the history of values.

    Shape: `found` are the companies that the memory does not know. Returns the verdict of each company that could not
    be read now.
    """
    names, ids, conditional = _to_compare(cycle_state, records, found)
    unread = _leave_out_known(cycle_state, records, {d: of for d, of in names.items() if d not in conditional})
    unread += conditional
    unread += to_read_again(cycle_state, OBJECT, sorted(names.keys() - set(unread)), len(unread))
    refused: dict[str, Verdict] = {}
    if not unread:
        return refused
    every = sorted({name for domain in unread for name in names[domain]})
    positions = {ids[domain]: records[domain].positions for domain in unread}
    held = await read_companies(cycle_state.caller, cycle_state.paths, positions, every)
    for domain in unread:
        record, verdict = held.records.get(ids[domain]), held.unread.get(ids[domain])
        if verdict is not None:
            refused[domain] = verdict
        elif record is not None:
            known = cycle_state.companies.get(domain)
            if domain in conditional:
                settle(cycle_state, records[domain], ids[domain], record)
            foreign = foreign_versions(cycle_state, records[domain], record, known, cycle_state.schema.company)
            cycle_state.portal.histories.remember(OBJECT, domain, frozenset(every), foreign, cycle_state.now_ms)
            leave_out_newer(cycle_state, records[domain], known, foreign, cycle_state.schema.company)
    return refused


def _to_compare(
    cycle_state: CycleState, records: Mapping[str, DesiredRecord], found: Mapping[str, CompanyMatch]
) -> tuple[dict[str, set[str]], dict[str, str], list[str]]:
    """The properties whose history matters, and the record id, of each company; and those with conditional values."""
    names: dict[str, set[str]] = {}
    ids: dict[str, str] = {}
    conditional: list[str] = []
    for domain, desired in records.items():
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
        depends_on = unanswered(cycle_state, desired, known) or set()
        if depends_on:
            conditional.append(domain)
            needed |= depends_on
        if needed:
            names[domain], ids[domain] = needed, company_id
    return names, ids, conditional


def _leave_out_known(
    cycle_state: CycleState, records: Mapping[str, DesiredRecord], names: Mapping[str, Set[str]]
) -> list[str]:
    """Leave out older values with the histories that were read recently. Returns the companies without such a one."""
    unread: list[str] = []
    for domain, needed in names.items():
        histories, now_ms = cycle_state.portal.histories, cycle_state.now_ms
        foreign = histories.known(OBJECT, domain, frozenset(needed), now_ms, cycle_state.late_ms)
        if foreign is None:
            unread.append(domain)
        else:
            known = cycle_state.companies.get(domain)
            leave_out_newer(cycle_state, records[domain], known, foreign, cycle_state.schema.company)
    return unread

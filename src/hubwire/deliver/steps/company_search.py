"""Searches for existing companies: one call for up to a hundred domains, as primary or as additional domain.

The search lags behind writes by seconds. Hubwire therefore searches once per domain, before the first upsert on its
key, and never for what it wrote itself. If HubSpot refuses to filter by additional domains, it finds only primary ones.
Source: HubSpot docs, search guide. Unsure: whether IN on `hs_additional_domains`, a checkbox list, finds a company with
several of them. One or two domains are therefore searched with CONTAINS_TOKEN as well, in the same call.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import NamedTuple

from hubwire.deliver.calls.caller import Caller
from hubwire.deliver.cycle.portal_schema import Portal
from hubwire.delivery import Delivered, Verdict
from hubwire.hubspot.call import SEARCH_BODY_BYTES, Answer, Call, split_by_size
from hubwire.hubspot.paths import Paths
from hubwire.hubspot.wire import KEY_PROPERTY, SEARCH_PAGE, FoundCompany, found_domains, search_companies

DOMAINS_PER_SEARCH = 100
BAD_REQUEST = 400
MAX_REFUSED = 5
"""If this many searches are refused and none is answered, the domains are not the cause."""


class CompanyMatch(NamedTuple):
    """A company that has this domain. `is_primary`: it is the primary domain, and the company lacks our key."""

    record_id: str
    is_primary: bool


class SearchResult(NamedTuple):
    """`found`: existing companies by domain (of several, the oldest with that primary domain). `refused`: the domains
    for which no search was possible, with the verdict."""

    found: dict[str, CompanyMatch]
    refused: dict[str, Verdict]


async def find_companies(
    caller: Caller,
    portal: Portal,
    paths: Paths,
    domains: Sequence[str],
    ignored: Set[str] = frozenset(),
    *,
    has_key: bool,
) -> SearchResult:
    """Search for the companies of these domains. `has_key`: our key property existed before, so companies may have it.
    `ignored` are record ids that the search shows although they are gone.

    Shape: a refused search is repeated in halves, so that a domain that HubSpot refuses does not block the others.
    Errors: LineStopped.
    """
    search = SearchResult({}, {})
    groups = split_by_size(domains, SEARCH_BODY_BYTES, DOMAINS_PER_SEARCH)
    answered = refused = 0
    while groups:
        group = groups.pop(0)
        verdict, answer = await _ask(caller, portal, paths, group, has_key)
        if isinstance(verdict, Delivered):
            answered += 1
            hits = found_domains(answer.body)
            if len(hits) < SEARCH_PAGE or len(group) == 1:
                _note(search.found, [company for company in hits if company.record_id not in ignored])
            else:
                groups += _halves(group)
            continue
        refused += 1
        is_about_domains = answer.status == BAD_REQUEST and (answered or refused < MAX_REFUSED)
        if is_about_domains and len(group) > 1:
            groups += _halves(group)
        elif is_about_domains:
            search.refused[group[0]] = verdict
        else:
            search.refused.update((domain, verdict) for rest in (group, *groups) for domain in rest)
            break
    return search


async def _ask(
    caller: Caller, portal: Portal, paths: Paths, group: Sequence[str], has_key: bool
) -> tuple[Verdict, Answer]:
    """One search. If HubSpot refuses additional domains, or our key, it is repeated without them."""
    verdict, answer = await caller.ask(search_call(paths, group, portal.finds_additional_domains, has_key))
    if answer.status == BAD_REQUEST and portal.finds_additional_domains:
        verdict, answer = await caller.ask(search_call(paths, group, has_additional=False, has_key=has_key))
        portal.finds_additional_domains = answer.status == BAD_REQUEST
    if answer.status == BAD_REQUEST and has_key:
        verdict, answer = await caller.ask(search_call(paths, group, portal.finds_additional_domains, has_key=False))
        # Somebody has deleted our key: the upsert that follows waits until Hubwire has created it again.
        portal.is_stale |= answer.status != BAD_REQUEST
    return verdict, answer


def _halves(group: list[str]) -> list[list[str]]:
    half = len(group) // 2
    return [group[:half], group[half:]]


def _note(found: dict[str, CompanyMatch], hits: Sequence[FoundCompany]) -> None:
    """Add the companies that a search found. Our key decides; otherwise a primary domain outranks an additional one."""
    for company in hits:
        for domain in (company.domain, *company.additional):
            known = found.get(domain)
            if known is None or (domain == company.domain and not known.is_primary):
                found[domain] = CompanyMatch(company.record_id, domain == company.domain and company.key is None)
    found.update((company.key, CompanyMatch(company.record_id, False)) for company in hits if company.key)


def search_call(paths: Paths, domains: Sequence[str], has_additional: bool = True, has_key: bool = False) -> Call:
    """Find the companies that have these domains."""
    body = search_companies(domains, with_additional=has_additional, key_property=KEY_PROPERTY if has_key else None)
    return Call("search companies", "POST", paths.objects("companies", "search"), body, "search")

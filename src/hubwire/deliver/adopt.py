"""Companies that exist already: one search finds up to a hundred domains, as primary or as additional domain.

The search lags behind writes by seconds, so it is asked once per domain, before the first upsert on our key, and never
to find what we wrote ourselves. Where HubSpot refuses to filter by additional domains, only primary ones are found.
Source: HubSpot docs, search guide. Unsure: IN on `hs_additional_domains`, a checkbox list.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hubwire.deliver.batch import SEARCH_BODY_BYTES, split_by_size
from hubwire.deliver.exchange import Exchange
from hubwire.deliver.portal import Portal
from hubwire.delivery import Delivered, Verdict
from hubwire.hubspot.exchange import Call
from hubwire.hubspot.paths import Paths
from hubwire.hubspot.wire import SEARCH_PAGE, found_domains, search_companies

DOMAINS_PER_SEARCH = 100
BAD_REQUEST = 400


class Found(NamedTuple):
    """A company that has this domain already. `is_primary` False: as one of its additional domains."""

    record_id: str
    is_primary: bool


async def find_companies(
    exchange: Exchange, portal: Portal, paths: Paths, domains: Sequence[str]
) -> tuple[dict[str, Found], Verdict | None]:
    """The companies that exist, by domain; of several the oldest that has it as primary domain. Or why not."""
    found: dict[str, Found] = {}
    groups = split_by_size(domains, SEARCH_BODY_BYTES, DOMAINS_PER_SEARCH)
    while groups:
        group = groups.pop()
        verdict, answer = await exchange.ask(search_call(paths, group, portal.finds_additional_domains))
        if answer.status == BAD_REQUEST and portal.finds_additional_domains:
            portal.finds_additional_domains = False
            groups.append(group)
            continue
        if not isinstance(verdict, Delivered):
            return {}, verdict
        hits = found_domains(answer.body)
        if len(hits) >= SEARCH_PAGE and len(group) > 1:
            half = len(group) // 2
            groups += [group[half:], group[:half]]
            continue
        for record_id, primary, additional in hits:
            for domain in (primary, *additional):
                known = found.get(domain)
                if known is None or (domain == primary and not known.is_primary):
                    found[domain] = Found(record_id, domain == primary)
    return found, None


def search_call(paths: Paths, domains: Sequence[str], has_additional: bool = True) -> Call:
    """Find the companies that have these domains."""
    body = search_companies(domains, with_additional=has_additional)
    return Call("search companies", "POST", paths.objects("companies", "search"), body, "search")

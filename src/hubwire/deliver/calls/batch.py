"""Cutting work into the batches that HubSpot takes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

OBJECTS_PER_CALL = 100
"""Inputs of a CRM batch upsert, create, update or read. Source: HubSpot CRM batch endpoints, 400 above 100."""
EVENTS_PER_CALL = 500
"""Inputs of a custom event batch. Source: HubSpot "Send event data", batch send."""
ASSOCIATIONS_PER_CALL = 2000
"""Inputs of an association batch create. Source: HubSpot associations guide, limits."""
SEARCH_BODY_BYTES = 850
"""Domains of one company search, where they stand three times: HubSpot refuses bodies over 3,000 characters."""

T = TypeVar("T")


def split(items: Sequence[T], limit: int) -> list[Sequence[T]]:
    """The items in order, in the fewest groups of at most `limit`; an empty input gives an empty list."""
    return [items[start : start + limit] for start in range(0, len(items), limit)]


def split_by_size(texts: Sequence[str], limit_bytes: int, limit_count: int) -> list[list[str]]:
    """Texts in order, in groups whose JSON list stays within `limit_bytes` and `limit_count` items."""
    groups: list[list[str]] = []
    size = 0
    for text in texts:
        cost = len(text.encode()) + 3
        if not groups or size + cost > limit_bytes or len(groups[-1]) >= limit_count:
            groups.append([])
            size = 0
        groups[-1].append(text)
        size += cost
    return groups

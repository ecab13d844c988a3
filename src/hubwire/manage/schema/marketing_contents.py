"""The lists, subscription types and forms of a portal, read for pick lists and for checks of rules."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

import msgspec

from hubwire.errors import HubSpotError
from hubwire.hubspot.account import HubSpotAccount
from hubwire.hubspot.form_definitions import FormDefinition
from hubwire.hubspot.lists import FoundList

MAX_LISTS = 500
"""The lists of one search. Source: HubSpot's OpenAPI, lists."""
MAX_FORM_PAGES = 3

T = TypeVar("T")


class MarketingContents(msgspec.Struct, kw_only=True):
    """What a portal has of lists, subscription types and forms. None: HubSpot does not let the token read it.

    Shape: `has_all_lists` and `has_all_forms` are False if the portal has more than were read.
    """

    lists: list[FoundList] | None = None
    has_all_lists: bool = False
    subscriptions: dict[str, str] | None = None
    """Names by their ids."""
    forms: list[FormDefinition] | None = None
    has_all_forms: bool = False


async def read_marketing(account: HubSpotAccount) -> MarketingContents:
    """What can be read. Errors: none."""
    lists, has_all_lists = await _readable(account.lists(MAX_LISTS), (None, False))
    forms, has_all_forms = await _readable(account.forms(MAX_FORM_PAGES), (None, False))
    return MarketingContents(
        lists=lists,
        has_all_lists=has_all_lists,
        subscriptions=await _readable(account.subscription_types(), None),
        forms=forms,
        has_all_forms=has_all_forms,
    )


async def _readable(reading: Awaitable[T], otherwise: T) -> T:
    try:
        return await reading
    except HubSpotError:
        return otherwise

"""The portal of a token: its Hub ID and region, if HubSpot accepts the token. One GET, which changes nothing in
HubSpot."""

from __future__ import annotations

import msgspec

from hubwire.clock import MonotonicClock
from hubwire.destination import Destination
from hubwire.errors import Refused, SettingsError
from hubwire.hubspot.account import HubSpotAccount
from hubwire.hubspot.client import HubSpotClient
from hubwire.hubspot.credentials import TokenKind, kind_of, token_source
from hubwire.hubspot.definitions import Account
from hubwire.hubspot.paths import Paths
from hubwire.secret import Secret


async def account_of_token(destination: Destination, token: Secret, base_url: str, clock: MonotonicClock) -> Account:
    """The account that a token belongs to.

    Errors: SettingsError when HubSpot does not accept the token; Unreachable, Refused or Unreadable otherwise.
    """
    if kind_of(token) is TokenKind.API_KEY:
        raise SettingsError(
            "this is an API key from before 2022, which HubSpot no longer accepts",
            hint="Make a service key in HubSpot: Development > Keys > Service keys.",
        )
    client = HubSpotClient(base_url, token_source(token, clock), Paths(destination.api_version), clock=clock)
    async with client:
        try:
            return await HubSpotAccount(client).account_details()
        except Refused as exc:
            if exc.status != 401:
                raise
            raise SettingsError(f"HubSpot does not accept this token: {exc}", hint=exc.hint) from exc


def with_account(destination: Destination, account: Account) -> Destination:
    """The destination with its account's details. Errors: SettingsError for the token of another portal."""
    if destination.hub_id not in (None, account.hub_id):
        raise SettingsError(
            f"this token belongs to portal {account.hub_id}; destination {destination.name!r} has {destination.hub_id}",
            hint="Use a token of that portal, or change the Hub ID.",
        )
    region = account.data_hosting_location or destination.region
    return msgspec.structs.replace(destination, hub_id=account.hub_id, region=region)

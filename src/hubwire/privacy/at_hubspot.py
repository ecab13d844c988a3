"""Deletion of a person in one destination's HubSpot, with a few attempts; errors do not contain the address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

from hubwire.destination import Destination
from hubwire.errors import HubSpotError, HubwireError, Refused, SettingsError, Unreachable
from hubwire.hubspot.account import HubSpotAccount
from hubwire.hubspot.client import HubSpotClient
from hubwire.privacy.receipt import AtHubSpot
from hubwire.privacy.redaction import MARK
from hubwire.record.privacy import RegulationState

TRIES = 3
TRY_AGAIN_SECONDS = 5.0

MakeClient = Callable[[Destination], HubSpotClient | None]
Wait = Callable[[float], Awaitable[None]]


async def delete_at(
    destination: Destination, make_client: MakeClient, emails: Collection[str], wait: Wait
) -> AtHubSpot:
    """The result of the deletion at one destination. Errors: none; the result has the failure."""
    done = AtHubSpot(destination=destination.name, hub_id=destination.hub_id, state=RegulationState.FINISHED)
    try:
        client = make_client(destination)
        if client is None:
            raise SettingsError("no access token is set")
        async with client:
            account = HubSpotAccount(client)
            for email in sorted(emails):
                await _delete_contact(account, email, wait)
                done.deleted += 1
    except HubwireError as exc:
        done.state, done.error, done.may_try_again = RegulationState.FAILED, _words(exc, emails), _may_pass(exc)
    return done


async def _delete_contact(account: HubSpotAccount, email: str, wait: Wait) -> None:
    for tries_left in reversed(range(TRIES)):
        try:
            await account.gdpr_delete(email)
        except HubSpotError as exc:
            if not tries_left or not _may_pass(exc):
                raise
            await wait(TRY_AGAIN_SECONDS)
        else:
            return


def _may_pass(exc: HubwireError) -> bool:
    """True if the same call can succeed later."""
    if isinstance(exc, Refused):
        return exc.status in (408, 423, 429) or exc.status >= 500
    return isinstance(exc, Unreachable)


def _words(exc: HubwireError, emails: Collection[str]) -> str:
    """The error without the person's address."""
    text = str(exc)
    for email in emails:
        text = text.replace(email, MARK)
    return text[:500]

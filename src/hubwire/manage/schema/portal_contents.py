"""The shell around `report.py`: reads a portal's content with GETs, and the newest messages of the journal."""

from __future__ import annotations

from hubwire.clock import Clock
from hubwire.destination import Destination
from hubwire.errors import HubSpotError
from hubwire.hubspot.account import HubSpotAccount
from hubwire.hubspot.client import HubSpotClient
from hubwire.journal.protocol import Journal
from hubwire.manage.dryrun import read_schema
from hubwire.manage.schema.plan import PLURALS
from hubwire.manage.schema.report import PortalContents
from hubwire.message import JournalRow

PAGE_ROWS = 1000


async def read_contents(
    client: HubSpotClient, destination: Destination, clock: Clock, object_types: frozenset[str] = frozenset()
) -> PortalContents:
    """The content of the portal, with these object types besides those of the destination's rules.

    Errors: HubSpotError if its schema cannot be read; archived properties and quotas stay empty if only they cannot be
    read.
    """
    schema = await read_schema(client, destination, clock, object_types)
    account = HubSpotAccount(client)
    archived: dict[str, dict[str, str]] = {}
    contents = PortalContents(schema=schema, archived=archived)
    try:
        for object_type, plural in PLURALS.items():
            properties = await account.archived_properties(plural)
            archived[object_type] = {name: definition.type for name, definition in properties.items()}
        contents.uses = await account.property_uses()
    except HubSpotError:
        return contents
    return contents


def newest_rows(journal: Journal, destination: Destination, count: int) -> list[JournalRow]:
    """The rows that feed the destination among the newest `count` rows of the journal, oldest first."""
    rows: list[JournalRow] = []
    while len(rows) < count:
        page = journal.newest(rows[-1].position if rows else None, min(PAGE_ROWS, count - len(rows)))
        if not page:
            break
        rows += page
    return [row for row in reversed(rows) if destination.takes(row.source_id)]

"""The paths of the webhooks journal, which has date-based versions only."""

from __future__ import annotations

from collections.abc import Iterator

from hubwire.emulator.calls.portal import change_journal
from hubwire.emulator.http.routing import Handler, Route, ScopesNeeded
from hubwire.emulator.store.limiter import Lane

READ = "developer.webhooks_journal.read"
READ_SUBSCRIPTIONS = "developer.webhooks_journal.subscriptions.read"
WRITE_SUBSCRIPTIONS = "developer.webhooks_journal.subscriptions.write"
FILE_PATH = "/webhooks-journal/files/{offset}"


def _needs(scope: str) -> ScopesNeeded:
    return lambda _portal, _params: ((scope,),)


def journal_routes() -> Iterator[Route]:
    """Subscriptions, places of files, and the files."""
    for version in ("2026-03", "2026-09"):
        subscriptions = f"/webhooks-journal/subscriptions/{version}"
        journal = f"/webhooks-journal/journal/{version}"
        operations: list[tuple[str, str, Handler, str]] = [
            ("POST", subscriptions, change_journal.create_subscription, WRITE_SUBSCRIPTIONS),
            ("GET", subscriptions, change_journal.list_subscriptions, READ_SUBSCRIPTIONS),
            ("DELETE", subscriptions + "/{subscriptionId}", change_journal.delete_subscription, WRITE_SUBSCRIPTIONS),
            ("GET", f"{journal}/earliest", change_journal.read_earliest, READ),
            ("GET", f"{journal}/latest", change_journal.read_latest, READ),
            ("GET", f"{journal}/offset/{{offset}}/next", change_journal.read_next, READ),
        ]
        for method, path, handler, scope in operations:
            yield Route(method, path, handler, version, Lane.FREE, _needs(scope))
    yield Route("GET", FILE_PATH, change_journal.read_file, "2026-09", Lane.FREE, needs_token=False)

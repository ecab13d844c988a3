"""The reference page of the console: what each page shows, and the command that does the same.

Each page is also available as JSON: at its own address with `?format=json`, or with `Accept: application/json`.
"""

from __future__ import annotations

from typing import NamedTuple

from hubwire.console.app import GET_PAGES


class PageReference(NamedTuple):
    """The content of a page, and the command. Words in capitals are placeholders."""

    shows: str
    command: str


PAGE_REFERENCES: dict[str, PageReference] = {
    "/": PageReference(
        "The state of each destination, the funnel of a period, failures", "hubwire status --window 24h"
    ),
    "/live": PageReference("The newest messages as they arrive", "hubwire messages --limit 40"),
    "/messages": PageReference("Messages by any filter, with their outcomes", "hubwire messages --state dead"),
    "/messages/{message_id:path}": PageReference(
        "One message: body, plan, requests to HubSpot, answers", "hubwire message ID"
    ),
    "/plans/{message_id:path}": PageReference(
        "Preview of a message with the current mapping", "hubwire plan --message ID"
    ),
    "/failures": PageReference("Failures by cause, with remedies", "hubwire failures"),
    "/breakdown": PageReference("Messages by event, type, source or library", "hubwire breakdown --by event"),
    "/calls": PageReference(
        "HubSpot calls by endpoint, answer, duration; use of the limits", "hubwire calls --window 24h"
    ),
    "/alerts": PageReference("Every alert, whether it is on, and who is notified", "hubwire alerts"),
    "/replays": PageReference("The newest replays", "hubwire replays"),
    "/replays/new": PageReference("Count, then replay messages", "hubwire replay --state dead"),
    "/replays/{replay_id:int}": PageReference("One replay with its progress", "hubwire replays NUMBER"),
    "/discards/new": PageReference("Count, then discard messages", "hubwire discard --state dead"),
    "/lists": PageReference("Lists with their members, forms with their submissions", "hubwire lists"),
    "/lists/{destination_id:int}/{key:path}": PageReference("One list: who joined and left", "hubwire lists KEY"),
    "/list-size/{destination_id:int}/{key:path}": PageReference(
        "The number of members at HubSpot, read now", "hubwire lists KEY"
    ),
    "/search": PageReference("Leads to a message, a person, or a list", "hubwire messages --contains TEXT"),
    "/who/{identity:path}": PageReference("A person or company: ids, values in HubSpot, suppression", "hubwire who ID"),
    "/who-messages/{identity:path}": PageReference(
        "The newest messages of a person or company", "hubwire messages --user ID"
    ),
    "/setup": PageReference("Getting started: the set-ups in progress", "hubwire destination list"),
    "/setup/new": PageReference("Name a destination, confirm its source", "hubwire destination add NAME"),
    "/setup/{destination_id:int}/{step}": PageReference(
        "One step of a destination's set-up", "hubwire destination show NAME"
    ),
    "/sources": PageReference("Sources and their number of messages", "hubwire source list"),
    "/sources/new": PageReference("A new source", "hubwire source add NAME --kind server"),
    "/sources/{source_id:int}": PageReference("One source: write keys and code to copy", "hubwire source show NAME"),
    "/browser": PageReference(
        "Device mode: the snippet of each site, HubSpot's script host, consent", "hubwire browser"
    ),
    "/browser/check/{source_id:int}": PageReference(
        "Whether HubSpot loads in this browser, and which visitor it sees", "hubwire browser NAME"
    ),
    "/connection": PageReference("Every destination", "hubwire destination list"),
    "/connection/{destination_id:int}": PageReference(
        "One destination: options, budget, test", "hubwire destination show NAME"
    ),
    "/schema": PageReference("Your data compared with HubSpot's properties and events", "hubwire schema plan"),
    "/mapping": PageReference("The mapping of a destination", "hubwire destination show NAME"),
    "/mapping/{destination_id:int}": PageReference("The mapping of a destination", "hubwire destination show NAME"),
    "/rules": PageReference("The rules of a destination, and its default behaviour", "hubwire rule list"),
    "/rules/{destination_id:int}": PageReference(
        "The rules of a destination, and its default behaviour", "hubwire rule list --destination NAME"
    ),
    "/rules/{destination_id:int}/edit": PageReference(
        "One rule, with a sample message and its result", "hubwire rule test NAME"
    ),
    "/test": PageReference("Dry run of a message that you paste", "hubwire plan -"),
    "/import": PageReference("Files of history: add and follow them", "hubwire import FILE --source NAME"),
    "/import/{file_id}": PageReference(
        "One file: preview, cost, import", "hubwire import FILE --source NAME --preview"
    ),
    "/system": PageReference("Version, storage, settings, checks", "hubwire doctor --offline"),
    "/audit": PageReference("Who changed what", "hubwire audit"),
    "/regulations": PageReference("Deletion requests", "hubwire regulations"),
    "/regulations/{regulation_id}": PageReference("One deletion request and its receipt", "hubwire regulations ID"),
    "/members": PageReference("People who can sign in", "hubwire member list"),
}

HEAD = """# Console

This table lists every page with the role that it needs and the command that does the same. Each page is also available
as JSON: add `?format=json` to its address, or send `Accept: application/json`, with a session cookie or a bearer token.
The address contains every filter.

Roles: `view` reads with masked payloads; `operate` also reads payloads, replays, discards, pauses, tests and changes
mappings; `admin` also changes sources, destinations, tokens and members.

| Page | Role | Content | Command |
|---|---|---|---|"""


def console_page() -> str:
    """The reference page, as Markdown."""
    rows = [
        f"| `{_plain(path)}` | {role} | {PAGE_REFERENCES[path].shows} | `{PAGE_REFERENCES[path].command}` |"
        for path, _, role in GET_PAGES
    ]
    return "\n".join([HEAD, *rows]) + "\n"


def _plain(path: str) -> str:
    return path.replace(":path", "").replace(":int", "")

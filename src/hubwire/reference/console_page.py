"""The reference page of the console: what each page shows, and the command that does the same.

Each page is also available as JSON: at its own address with `?format=json`, or with `Accept: application/json`.
"""

from __future__ import annotations

from typing import NamedTuple

from hubwire.console.app import GET_PAGES


class Twin(NamedTuple):
    """The content of a page, and the command. Words in capitals are placeholders."""

    shows: str
    command: str


TWINS: dict[str, Twin] = {
    "/": Twin("The state of each destination, the funnel of a period, failures", "hubwire status --window 24h"),
    "/live": Twin("The newest messages as they arrive", "hubwire messages --limit 40"),
    "/messages": Twin("Messages by any filter, with their outcomes", "hubwire messages --state dead"),
    "/messages/{message_id:path}": Twin("One message: body, plan, requests to HubSpot, answers", "hubwire message ID"),
    "/plans/{message_id:path}": Twin("Preview of a message with the current mapping", "hubwire plan --message ID"),
    "/failures": Twin("Failures by cause, with remedies", "hubwire failures"),
    "/alerts": Twin("Every alert, whether it is on, and who is notified", "hubwire alerts"),
    "/replays": Twin("The newest replays", "hubwire replays"),
    "/replays/new": Twin("Count, then replay messages", "hubwire replay --state dead"),
    "/replays/{replay_id:int}": Twin("One replay with its progress", "hubwire replays NUMBER"),
    "/discards/new": Twin("Count, then discard messages", "hubwire discard --state dead"),
    "/search": Twin("Leads to a message, a person, or a list", "hubwire messages --search TEXT"),
    "/who/{identity:path}": Twin("A person or company: ids, values in HubSpot, suppression", "hubwire who ID"),
    "/who-messages/{identity:path}": Twin("The newest messages of a person or company", "hubwire messages --user ID"),
    "/setup": Twin("Getting started: the set-ups in progress", "hubwire destination list"),
    "/setup/new": Twin("Name a destination, confirm its source", "hubwire destination add NAME"),
    "/setup/{destination_id:int}/{step}": Twin("One step of a destination's set-up", "hubwire destination show NAME"),
    "/sources": Twin("Sources and their number of messages", "hubwire source list"),
    "/sources/new": Twin("A new source", "hubwire source add NAME --kind server"),
    "/sources/{source_id:int}": Twin("One source: write keys and code to copy", "hubwire source show NAME"),
    "/browser": Twin("Device mode: the snippet of each site, HubSpot's script host, consent", "hubwire browser"),
    "/browser/check/{source_id:int}": Twin(
        "Whether HubSpot loads in this browser, and which visitor it sees", "hubwire browser NAME"
    ),
    "/connection": Twin("Every destination", "hubwire destination list"),
    "/connection/{destination_id:int}": Twin("One destination: options, budget, test", "hubwire destination show NAME"),
    "/schema": Twin("Your data compared with HubSpot's properties and events", "hubwire schema plan"),
    "/mapping": Twin("The mapping of a destination", "hubwire destination show NAME"),
    "/mapping/{destination_id:int}": Twin("The mapping of a destination", "hubwire destination show NAME"),
    "/test": Twin("Dry run of a message that you paste", "hubwire plan -"),
    "/system": Twin("Version, storage, settings, checks", "hubwire doctor --offline"),
    "/audit": Twin("Who changed what", "hubwire audit"),
    "/regulations": Twin("Deletion requests", "hubwire regulations"),
    "/regulations/{regulation_id}": Twin("One deletion request and its receipt", "hubwire regulations ID"),
    "/members": Twin("People who can sign in", "hubwire member list"),
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
        f"| `{_plain(path)}` | {role} | {TWINS[path].shows} | `{TWINS[path].command}` |" for path, _, role in GET_PAGES
    ]
    return "\n".join([HEAD, *rows]) + "\n"


def _plain(path: str) -> str:
    return path.replace(":path", "").replace(":int", "")

"""What each page shows, and the command of the terminal that shows or does the same.

Each page also has a JSON twin: its own address with `?format=json`, or asked for with `Accept: application/json`.
"""

from __future__ import annotations

from typing import NamedTuple

from hubwire.console.app import GET_PAGES


class Twin(NamedTuple):
    """What a page shows, and the command; words in capitals stand for what the reader puts in."""

    shows: str
    command: str


TWINS: dict[str, Twin] = {
    "/": Twin("Where each destination stands, the funnel of a window, failures", "hubwire status --window 24h"),
    "/live": Twin("The newest messages, as they come", "hubwire messages --limit 40"),
    "/messages": Twin("Messages by any filter, and what became of them", "hubwire messages --state dead"),
    "/messages/{message_id:path}": Twin("One message: received, planned, asked, answered", "hubwire message ID"),
    "/plans/{message_id:path}": Twin(
        "What a message asks of HubSpot by the mapping of today", "hubwire plan --message ID"
    ),
    "/failures": Twin("What did not arrive, by cause, with what helps", "hubwire failures"),
    "/alerts": Twin("Every alert, whether it is on, and who is told", "hubwire alerts"),
    "/replays": Twin("The newest replays", "hubwire replays"),
    "/replays/new": Twin("Count, then put messages back", "hubwire replay --state dead"),
    "/replays/{replay_id:int}": Twin("One replay and how far it is", "hubwire replays NUMBER"),
    "/discards/new": Twin("Count, then discard messages", "hubwire discard --state dead"),
    "/search": Twin("Leads to a message, a person, or a list", "hubwire messages --search TEXT"),
    "/who/{identity:path}": Twin("What is known of a person or company", "hubwire who ID"),
    "/who-messages/{identity:path}": Twin("Their newest messages", "hubwire messages --user ID"),
    "/setup": Twin("Getting started: what has been begun", "hubwire destination list"),
    "/setup/new": Twin("Name a destination, confirm its source", "hubwire destination add NAME"),
    "/setup/{destination_id:int}/{step}": Twin("One step of a destination's set-up", "hubwire destination show NAME"),
    "/sources": Twin("Who sends, and how much", "hubwire source list"),
    "/sources/new": Twin("A new source", "hubwire source add NAME --kind server"),
    "/sources/{source_id:int}": Twin("One source, its write keys, what to paste", "hubwire source show NAME"),
    "/browser": Twin("Device mode: what each site pastes, HubSpot's script host, consent", "hubwire browser"),
    "/browser/check/{source_id:int}": Twin(
        "Whether HubSpot loads in this browser, and whom it sees", "hubwire browser NAME"
    ),
    "/connection": Twin("Every destination", "hubwire destination list"),
    "/connection/{destination_id:int}": Twin("One destination: options, budget, test", "hubwire destination show NAME"),
    "/schema": Twin("What HubSpot has and what messages brought", "hubwire schema plan"),
    "/mapping": Twin("The mapping of a destination", "hubwire destination show NAME"),
    "/mapping/{destination_id:int}": Twin("The mapping of a destination", "hubwire destination show NAME"),
    "/test": Twin("A dry run of a message that is pasted", "hubwire plan -"),
    "/system": Twin("Version, storage, settings, checks", "hubwire doctor --offline"),
    "/audit": Twin("Who changed what", "hubwire audit"),
    "/regulations": Twin("Deletion requests", "hubwire regulations"),
    "/regulations/{regulation_id}": Twin("One deletion request and its receipt", "hubwire regulations ID"),
    "/members": Twin("Who may sign in", "hubwire member list"),
}

HEAD = """# Console

Every page, the role that it needs, and its twins. The JSON twin is the page's own address with `?format=json`, or asked
for with `Accept: application/json`; it takes a session's cookie or a bearer token. Every filter is in the address.

Roles: `view` reads, with payloads masked; `operate` also reads payloads, replays, discards, pauses, tests, changes
mappings; `admin` also changes sources, destinations, tokens and members.

| page | role | shows | in a terminal |
|---|---|---|---|"""


def console_page() -> str:
    """The reference page, as Markdown."""
    rows = [
        f"| `{_plain(path)}` | {role} | {TWINS[path].shows} | `{TWINS[path].command}` |" for path, _, role in GET_PAGES
    ]
    return "\n".join([HEAD, *rows]) + "\n"


def _plain(path: str) -> str:
    return path.replace(":path", "").replace(":int", "")

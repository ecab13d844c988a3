"""Reads tables that Segment and RudderStack write into warehouses: identifies, users, tracks, events, groups.

All warehouses have the same columns, except for case; `context_*` flattens the context. Two shapes can look alike
(`identifies` with a name, `screens`): then the table's own name decides, and without one the table is refused.
Sources: Segment docs, "Warehouse schemas"; RudderStack docs, "Warehouse schema".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hubwire.backfill.records import Call, Sample
from hubwire.backfill.systems.cells import compressed
from hubwire.backfill.systems.people import COMPANY_NOTE, EMAILS, identified, of_company
from hubwire.backfill.systems.shapes import BOOKKEEPING, Shape
from hubwire.errors import SettingsError

_MARKS: Final = frozenset(["receivedat", "uuidts", "sentat", "originaltimestamp", "loadedat"])
"""Each of these columns shows that a warehouse's loader wrote the table."""
_IDS: Final = {"userid": "userId", "anonymousid": "anonymousId"}
_TIMES: Final = {"timestamp": "timestamp", "originaltimestamp": "timestamp", "receivedat": "timestamp"}
_LEFT_OUT: Final = dict.fromkeys(
    [
        "uuid",
        "uuidts",
        "sentat",
        "loadedat",
        "channel",
        "rudderid",
        "writekey",
        "sourceid",
        "projectid",
        "version",
        "row",
        "partitiontime",
        "sdcbatchedat",
        "sdcsequence",
        "sdctableversion",
        "segmentinternalid",
    ],
    BOOKKEEPING,
)
_PREFIXES: Final = {
    "context": "where the message came from: Hubwire does not send it to HubSpot",
    "sdc": BOOKKEEPING,
    "fivetran": BOOKKEEPING,
    "airbyte": BOOKKEEPING,
}
_CONTEXT_EMAIL: Final = {"contexttraitsemail": "context.traits.email", "contextemail": "context.traits.email"}
_PROPERTIES_EMAIL: Final = {**_CONTEXT_EMAIL, "email": "properties.email"}
_SYSTEM: Final = "Segment's or RudderStack's warehouse"


def _shape(
    name: str,
    call: Call,
    fields: Mapping[str, str],
    rest: str | None = "traits",
    notes: tuple[str, ...] = (),
    *,
    is_company: bool = False,
) -> Shape:
    return Shape(
        f"{_SYSTEM}, {name}",
        call,
        fields,
        _LEFT_OUT,
        _PREFIXES,
        rest,
        notes=notes,
        has_lower_names=True,
        finish=of_company if is_company else identified,
    )


_ROW: Final = {"id": "messageId", "messageid": "messageId", **_IDS, **_TIMES}
_EVENT: Final = {**_ROW, "eventtext": "event", "event": "event"}
IDENTIFIES: Final = _shape(
    "table identifies", Call.IDENTIFIES, {**_ROW, "email": "traits.email", "contexttraitsemail": "traits.email"}
)
USERS: Final = _shape("table users", Call.IDENTIFIES, {"id": "userId", **_TIMES, "email": "traits.email"})
TRACKS: Final = _shape(
    "table tracks",
    Call.TRACKS,
    {**_EVENT, **_CONTEXT_EMAIL},
    "properties",
    ("The table tracks has no properties: import the tables of the events instead, or first.",),
)
EVENTS: Final = _shape("table of an event", Call.TRACKS, {**_EVENT, **_PROPERTIES_EMAIL}, "properties")
GROUPS: Final = _shape("table groups", Call.GROUPS, {**_ROW, "groupid": "groupId"}, is_company=True)
ACCOUNTS: Final = _shape(
    "table accounts", Call.GROUPS, {"id": "groupId", **_TIMES}, notes=(COMPANY_NOTE,), is_company=True
)
PAGES: Final = _shape(
    "table pages",
    Call.PAGES,
    {**_ROW, **_CONTEXT_EMAIL, "name": "name"},
    "properties",
    ("Pages are sent only by destinations with pages_as_events.",),
)
SCREENS: Final = _shape(
    "table screens",
    Call.SCREENS,
    {**_ROW, **_CONTEXT_EMAIL, "name": "name"},
    "properties",
    ("Screens are sent only by destinations with screens_as_events.",),
)
ALIASES: Final = _shape("table aliases", Call.ALIASES, {**_ROW, "previousid": "previousId"}, None)
BY_NAME: Final = {
    "identifies": IDENTIFIES,
    "users": USERS,
    "tracks": TRACKS,
    "groups": GROUPS,
    "accounts": ACCOUNTS,
    "pages": PAGES,
    "screens": SCREENS,
    "aliases": ALIASES,
}


def warehouse_shape(sample: Sample) -> Shape | None:
    """The table's shape; None if it is none of these. Raises SettingsError if it can be two of them."""
    columns = {compressed(column) for column in sample.columns}
    own = {name for name in columns if not name.startswith("context")}
    is_loaded = bool(columns & _MARKS)
    has_ids = bool(columns & _IDS.keys())
    if "previousid" in own and has_ids:
        return ALIASES
    if "event" in own and "eventtext" in own:
        return EVENTS if own - _EVENT.keys() - _LEFT_OUT.keys() - _PREFIXES.keys() else TRACKS
    if "groupid" in own and "event" not in own and has_ids:
        if own & EMAILS.keys() and _table_name(sample.table) != "groups":
            raise SettingsError(
                "it can be a table of people or of companies: it has an e-mail and a group_id",
                hint="Choose one: --as identifies or --as groups.",
            )
        return GROUPS
    if "url" in own and "path" in own and has_ids and "email" not in own:
        return PAGES
    if not is_loaded or "id" not in own:
        return None
    name = _table_name(sample.table)
    if has_ids:
        return _of_a_person(own, columns, name)
    return _without_a_person(own, name)


def _table_name(table: str) -> str:
    name = compressed(table)
    return next((known for known in BY_NAME if name.endswith(known) or name.startswith(known)), "")


def _of_a_person(own: set[str], columns: set[str], name: str) -> Shape:
    if name in ("identifies", "pages", "screens"):
        return BY_NAME[name]
    if "name" in own and not own & EMAILS.keys() and "contexttraitsemail" not in columns:
        raise SettingsError(
            "it can be a table of people or of screens: the columns do not tell",
            hint="Choose one: --as identifies or --as screens.",
        )
    return IDENTIFIES


def _without_a_person(own: set[str], name: str) -> Shape | None:
    if name in ("users", "accounts"):
        return BY_NAME[name]
    if own & EMAILS.keys():
        return USERS
    return ACCOUNTS if own & {"website", "domain", "employees", "industry"} else None

"""What HubSpot's tracking code and Forms SDK do in a portal: visits, events and forms of a visitor in a browser.

Source: HubSpot's tracking code API. `identify` with an e-mail makes or changes the contact with the next view or event,
and ties the visitor's token to it; an event without a definition is dropped. Dropped events are kept as lost ones, so
that the page can show the reason (chosen).
"""

from __future__ import annotations

from typing import Any

import msgspec

from hubwire.emulator.calls.crm.writing import carry_out
from hubwire.emulator.calls.marketing.events import EventInput, accept
from hubwire.emulator.calls.marketing.forms import FieldInput, SubmissionBody, take_submission
from hubwire.emulator.store.objects.history import FORM
from hubwire.emulator.store.objects.values import ValueRefused, check_email
from hubwire.emulator.store.objects.writes import Scalar, plan_write
from hubwire.emulator.store.occurrences import UNKNOWN_VISITOR, Occurrence
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import Refusal

VISIT = "e_visited_page"
MAX_TEXT = 1_024


class Entry(msgspec.Struct, rename="camel"):
    """What a script of HubSpot's in a page sends; other fields of it are for people to read."""

    kind: str
    hub_id: str = ""
    utk: str | None = None
    path: str | None = None
    url: str = ""
    identity: dict[str, Any] | None = None
    name: str = ""
    properties: dict[str, Any] | None = None
    form_id: str = ""
    values: dict[str, Any] = {}


def take(portal: Portal, entry: dict[str, Any]) -> None:
    """Do in the portal what the entry says; nothing for another portal, for a command, or for an entry of another form.

    Errors: none; a page hears nothing of what HubSpot cannot take.
    """
    try:
        known = msgspec.convert(entry, Entry)
    except msgspec.ValidationError:
        return
    if known.hub_id != str(portal.config.portal_id):
        return
    with portal.lock:
        if known.kind == "form":
            _take_form(portal, known)
        elif known.kind in ("view", "event"):
            _identify(portal, known)
            _take_event(portal, known)
        else:
            return
        portal.settle()


def _identify(portal: Portal, entry: Entry) -> None:
    identity = _scalars(entry.identity)
    email = identity.pop("email", None)
    if not entry.utk or not isinstance(email, str) or not (email := _valid(email)):
        return
    portal.visitors[entry.utk] = email
    store = portal.stores["contacts"]
    context = portal.write_context(store, "v3", FORM)
    names = {name: value for name, value in identity.items() if name in store.schema.rules}
    for values in ({**names, "email": email}, {"email": email}):
        try:
            carry_out(portal, context, plan_write(context, values, store.by_property("email", email)))
        except Refusal:
            continue  # a value that the property does not take: the person is known all the same
        return


def _take_event(portal: Portal, entry: Entry) -> None:
    if entry.kind == "event":
        event = EventInput(event_name=entry.name, properties=_scalars(entry.properties), utk=entry.utk)
        try:
            accept(portal, event)
        except Refusal as refusal:
            _record(portal, entry, entry.name, _texts(entry.properties), refusal.message)
        return
    _record(portal, entry, VISIT, {"hs_url": entry.url[:MAX_TEXT], "path": (entry.path or "")[:MAX_TEXT]}, "")


def _record(portal: Portal, entry: Entry, name: str, properties: dict[str, str], lost_reason: str) -> None:
    contact = portal.stores["contacts"].by_property("email", portal.visitors.get(entry.utk or "", ""))
    if contact is None:
        lost_reason = lost_reason or UNKNOWN_VISITOR
    portal.events.record(
        Occurrence(
            id="",
            event_name=name[:MAX_TEXT],
            utk=entry.utk or msgspec.UNSET,
            contact_id=contact.id if contact is not None else None,
            occurred_at=portal.now_iso(),
            properties=properties,
            lost_reason=lost_reason or msgspec.UNSET,
        )
    )


def _take_form(portal: Portal, entry: Entry) -> None:
    fields = [FieldInput(name, value) for name, value in _scalars(entry.values).items()]
    context = {"hutk": entry.utk, "pageUri": entry.url[:MAX_TEXT]}
    try:
        email = take_submission(portal, entry.form_id, SubmissionBody(fields=fields, context=context))
    except Refusal:
        return
    if entry.utk and email:
        portal.visitors[entry.utk] = email


def _valid(email: str) -> str:
    try:
        return check_email(email, None, False)
    except ValueRefused:
        return ""


def _scalars(values: dict[str, Any] | None) -> dict[str, Scalar]:
    return {
        name.lower(): value
        for name, value in (values or {}).items()
        if isinstance(value, (str, int, float, bool)) and len(str(value)) <= 65_536
    }


def _texts(values: dict[str, Any] | None) -> dict[str, str]:
    return {name: str(value)[:MAX_TEXT] for name, value in _scalars(values).items()}

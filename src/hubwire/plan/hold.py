"""The fate of a message whose person or company is still unknown."""

from __future__ import annotations

from msgspec.structs import replace

from hubwire.destination import Source
from hubwire.message import Message
from hubwire.operation import Discard, Hold, hold_key
from hubwire.plan.identity import Resolution, names_someone
from hubwire.reasons import Reason

MAX_SHOWN = 100
WITH_COOKIE = "sent with the visitor's cookie if nobody identifies them in time (cookie_after_hours)"


def unknown_person(source: Source, resolution: Resolution, reason: Reason = Reason.UNKNOWN_PERSON) -> Discard | Hold:
    """A hold until one of the ids is linked; a discard if no id can belong to a person."""
    if not resolution.keys:
        return Discard(Reason.NEVER_IDENTIFIED, "none of its ids can be a person's")
    return Hold(reason, tuple([hold_key(source.identity_space, key) for key in resolution.keys]))


def waits_with_cookie(hold: Hold) -> Hold:
    """The hold of an event that is sent with its visitor's cookie when the wait is over."""
    return replace(hold, has_cookie=True, detail=WITH_COOKIE)


def unknown_company(message: Message, source: Source, unusable_website: str | None) -> Discard | Hold:
    """A hold until a group call gives the groupId a website; a discard if the groupId can belong to no company."""
    ends_as = Reason.GROUP_WITHOUT_WEBSITE if unusable_website is None else Reason.INVALID_WEBSITE
    detail = f"website: {unusable_website[:MAX_SHOWN]!r}" if unusable_website is not None else ""
    if not names_someone(message.group_id):
        return Discard(ends_as, detail)
    key = hold_key(source.identity_space, f"g:{message.group_id}")
    return Hold(Reason.UNKNOWN_COMPANY, (key,), detail, ends_as)

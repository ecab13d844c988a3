"""How a message names its person to HubSpot: by e-mail address or, without one, by the visitor's cookie.

Addresses are trimmed, lower-cased and checked before anything is keyed by them. The `hubspotutk` cookie stands in
`context.hubspot.utk` (our browser plugin) or in the properties (other senders). Source: HubSpot, "Send custom event
completions" (an event takes `utk` beside or instead of `email`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeGuard

import idna

from hubwire.message import Message

MAX_EMAIL = 254
_BLANKS = " \t\n\r\v\f\u00a0\u200b\u200c\u200d\ufeff"
_LOCAL = frozenset("abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+/=?^_`{|}~-.")
_LABEL = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


@lru_cache(maxsize=16384)
def clean_email(text: str) -> str | None:
    """The address in HubSpot's form; None if it is no address.

    Shape: blanks and zero-width characters around it are dropped (they come with copied text); lower-cased; an
    international domain becomes its ASCII form.
    Source: classic destination, "trims e-mail" and its zero-width fix; HubSpot stores e-mails in lower case.
    """
    address = text.strip(_BLANKS).strip().lower()
    if len(address) > MAX_EMAIL:
        return None
    local, at, domain = address.rpartition("@")
    if not at or not _is_local(local):
        return None
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode()
        except (idna.IDNAError, UnicodeError):
            return None
    return f"{local}@{domain}" if _is_domain(domain) else None


def _is_local(local: str) -> bool:
    if not 1 <= len(local) <= 64 or local[0] == "." or local[-1] == "." or ".." in local:
        return False
    return all(c in _LOCAL or (c > "\x7f" and c.isalnum()) for c in local)


def _is_domain(domain: str) -> bool:
    labels = domain.split(".")
    return (
        len(labels) > 1
        and not labels[-1].isdigit()
        and all(0 < len(x) < 64 and x[0] != "-" and x[-1] != "-" and _LABEL.issuperset(x) for x in labels)
    )


def value_of(fields: Mapping[str, Any], name: str) -> object:
    """The value under a lower-case name, else under that name in any case; None when absent or null."""
    value = fields.get(name)
    if value is not None:
        return value
    size = len(name)
    for key in fields:
        if len(key) == size and key.lower() == name and fields[key] is not None:
            return fields[key]
    return None


def email_value(fields: Mapping[str, Any], mapped_keys: Iterable[str] = ()) -> object:
    """The e-mail in the fields, unchecked: from a key that the mapping sends to it, or else from `email` in any
    case."""
    if mapped_keys:
        for key in mapped_keys:
            value = fields.get(key) or value_of(fields, key.lower())
            if value is not None:
                return value
    return value_of(fields, "email")


def as_email(value: object) -> str | None:
    """A clean address, or None for anything else."""
    return clean_email(value) if isinstance(value, str) else None


def context_traits(context: Mapping[str, Any]) -> dict[str, Any]:
    """`context.traits`, or an empty dict.

    Jitsu's library leaves the traits of the last `group` call there: they describe a company, not the person.
    """
    traits = context.get("traits")
    if not isinstance(traits, dict):
        return {}
    library = context.get("library")
    return {} if isinstance(library, dict) and str(library.get("name")).startswith("@jitsu/") else traits


def external_email(context: Mapping[str, Any]) -> str | None:
    """The e-mail among a person's external ids.

    Shape: `context.externalId` (RudderStack) and `context.externalIds` (Segment), lists of `{type, id}` or one of them;
    the type of an e-mail is `email`, alone or behind a dash (`HubSpot-email`).
    """
    for name in ("externalIds", "externalId"):
        ids = context.get(name)
        for entry in ids if isinstance(ids, list) else (ids,):
            if isinstance(entry, dict) and str(entry.get("type")).rpartition("-")[2].lower() == "email":
                address = as_email(entry.get("id"))
                if address is not None:
                    return address
    return None


UTK = re.compile(r"[0-9a-fA-F]{32}")
"""HubSpot's cookie is a GUID without dashes."""
UTK_KEYS = ("hubspotutk", "utk")
"""The properties that carry the cookie. They name the visitor, as `email` names the person."""


def utk_of(message: Message) -> str | None:
    """The cookie of a message's visitor: of its context, else of its properties."""
    hubspot = message.context.get("hubspot")
    utk = hubspot.get("utk") if isinstance(hubspot, dict) else None
    if is_utk(utk):
        return utk
    for key in UTK_KEYS:
        if key in message.properties and is_utk(message.properties[key]):
            return str(message.properties[key])
    return None


def without_utk(properties: dict[str, Any], defined: Collection[str]) -> dict[str, Any]:
    """The properties without the cookie, except under a name that the event's definition has (`defined`)."""
    if not any(key in properties for key in UTK_KEYS):
        return properties
    return {
        key: value for key, value in properties.items() if key not in UTK_KEYS or key in defined or not is_utk(value)
    }


def is_utk(value: object) -> TypeGuard[str]:
    """True if a value can be the cookie's."""
    return isinstance(value, str) and UTK.fullmatch(value) is not None

"""The ids of the person of a stored message, and their keyed digests. Pure, except for the installation's key."""

from __future__ import annotations

from typing import Any

import msgspec

from hubwire.decoding import text_id
from hubwire.operation import hold_key
from hubwire.plan.emails import as_email, context_traits, email_value
from hubwire.registry.vault import Vault

_decode = msgspec.json.Decoder().decode


class Digests:
    """The keyed digests of people's ids. The key belongs to the installation and is outside the database."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def email(self, email: str) -> bytes:
        return self._vault.digest("email", email)

    def user(self, user_id: str) -> bytes:
        """A userId of any source: what a regulation names."""
        return self._vault.digest("user", user_id)

    def key(self, space: str, key: str) -> bytes:
        """A userId (`u:…`) or anonymousId (`a:…`) of one identity space."""
        return self._vault.digest("key", hold_key(space, key))


class Ids(msgspec.Struct, frozen=True):
    """The ids in a message."""

    user_id: str | None
    anonymous_id: str | None
    emails: tuple[str, ...]


def ids_of(body: bytes, envelope: bytes | None) -> Ids:
    """The ids of a stored message; those of its upload's context too. Errors: none."""
    fields = _object(body)
    around = _object(envelope) if envelope else {}
    places = [
        fields.get("traits"),
        fields.get("properties"),
        context_traits(_mapping(fields.get("context"))),
        context_traits(_mapping(around.get("context"))),
    ]
    user_id = text_id(fields.get("userId"))
    emails_found = [as_email(email_value(_mapping(place))) for place in places] + [as_email(user_id)]
    emails = tuple(dict.fromkeys(email for email in emails_found if email))
    return Ids(user_id, text_id(fields.get("anonymousId")), emails)


def _object(data: bytes) -> dict[str, Any]:
    try:
        return _mapping(_decode(data))
    except (msgspec.DecodeError, ValueError, RecursionError):
        return {}


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}

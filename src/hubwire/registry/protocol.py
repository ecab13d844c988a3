"""The registry protocol: sources, destinations, their secrets and the audit log.

Running lanes and receivers detect changes by `version()`, a number that grows with each change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from hubwire.destination import Destination, Source
from hubwire.secret import Secret


class WriteKey(msgspec.Struct, frozen=True, kw_only=True):
    """A write key in the registry. It has its text only for web and mobile sources, whose keys are public.

    `key_id` is unique and tells nothing of the key; `hint` is its last four characters, which two keys may share.
    """

    source_id: int
    key_id: str
    hint: str
    text: str | None
    created_at_ms: int
    is_revoked: bool


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    at_ms: int
    actor: str
    action: str
    detail: str


class Registry(Protocol):
    def version(self) -> int: ...

    def sources(self) -> Mapping[int, Source]: ...

    def destinations(self) -> Mapping[int, Destination]: ...

    def save_source(self, source: Source) -> Source:
        """Add (source_id 0) or change a source; the stored one. Raises SettingsError if the name is taken."""
        ...

    def save_destination(self, destination: Destination) -> Destination:
        """Add (destination_id 0) or change a destination. Raises SettingsError if the name is taken."""
        ...

    def remove_source(self, source_id: int) -> None: ...

    def remove_destination(self, destination_id: int) -> None: ...

    def add_write_key(self, source_id: int, key: Secret) -> WriteKey:
        """Add a write key. Raises SettingsError if the key already belongs to a source."""
        ...

    def key_id(self, key: Secret) -> str:
        """The id that this write key has, or would have, in the registry."""
        ...

    def revoke_write_key(self, source_id: int, key_id: str) -> bool:
        """Refuse one write key from now on; False if the source has no such key in use."""
        ...

    def write_keys(self, source_id: int) -> list[WriteKey]: ...

    def source_of_key(self, write_key: str) -> Source | None:
        """The enabled source that this write key belongs to."""
        ...

    def set_token(self, destination_id: int, token: Secret | None) -> None: ...

    def token(self, destination_id: int) -> Secret | None: ...

    def set_journal_app(self, destination_id: int, app: Secret | None) -> None:
        """Store the client credentials with which a destination reads HubSpot's change journal (None removes them)."""
        ...

    def journal_app(self, destination_id: int) -> Secret | None:
        """The credentials for the change journal; None, the usual case, if it is off."""
        ...

    def reseal(self) -> int:
        """Seal every stored secret with the vault's first key, in one transaction; returns how many there are.

        Tokens, public write keys, and the subjects of regulations that have not ended. Raises SettingsError, changing
        nothing, when one of them cannot be opened.
        """
        ...

    def write_audit(self, actor: str, action: str, detail: str) -> None: ...

    def audit(self, limit: int, before_ms: int | None = None) -> list[AuditEntry]: ...

"""The people who can sign in to the console and the admin API, with roles. Stores only digests and slow hashes."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

import msgspec


class Role(StrEnum):
    """The permissions of a member; each role includes those of the one before it.

    view: read, with payloads masked. operate: read payloads, replay, pause, send tests, change mappings.
    admin: also sources, write keys, tokens, destinations and members.
    """

    VIEW = "view"
    OPERATE = "operate"
    ADMIN = "admin"

    def may(self, needed: Role) -> bool:
        """True if this role includes another."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


class PassKind(StrEnum):
    SESSION = "session"
    LINK = "link"
    """A one-time sign-in link."""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    role: Role
    has_token: bool = False
    has_password: bool = False
    created_at_ms: int = 0


class Pass(msgspec.Struct, frozen=True, kw_only=True):
    """The identity behind a session or a sign-in link, until it expires."""

    kind: PassKind
    member_name: str
    role: Role
    expires_at_ms: int


class AccessStore(Protocol):
    def members(self) -> list[Member]: ...

    def save_member(
        self, name: str, role: Role, *, token_digest: bytes | None = None, password_hash: str | None = None
    ) -> Member:
        """Add or change a member; None leaves the token or password as it is. A change ends the member's sessions."""
        ...

    def remove_member(self, name: str) -> bool:
        """Remove a member and end their sessions; False when there is none."""
        ...

    def member_of_token(self, digest: bytes) -> Member | None: ...

    def password_hash(self, name: str) -> str | None: ...

    def save_pass(self, digest: bytes, access_pass: Pass, now_ms: int) -> None:
        """Store a session or sign-in link, and remove expired ones."""
        ...

    def find_pass(self, digest: bytes, kind: PassKind, now_ms: int) -> Pass | None: ...

    def take_pass(self, digest: bytes, kind: PassKind, now_ms: int) -> Pass | None:
        """Use a pass up and return it; if two callers try, only one gets it."""
        ...

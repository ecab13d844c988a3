"""Members, who can sign in: role, token or password. The audit log records each change.

Only digests of tokens and slow hashes of passwords are stored. Console and command line use this module.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from typing import Protocol

from hubwire.errors import BadValue, Missing
from hubwire.registry.access import AccessStore, Role
from hubwire.registry.protocol import Registry
from hubwire.secret import Secret

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 @._-]{0,63}")
TOKEN_PREFIX = "hw_"  # noqa: S105 - how a member's token begins
MIN_PASSWORD_LENGTH = 12
MAX_SECRET_LENGTH = 1024
SCRYPT = {"n": 1 << 14, "r": 8, "p": 1, "maxmem": 64 << 20}
"""About 50 ms and 16 MB for one guess (RFC 7914)."""
NO_PASSWORD = "$".join(base64.b64encode(bytes(length)).decode() for length in (16, 64))
"""A stored form, as `hashed` makes it, that no password has."""


class Parts(Protocol):
    """The dependencies of changes to members."""

    @property
    def access(self) -> AccessStore: ...

    @property
    def registry(self) -> Registry: ...


def new_token(parts: Parts, actor: str, name: str, role: Role) -> Secret:
    """A new token for a member, who is added if unknown. The member's old token stops working. Errors: BadValue."""
    _check_name(name)
    token = make_token()
    parts.access.save_member(name, role, token_digest=digest(token))
    parts.registry.write_audit(actor, "member.token", f"{name} ({role})")
    return token


def set_password(parts: Parts, actor: str, name: str, role: Role, password: str) -> None:
    """Let a member, who is added if unknown, also sign in with a password. Errors: BadValue."""
    _check_name(name)
    if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_SECRET_LENGTH:
        limit = [MIN_PASSWORD_LENGTH, MAX_SECRET_LENGTH]
        raise BadValue("password", f"a password has at least {MIN_PASSWORD_LENGTH} characters", limit=limit)
    parts.access.save_member(name, role, password_hash=hashed(password))
    parts.registry.write_audit(actor, "member.password", f"{name} ({role})")


def remove(parts: Parts, actor: str, name: str) -> None:
    """Remove a member and end their sessions. Errors: Missing."""
    if not parts.access.remove_member(name):
        raise Missing("name", f"there is no member {name!r}", value=name)
    parts.registry.write_audit(actor, "member.removed", name)


def make_token() -> Secret:
    """A fresh token."""
    return Secret(TOKEN_PREFIX + secrets.token_urlsafe(32))


def digest(token: Secret) -> bytes:
    """The digest under which a token is stored."""
    return hashlib.sha256(token.reveal().encode("utf-8", "surrogatepass")).digest()


def hashed(password: str) -> str:
    """The stored form of a password: salt and slow hash."""
    salt = secrets.token_bytes(16)
    parts = (salt, hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=salt, **SCRYPT))
    return "$".join(base64.b64encode(part).decode() for part in parts)


def is_password(password: str, kept: str) -> bool:
    """True if the password matches the stored one; compares in constant time."""
    salt, expected = (base64.b64decode(part) for part in kept.split("$"))
    digest = hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=salt, **SCRYPT)
    return hmac.compare_digest(digest, expected)


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise BadValue("name", "a name has at most 64 letters, digits, spaces and @ . _ -", value=name)

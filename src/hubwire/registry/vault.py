"""Secrets at rest: encryption of tokens, keyed hashes of write keys, and the key file.

The key comes from the setting `secret_key` or from `<data>/secret.key` (made at first start, mode 0600). Without it
the database gives away neither an access token nor a server's write key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from hubwire.errors import SettingsError
from hubwire.secret import Secret

KEY_FILE = "secret.key"


class Vault:
    """Seals and opens secrets. With several keys, the first seals and all open (key rotation)."""

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        self._fernet = MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])
        self._pepper = hashlib.sha256(b"write-key" + keys[-1]).digest()

    def seal(self, secret: Secret) -> bytes:
        return self._fernet.encrypt(secret.reveal().encode())

    def open(self, sealed: bytes) -> Secret:
        """Raises SettingsError when the secret was sealed with another key."""
        try:
            return Secret(self._fernet.decrypt(sealed).decode())
        except InvalidToken as exc:
            raise SettingsError(
                "a secret in the database was sealed with another key",
                hint="Set HUBWIRE_SECRET_KEY (or restore secret.key) to the key that this database was made with.",
            ) from exc

    def fingerprint(self, write_key: str) -> bytes:
        """The keyed hash by which a write key is looked up."""
        return hmac.digest(self._pepper, write_key.encode(), "sha256")


def load_vault(secret_key: Secret | None, data: Path) -> Vault:
    """The vault of this installation; makes the key file when there is neither a setting nor a file."""
    if secret_key is not None:
        return Vault(tuple(_decoded(text) for text in secret_key.reveal().split(",")))
    path = data / KEY_FILE
    try:
        return Vault(tuple(_decoded(line) for line in path.read_text(encoding="ascii").split()))
    except FileNotFoundError:
        pass
    data.mkdir(parents=True, exist_ok=True)
    key = secrets.token_bytes(32)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return load_vault(None, data)
    with os.fdopen(handle, "wb") as file:
        file.write(base64.urlsafe_b64encode(key) + b"\n")
    return Vault((key,))


def new_key() -> str:
    """A fresh key, as the setting and the key file hold it."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _decoded(text: str) -> bytes:
    try:
        key = base64.urlsafe_b64decode(text)
    except ValueError as exc:
        raise SettingsError("secret_key (HUBWIRE_SECRET_KEY) is not base64") from exc
    if len(key) != 32:
        raise SettingsError(f"secret_key (HUBWIRE_SECRET_KEY) has {len(key)} bytes; it needs 32")
    return key

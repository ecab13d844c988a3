"""Secrets at rest: encryption of tokens, keyed hashes of write keys, and the key file.

The key comes from the setting `secret_key` or from `<data>/secret.key` (made at first start, mode 0600). Without it,
nobody can read an access token or a server's write key from the database.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from hubwire.errors import SettingsError
from hubwire.secret import Secret

KEY_FILE = "secret.key"


class Vault:
    """Seals and opens secrets. With several keys, the first seals and all open; the last makes the fingerprints, so
    that one stays for ever.

    Shape: `read_keys` gives the keys as they are now (the key file); a running server so follows a rotation.
    """

    def __init__(self, keys: tuple[bytes, ...], read_keys: Callable[[], tuple[bytes, ...]] | None = None) -> None:
        self._keys = keys
        self._read_keys = read_keys
        self._fernet = _fernet(keys)
        self._pepper = hashlib.sha256(b"write-key" + keys[-1]).digest()

    def seal(self, secret: Secret) -> bytes:
        self._refresh()
        return self._fernet.encrypt(secret.reveal().encode())

    def open(self, sealed: bytes) -> Secret:
        """Raises SettingsError when the secret was sealed with another key."""
        try:
            return Secret(self._opened(sealed))
        except InvalidToken as exc:
            raise SettingsError(
                "a secret in the database was encrypted with another key",
                hint="Set HUBWIRE_SECRET_KEY to the key of this database, or restore its secret.key.",
            ) from exc

    def reseal(self, sealed: bytes) -> bytes:
        """The secret, encrypted again with the first key. Raises SettingsError like `open`."""
        self.open(sealed)
        return self._fernet.rotate(sealed)

    def fingerprint(self, write_key: str) -> bytes:
        """The keyed hash by which a write key is looked up."""
        return hmac.digest(self._pepper, write_key.encode(), "sha256")

    def digest(self, purpose: str, text: str) -> bytes:
        """A keyed digest by which a text is known again; of another purpose it is another digest."""
        return hmac.digest(self._pepper, f"{purpose}\0{text}".encode("utf-8", "surrogatepass"), "sha256")

    def _opened(self, sealed: bytes) -> str:
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            if not self._refresh():
                raise
            return self._fernet.decrypt(sealed).decode()

    def _refresh(self) -> bool:
        """Take keys that were added since; False when there are none."""
        keys = self._read_keys() if self._read_keys is not None else self._keys
        if keys == self._keys or keys[-1] != self._keys[-1]:
            return False
        self._keys, self._fernet = keys, _fernet(keys)
        return True


def _fernet(keys: tuple[bytes, ...]) -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])


def load_vault(secret_key: Secret | None, data: Path) -> Vault:
    """The vault of this installation; makes the key file when there is neither a setting nor a file."""
    if secret_key is not None:
        return Vault(tuple(_decoded(text) for text in secret_key.reveal().split(",")))
    path = data / KEY_FILE

    def read_keys() -> tuple[bytes, ...]:
        keys = tuple(_decoded(line, str(path)) for line in path.read_text(encoding="utf-8", errors="replace").split())
        if not keys:
            raise SettingsError(f"{path} is empty", hint="Restore it: Hubwire cannot decrypt its secrets without it.")
        return keys

    if not path.exists():
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        _make_key_file(path)
    return Vault(read_keys(), read_keys)


def _make_key_file(path: Path) -> None:
    """Make a key file with one fresh key, unless another process was quicker. Nobody ever sees half of it."""
    fresh = path.with_suffix(f".{os.getpid()}")
    _write_keys(fresh, [new_key()])
    try:
        os.link(fresh, path)
    except OSError:
        # Another process has created the file, or this file system has no links.
        if not path.exists():
            fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def add_key(data: Path) -> None:
    """Put a fresh key before those of the key file. The older ones stay: what was sealed with them can still be
    opened, and the oldest makes the fingerprints of write keys. A crash leaves the old file or the new one."""
    path = data / KEY_FILE
    older = path.read_text(encoding="ascii").split()
    fresh = path.with_suffix(".new")
    _write_keys(fresh, [new_key(), *older])
    fresh.replace(path)


def _write_keys(path: Path, keys: list[str]) -> None:
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write("\n".join(keys) + "\n")
        file.flush()
        os.fsync(file.fileno())


def new_key() -> str:
    """A fresh key, as the setting and the key file hold it."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _decoded(text: str, place: str = "secret_key (HUBWIRE_SECRET_KEY)") -> bytes:
    try:
        key = base64.urlsafe_b64decode(text)
    except ValueError as exc:
        raise SettingsError(f"{place}: not base64") from exc
    if len(key) != 32:
        raise SettingsError(f"{place}: a key of {len(key)} bytes; it needs 32")
    return key

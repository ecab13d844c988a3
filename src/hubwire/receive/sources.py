"""Finds the source of an upload by its write key, and checks the source's origins and rate.

Documented: Segment HTTP API, "Headers": HTTP Basic with the write key as user and no password, or `writeKey` in the
body; RudderStack's beacon has it in the query, Customer.io's libraries in a bearer token, Jitsu's in `X-Write-Key`.
"""

from __future__ import annotations

import binascii
import hashlib
import math
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol

from hubwire.clock import Clock, VersionCheck
from hubwire.destination import Source

MAX_WRITE_KEY_LENGTH = 256


class SourceDirectory(Protocol):
    def by_write_key(self, write_key: str) -> Source | None:
        """The enabled source with this write key. Called for every upload: answers from memory."""
        ...


class CachedSources:
    """A `SourceDirectory` in front of a slower one, which keeps only keyed hashes of write keys.

    Shape: answers, also "unknown", are cached under a digest with a key of this process, for at most `max_known`
    write keys; the write key itself is never stored. A change of `version`, read at most once per `check_seconds`,
    clears the cache.
    """

    def __init__(
        self,
        look_up: Callable[[str], Source | None],
        version: Callable[[], int],
        clock: Clock,
        *,
        check_seconds: float = 1.0,
        max_known: int = 4096,
    ) -> None:
        self._look_up = look_up
        self._version = VersionCheck(version, clock, check_seconds)
        self._max_known = max_known
        self._known: OrderedDict[bytes, Source | None] = OrderedDict()
        # Digests with a secret key: the time of a comparison reveals nothing about the write key.
        self._keyed = hashlib.blake2b(digest_size=16, key=secrets.token_bytes(32))

    def __len__(self) -> int:
        return len(self._known)

    def by_write_key(self, write_key: str) -> Source | None:
        self._forget_changed()
        keyed = self._keyed.copy()
        keyed.update(write_key.encode("utf-8", "replace"))
        digest = keyed.digest()
        if digest in self._known:
            self._known.move_to_end(digest)
            return self._known[digest]
        source = self._look_up(write_key)
        self._known[digest] = source
        if len(self._known) > self._max_known:
            self._known.popitem(last=False)
        return source

    def _forget_changed(self) -> None:
        version = self._version.changed()
        if version is not None:
            self._known.clear()
            self._version.known = version


def other_write_key(authorization: bytes | None, own: bytes | None) -> str | None:
    """A possible write key without HTTP Basic: a bearer token, or else `X-Write-Key`.

    Shape: Customer.io's libraries send the keys of its regions as bearer token, as Segment's OAuth sends other tokens;
    Jitsu's send `key:secret` in a header of their own, whose part before the colon is the write key.
    """
    if authorization is not None:
        scheme, _, token = authorization.partition(b" ")
        if scheme.lower() == b"bearer":
            return usable_write_key(token.strip().decode("utf-8", "replace"))
    return None if own is None else usable_write_key(own.decode("utf-8", "replace").partition(":")[0])


def basic_write_key(authorization: bytes) -> str | None:
    """The user of an HTTP Basic header: the write key. None for other schemes, an empty user, or bad base64.

    Shape: the colon may be missing, as Segment allows.
    """
    scheme, _, encoded = authorization.partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        user, _, _ = binascii.a2b_base64(encoded).partition(b":")
        return usable_write_key(user.decode("utf-8"))
    except (ValueError, UnicodeDecodeError):
        return None


def usable_write_key(value: object) -> str | None:
    """The value as a write key, or None if it cannot be one."""
    if isinstance(value, str) and 0 < len(value) <= MAX_WRITE_KEY_LENGTH:
        return value
    return None


def is_allowed(origin: bytes, allowed: Sequence[str]) -> bool:
    """Whether an Origin header matches one of the patterns; without patterns, every origin matches.

    Shape: `https://www.site.test` is exact; `https://*.site.test` matches every subdomain, with the given port.
    """
    if not allowed:
        return True
    text = origin.decode("ascii", "replace").lower().rstrip("/")
    return any(_fits(text, pattern.lower().rstrip("/")) for pattern in allowed)


def _fits(origin: str, pattern: str) -> bool:
    if pattern in ("*", origin):
        return True
    scheme, separator, host = pattern.partition("://*.")
    if not separator:
        return False
    return origin.startswith(f"{scheme}://") and origin.endswith(f".{host}")


class SourceRates:
    """Running state of all sources' limits, fed `now_ms`.

    Shape: an upload is let in while the bucket is not empty and takes all it needs, so that one upload larger than the
    burst passes and the next ones wait.
    """

    def __init__(self) -> None:
        self._buckets: dict[int, tuple[float, int]] = {}

    def take(self, source: Source, count: int, now_ms: int) -> int | None:
        """None when the messages may pass, otherwise the seconds to wait before trying again."""
        limit = source.rate_limit
        if limit is None:
            return None
        rate, burst = limit.per_second, float(limit.burst)
        left, at_ms = self._buckets.get(source.source_id, (burst, now_ms))
        left = min(burst, left + max(0, now_ms - at_ms) / 1000 * rate)
        if left <= 0:
            self._buckets[source.source_id] = (left, now_ms)
            # A little longer than the debt: at exactly zero the bucket is still empty.
            return math.floor(-left / rate) + 1
        self._buckets[source.source_id] = (left - count, now_ms)
        return None

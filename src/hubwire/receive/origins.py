"""Which pages a browser source takes uploads from."""

from __future__ import annotations

from collections.abc import Sequence


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

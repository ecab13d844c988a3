"""Which pages a browser source takes uploads from."""

from __future__ import annotations

from collections.abc import Sequence


def is_allowed(origin: bytes, allowed: Sequence[str]) -> bool:
    """Whether an Origin header fits one of the patterns; with no patterns, every origin does.

    Shape: `https://www.site.test` is exact; `https://*.site.test` is every host below it, with the port as written.
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

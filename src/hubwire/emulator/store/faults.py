"""Injected faults: which calls go wrong, and how. This only decides; the server carries it out.

A rule matches by method, by path (shell pattern, on the real path or on the counted one with `{id}`), and by how many
times it has matched before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

import msgspec

from hubwire.emulator.wire import Refusal, Reply, json_reply

Kind = Literal["status", "hang", "reset", "silent_empty", "latency"]

_HTML = b"<html>\n<head><title>%d %s</title></head>\n<body>\n<center><h1>%d %s</h1></center>\n</body>\n</html>\n"
_REASONS = {
    500: b"Internal Server Error",
    502: b"Bad Gateway",
    503: b"Service Unavailable",
    504: b"Gateway Timeout",
    521: b"Web server is down",
    522: b"Connection timed out",
    523: b"Origin is unreachable",
    524: b"A timeout occurred",
}
_BODIES: dict[int, tuple[str, str | None, dict[str, Any]]] = {
    401: ("Authentication credentials not found.", "INVALID_AUTHENTICATION", {}),
    403: ("You do not have permissions to make this call.", "FORBIDDEN", {}),
    423: ("This resource is locked. Try again in 2 seconds.", "LOCKED", {}),
    429: (
        "You have reached your ten_secondly_rolling limit.",
        None,
        {"errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"},
    ),
    477: ("This account is being migrated to another data center.", "MIGRATION_IN_PROGRESS", {}),
    500: ("internal error", "INTERNAL_ERROR", {}),
}


Positive = Annotated[int, msgspec.Meta(ge=1)]
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+\Z")
_HEADER_VALUE = re.compile(r"[\t -~\x80-\xff]*\Z")


class FaultRule(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    """One rule for faults.

    Shape: `occurrences` names which matching calls go wrong (1 is the first); empty means all, up to `times`.
    `kind` "status" answers `status`; "hang" gives no answer until `latency_ms` (default 100 s) has passed, then 524;
    "reset" cuts the connection; "silent_empty" answers 2xx with no results and writes nothing; "latency" only delays.
    `when` "after" carries the call out first and then misbehaves, so that the caller cannot know it worked.
    Units: `latency_ms` on the emulator's clock.
    """

    method: str = "*"
    path: str = "*"
    kind: Kind = "status"
    when: Literal["before", "after"] = "before"
    occurrences: list[Positive] = []
    times: Positive | None = None
    status: Annotated[int, msgspec.Meta(ge=200, le=599)] = 500
    headers: dict[str, str] = {}
    body: Any = None
    html: bool = False
    latency_ms: Annotated[int, msgspec.Meta(ge=0, le=86_400_000)] = 0
    matched: int = 0
    applied: int = 0

    def __post_init__(self) -> None:
        for name, value in self.headers.items():
            if not _HEADER_NAME.match(name) or not _HEADER_VALUE.match(value):
                raise ValueError(f"headers: {name[:100]!r} cannot be sent as a header with that value")


class Faults:
    """The rules in force, first match wins."""

    def __init__(self) -> None:
        self.rules: list[FaultRule] = []

    def add(self, rule: FaultRule) -> None:
        """Add a rule after the existing ones."""
        self.rules.append(rule)

    def pick(self, method: str, path: str, label_path: str) -> FaultRule | None:
        """The rule that applies to this call, if any. Counts the match in any case."""
        for rule in self.rules:
            if rule.method not in ("*", method) or not _matches(rule.path, (path, label_path)):
                continue
            rule.matched += 1
            is_due = rule.matched in rule.occurrences if rule.occurrences else True
            if is_due and (rule.times is None or rule.applied < rule.times):
                rule.applied += 1
                return rule
        return None


def fault_reply(rule: FaultRule, correlation_id: str, started_at: str) -> Reply:
    """The answer of a rule instead of the real one."""
    if rule.kind == "silent_empty":
        status = rule.status if rule.status < 300 else 200
        body = {"status": "COMPLETE", "results": [], "startedAt": started_at, "completedAt": started_at}
        return _with_headers(json_reply(status, body), rule)
    status = 524 if rule.kind == "hang" else rule.status
    if rule.body is not None:
        if isinstance(rule.body, str):
            return _with_headers(Reply(status, rule.body.encode(), b"text/html; charset=utf-8"), rule)
        return _with_headers(json_reply(status, rule.body), rule)
    if rule.html or status not in _BODIES:
        return _with_headers(_html(status), rule)
    message, category, extra = _BODIES[status]
    refusal = Refusal(status, message, category, extra=extra)
    return _with_headers(json_reply(status, refusal.body(correlation_id)), rule)


def _html(status: int) -> Reply:
    reason = _REASONS.get(status, b"Error")
    return Reply(status, _HTML % (status, reason, status, reason), b"text/html; charset=utf-8")


def _with_headers(reply: Reply, rule: FaultRule) -> Reply:
    for name, value in rule.headers.items():
        reply.headers.append((name.lower().encode("latin-1"), value.encode("latin-1")))
    return reply


def _matches(pattern: str, paths: Iterable[str]) -> bool:
    return any(fnmatchcase(path, pattern) for path in paths)

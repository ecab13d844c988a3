"""The doctor: looks at a portal and at this machine and says, line by line, what is well and what to do about the rest.

Nothing is changed, here or in HubSpot: what a token may write is found out by calls that ask for nothing to be written.
Sources: HubSpot's OpenAPI (scopes per call), usage guidelines (limits by tier), developer changelog (API versions).
"""

from __future__ import annotations

import msgspec

from hubwire.doctor.checks import Check, ConnectionReport, Health

__all__ = ["Check", "ConnectionReport", "Diagnosis", "Health", "Section", "fail", "ok", "warn"]


class Section(msgspec.Struct, kw_only=True, frozen=True):
    """Checks of one thing. `report` has what a portal's checks found, as values."""

    title: str
    checks: list[Check]
    report: ConnectionReport | None = None


class Diagnosis(msgspec.Struct, kw_only=True, frozen=True):
    """Everything that was looked at."""

    sections: list[Section]
    is_ok: bool
    """Nothing failed; warnings do not count."""

    @classmethod
    def of(cls, sections: list[Section]) -> Diagnosis:
        """The diagnosis that these sections make."""
        failed = any(check.health is Health.FAIL for section in sections for check in section.checks)
        return cls(sections=sections, is_ok=not failed)


def ok(name: str, said: str) -> Check:
    """It is well."""
    return Check(name=name, health=Health.OK, said=said)


def warn(name: str, said: str, remedy: str) -> Check:
    """It works, and something should be done."""
    return Check(name=name, health=Health.WARN, said=said, remedy=remedy)


def fail(name: str, said: str, remedy: str) -> Check:
    """It does not work."""
    return Check(name=name, health=Health.FAIL, said=said, remedy=remedy)

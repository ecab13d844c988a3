"""The doctor: checks a portal and this machine, and says what to do about each problem.

It changes nothing, here or in HubSpot: to find out what a token may write, it sends writes without inputs.
Sources: HubSpot's OpenAPI (scopes per call), usage guidelines (limits by tier), developer changelog (API versions).
"""

from __future__ import annotations

import msgspec

from hubwire.doctor.checks import Check, ConnectionReport, Health

__all__ = ["Check", "ConnectionReport", "Diagnosis", "Health", "Section", "fail", "ok", "warn"]


class Section(msgspec.Struct, kw_only=True, frozen=True):
    """The checks of one subject. `report` has the results of a portal's checks as values."""

    title: str
    checks: list[Check]
    report: ConnectionReport | None = None


class Diagnosis(msgspec.Struct, kw_only=True, frozen=True):
    """The result of all checks."""

    sections: list[Section]
    is_ok: bool
    """True if no check failed; warnings do not count."""

    @classmethod
    def of(cls, sections: list[Section]) -> Diagnosis:
        """The diagnosis of these sections."""
        failed = any(check.health is Health.FAIL for section in sections for check in section.checks)
        return cls(sections=sections, is_ok=not failed)


def ok(name: str, detail: str) -> Check:
    """A check that found no problem."""
    return Check(name=name, health=Health.OK, said=detail)


def warn(name: str, detail: str, remedy: str) -> Check:
    """A check that found a problem which stops nothing yet."""
    return Check(name=name, health=Health.WARN, said=detail, remedy=remedy)


def fail(name: str, detail: str, remedy: str) -> Check:
    """A check that failed."""
    return Check(name=name, health=Health.FAIL, said=detail, remedy=remedy)

"""The results of checks, with remedies."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Health(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Check(msgspec.Struct, kw_only=True, frozen=True):
    """One check: its subject, its result and the remedy. `page`: the path of the console page that has it."""

    name: str
    health: Health
    said: str
    remedy: str = ""
    page: str = ""


class ConnectionReport(msgspec.Struct, kw_only=True, frozen=True):
    """The result of a connection test. `scopes` None: HubSpot does not reveal the scopes of this kind of token."""

    checks: list[Check]
    hub_id: str | None = None
    region: str | None = None
    tier: str | None = None
    time_zone: str | None = None
    api_version: str | None = None
    api_supported_until: str | None = None
    scopes: list[str] | None = None
    missing_scopes: list[str] = []

    @property
    def is_ok(self) -> bool:
        """True if no check failed."""
        return all(check.health is not Health.FAIL for check in self.checks)

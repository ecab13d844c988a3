"""A lane's budget: the calls of the day, the rate and the forecast, as the lane last stored them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


class Budget(msgspec.Struct, kw_only=True, frozen=True):
    """Today's calls, used and forecast (`deliver/limits/daily_budget.py`). None: the lane has not reported it.

    `projected`: the calls by the end of the day at the current rate; `ends_at_ms`: when the budget would run out, None
    if it lasts; `rate`: the current limit, such as `190/10s`.
    """

    limit: int | None = None
    used: int | None = None
    remaining: int | None = None
    day_ends_at_ms: int | None = None
    calls_per_second: float | None = None
    projected: int | None = None
    ends_at_ms: int | None = None
    rate: str | None = None

    @property
    def used_share(self) -> float:
        """0 to 1."""
        return min(1.0, (self.used or 0) / self.limit) if self.limit else 0.0


def read_budget(status: Mapping[str, Any]) -> Budget:
    """The budget in a lane's status. Errors: none; what is not there or not a number is None."""
    flat = {**status, **_mapping(status.get("budget")), **_mapping(status.get("forecast"))}
    rate = flat.get("rate")
    numbers = {name: _number(flat.get(name)) for name in Budget.__struct_fields__ if name != "rate"}
    return Budget(**numbers, rate=rate if isinstance(rate, str) else None)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: object) -> Any:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None

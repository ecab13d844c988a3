"""The filters that calculate. A value that is not a number counts as 0.

Source: LiquidJS 10.27.2 (https://liquidjs.com).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from hubwire.plan.rules.liquid.values import Drop, Filter
from hubwire.plan.rules.values import MISSING, number


def numeric(value: Any) -> float:
    """`+value || 0`: a value that is not a number counts as 0."""
    if value is MISSING or isinstance(value, Drop):
        return 0
    result = number(value)
    return 0 if math.isnan(result) else float(result)


def _arithmetic(run: Callable[..., float]) -> Filter:
    def filter_(root: Any, value: Any, *arguments: Any) -> float:
        try:
            return run(*[numeric(given) for given in (value, *arguments)])
        except TypeError:
            return math.nan
        except OverflowError:
            return math.inf

    return filter_


def _of_number(run: Callable[[float], float]) -> Filter:
    return _arithmetic(lambda value, *rest: run(value) if math.isfinite(value) else value)


def _divided(dividend: float, divisor: float, is_integer: float = 0, *rest: float) -> float:
    if divisor == 0:
        return math.nan if dividend == 0 or math.isnan(dividend) else math.copysign(math.inf, dividend)
    result = dividend / divisor
    return math.floor(result) if is_integer and math.isfinite(result) else result


def _modulo(value: float, divisor: float, *rest: float) -> float:
    if divisor == 0 or math.isinf(value):
        return math.nan
    return math.fmod(math.fmod(value, divisor) + divisor, divisor)


def _to_integer(root: Any, value: Any, *rest: Any) -> float:
    if isinstance(value, Drop):
        return 0
    return math.nan if value is MISSING else number(value)


def _round(root: Any, value: Any, digits: Any = 0, *rest: Any) -> float:
    power = math.pow(10, max(-300, min(300, numeric(digits))))
    scaled = numeric(value) * power * (1 + 2**-52)
    if not math.isfinite(scaled):
        return scaled
    below = math.floor(scaled)
    return (below + (scaled - below >= 0.5)) / power


NUMBER_FILTERS: dict[str, Filter] = {
    "to_integer": _to_integer,
    "abs": _of_number(abs),
    "at_least": _arithmetic(lambda *values: max(values)),
    "at_most": _arithmetic(lambda *values: min(values)),
    "ceil": _of_number(math.ceil),
    "floor": _of_number(math.floor),
    "divided_by": _arithmetic(_divided),
    "minus": _arithmetic(lambda value, other, *rest: value - other),
    "plus": _arithmetic(lambda value, other, *rest: value + other),
    "times": _arithmetic(lambda value, other, *rest: value * other),
    "modulo": _arithmetic(_modulo),
    "round": _round,
}

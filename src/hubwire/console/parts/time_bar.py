"""The time of one message as a bar: waiting, and each call to HubSpot. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from hubwire.console.parts import formats
from hubwire.record.queries import AttemptSummary

MIN_WIDTH = 0.8
"""Percent: a call of some milliseconds among hours of waiting can still be seen."""


class TimePiece(msgspec.Struct, frozen=True):
    """One piece of the bar, in percent of its width. `name`: `waited` or `calls`."""

    name: str
    x: float
    width: float
    label: str


class TimeBar(msgspec.Struct, frozen=True):
    """The pieces in order of time, and the whole in words."""

    pieces: list[TimePiece]
    words: str


def time_bar(received_at_ms: int, attempts: Iterable[AttemptSummary]) -> TimeBar | None:
    """The bar from receipt to the end of the last call; None without a call."""
    calls = _merged(attempts)
    if not calls:
        return None
    end_ms = calls[-1][1]
    whole = max(1, end_ms - received_at_ms)
    pieces: list[TimePiece] = []
    at_ms = received_at_ms
    for began_ms, ended_ms in calls:
        if began_ms > at_ms:
            pieces.append(_piece("waited", at_ms, began_ms, received_at_ms, whole))
        pieces.append(_piece("calls", max(began_ms, at_ms), ended_ms, received_at_ms, whole))
        at_ms = max(at_ms, ended_ms)
    in_calls = sum(ended_ms - began_ms for began_ms, ended_ms in calls)
    waited = formats.duration(max(0, calls[0][0] - received_at_ms) / 1000)
    words = f"{waited} until the first call, {formats.duration(in_calls / 1000)} in calls"
    return TimeBar(pieces, f"{words}, {formats.duration(whole / 1000)} in total.")


def _merged(attempts: Iterable[AttemptSummary]) -> Sequence[tuple[int, int]]:
    """Begin and end of calls; those that ran at the same time are one."""
    merged: list[tuple[int, int]] = []
    for began_ms, ended_ms in sorted(
        (attempt.started_at_ms, attempt.started_at_ms + attempt.duration_ms) for attempt in attempts
    ):
        if merged and began_ms <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], ended_ms))
        else:
            merged.append((began_ms, ended_ms))
    return merged


def _piece(name: str, since_ms: int, until_ms: int, received_at_ms: int, whole: int) -> TimePiece:
    width = max(MIN_WIDTH, 100 * (until_ms - since_ms) / whole)
    x = max(0.0, min(100 * (since_ms - received_at_ms) / whole, 100 - width))
    what = "waited" if name == "waited" else "call to HubSpot"
    return TimePiece(name, round(x, 2), round(width, 2), f"{what}: {formats.duration((until_ms - since_ms) / 1000)}")

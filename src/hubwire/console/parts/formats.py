"""How values look on a page: counts, times, sizes, states. Jinja filters; each gives text or escaped HTML."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup, escape

from hubwire.delivery import State
from hubwire.explanations import Kind, cause_of, remedy_of
from hubwire.record.message_filter import ReplayPart

STATE_WORDS = {state: state.value.capitalize() for state in State}
REJECTED_WORDS = Kind.REJECTED.capitalize()
ERASED = "erased"
"""The stage of a message that was emptied because the person asked to be deleted."""
PART_WORDS = {
    ReplayPart.WAITING: "Waiting",
    ReplayPart.REPLAYED: "Replayed",
    ReplayPart.LEFT_ALONE: "Left alone (state had changed)",
}
KIB = 1024


def count(value: int | None) -> str:
    """A count with thousands separated; a dash for none."""
    return "–" if value is None else f"{value:,}"


def share(part: float, whole: float) -> str:
    """A part of a whole in percent; never rounded up to 100 % or down to 0 %."""
    if not whole or not part:
        return "0 %"
    percent = 100 * part / whole
    if percent < 0.1:
        return "< 0.1 %"
    if 99.9 < percent < 100:
        return "> 99.9 %"
    return f"{percent:.2f} %" if percent < 1 else f"{percent:.1f} %".replace(".0 %", " %")


def when(at_ms: int | None) -> str:
    """A time as an element that the page's script writes in local time; UTC without a script and on hover."""
    if at_ms is None:
        return "–"
    try:
        moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return str(at_ms)
    return Markup('<time datetime="{}" title="{} UTC">{} UTC</time>').format(
        moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03d}",
        moment.strftime("%Y-%m-%d %H:%M:%S"),
    )


def moment(text: str | None) -> str:
    """An ISO-8601 time as `when` shows it."""
    return "–" if text is None else when(round(datetime.fromisoformat(text).timestamp() * 1000))


def utc(at_ms: int) -> str:
    """A time as plain text, in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def short_utc(at_ms: int) -> str:
    """A time for an axis, in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%d %b %H:%M")


def iso(at_ms: int | None) -> str:
    """A time for a form's `datetime-local` field, in UTC."""
    return "" if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M")


def duration(seconds: float | None) -> str:
    """A length of time in its largest two units."""
    if seconds is None:
        return "–"
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def size(count_bytes: int | None) -> str:
    """A number of bytes in its unit."""
    if count_bytes is None:
        return "–"
    value, unit = float(count_bytes), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < KIB:
            break
        value, unit = value / KIB, larger
    return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.3g} {unit}"


def pretty(value: Any) -> str:
    """A JSON value, indented."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def words(text: str) -> Markup:
    """A sentence; text in `backquotes` becomes code."""
    parts = [escape(part) for part in text.split("`")]
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if odd % 2 else part for odd, part in enumerate(parts)
    )


def capfirst(text: str) -> str:
    """A sentence with a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


def window_words(name: str) -> str:
    """The name of a window as people write it: `24 h` of `24h`."""
    return f"{name[:-1]} {name[-1]}" if name[:-1].isdigit() else name


def state_words(state: str) -> str:
    """The word for a state, for `rejected`, or for `erased`."""
    if state in (Kind.REJECTED, ERASED):
        return state.capitalize()
    return STATE_WORDS[State(state)]


def part_words(part: str) -> str:
    """The word for the stage of a delivery in a replay."""
    return PART_WORDS[ReplayPart(part)]


FILTERS = {
    "count": count,
    "when": when,
    "moment": moment,
    "utc": utc,
    "short_utc": short_utc,
    "iso": iso,
    "duration": duration,
    "size": size,
    "pretty": pretty,
    "words": words,
    "capfirst": capfirst,
    "window_words": window_words,
    "state_words": state_words,
    "part_words": part_words,
    "cause": cause_of,
    "remedy": remedy_of,
}

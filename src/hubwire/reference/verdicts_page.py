"""The verdict tables as a page of the documentation. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from hubwire.deliver.calls.retry import (
    DEFAULT_SCHEDULE,
    SCHEDULES,
    RetryPolicy,
    Schedule,
)
from hubwire.deliver.verdicts.call_rules import VERDICTS, Rule, Says
from hubwire.deliver.verdicts.input_rules import INPUT_VERDICTS, OTHER_ROWS, PROPERTY_REASONS

_INTRODUCTION = """# What becomes of HubSpot's answers

Every answer to a delivery is judged by the tables below, and by nothing else. Each message of a call gets a verdict of
its own: *delivered*, *retry*, *dead*, or *stop the line*. A stopped line holds everything and loses nothing; it looks
again by itself after the time given, or at once when it is resumed.

HubSpot's `Retry-After`, when it sends one, comes before the waits named here: up to a minute, and up to a day where the
line is stopped.
"""


def render_verdicts() -> str:
    """The page, in Markdown."""
    parts = [
        _INTRODUCTION,
        "## By status\n\nThe first row that fits decides.\n",
        _table(VERDICTS),
        "## By HubSpot's error about one input\n\n"
        "For a 207, a 2xx with errors, and a 4xx whose culprit is known. The first row that fits decides.\n",
        _table(INPUT_VERDICTS),
        "## When no status says it\n",
        _table(OTHER_ROWS),
        "## Properties that HubSpot refuses\n\nThe property is left out with its reason, and the rest is sent again.\n",
        _properties(),
        "## How retries grow\n\n"
        "Each wait is a random part of one that doubles with every attempt. What counts ends after "
        f"{RetryPolicy().total_seconds / 3600:g} hours (a setting) or the most attempts; what does not never ends.\n",
        _schedules(),
    ]
    return "\n".join(parts)


def _table(rows: Iterable[Rule]) -> str:
    lines = ["| rule | HubSpot's answer | what becomes of it | reason | why |", "|---|---|---|---|---|"]
    for row in rows:
        reason = f"`{row.reason}`" if row.reason else ""
        lines.append(f"| `{row.name}` | {row.answer} | {_decision(row)} | {reason} | {row.why} |")
    return "\n".join([*lines, ""])


def _decision(row: Rule) -> str:
    match row.says:
        case Says.RETRY:
            count = "" if row.counts else ", not counted"
            return f"retry{_after(row.wait_seconds)}{count}"
        case Says.STOP:
            return f"stop the line, look again{_after(row.wait_seconds)}"
        case _:
            return str(row.says)


def _after(seconds: float) -> str:
    return f" after {seconds:g} s" if seconds else " at once"


def _properties() -> str:
    lines = ["| HubSpot's code has | reason |", "|---|---|"]
    lines += [f"| `{part}` | `{reason}` |" for part, reason, _ in PROPERTY_REASONS]
    return "\n".join([*lines, "| anything else | `refused-by-hubspot` |", ""])


def _schedules() -> str:
    lines = ["| reason | first wait up to | longest wait up to | most attempts |", "|---|---|---|---|"]
    lines += [f"| `{reason}` | {_schedule(schedule)} |" for reason, schedule in SCHEDULES.items()]
    return "\n".join([*lines, f"| any other | {_schedule(DEFAULT_SCHEDULE)} |", ""])


def _schedule(schedule: Schedule) -> str:
    most = "" if schedule.most_attempts is None else str(schedule.most_attempts)
    return f"{schedule.first_seconds:g} s | {schedule.longest_seconds:g} s | {most}"

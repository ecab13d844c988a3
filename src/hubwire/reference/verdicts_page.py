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

_INTRODUCTION = """# How Hubwire judges HubSpot's answers

These tables decide about every answer of HubSpot to a delivery. Each message of a call gets its own verdict:
*delivered*, *retry*, *dead* or *stop delivery*. When delivery to a destination stops, its messages stay pending and
nothing is lost. Hubwire tries again after the wait in the table, or at once when somebody resumes the destination.

If HubSpot sends `Retry-After`, it replaces the waits on this page: up to one minute, and up to one day when delivery
stops.
"""


def render_verdicts() -> str:
    """The page, in Markdown."""
    parts = [
        _INTRODUCTION,
        "## By status\n\nThe first row that matches decides.\n",
        _table(VERDICTS),
        "## By HubSpot's error about one input\n\n"
        "This table applies to a 207, a 2xx with errors, and a 4xx that names an input. The first row that matches "
        "decides.\n",
        _table(INPUT_VERDICTS),
        "## Decisions without a status\n",
        _table(OTHER_ROWS),
        "## Properties that HubSpot refuses\n\n"
        "Hubwire leaves out the property with this reason, and sends the rest again.\n",
        _properties(),
        "## Waits between retries\n\n"
        "Each wait is a random part of a maximum that doubles with every attempt. Retries that count end after "
        f"{RetryPolicy().total_seconds / 3600:g} hours (a setting) or the maximum number of attempts. Others "
        "never end.\n",
        _schedules(),
    ]
    return "\n".join(parts)


def _table(rows: Iterable[Rule]) -> str:
    lines = ["| Rule | HubSpot's answer | Decision | Reason | Explanation |", "|---|---|---|---|---|"]
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
            return f"stop delivery, try again{_after(row.wait_seconds)}"
        case _:
            return str(row.says)


def _after(seconds: float) -> str:
    return f" after {seconds:g} s" if seconds else " at once"


def _properties() -> str:
    lines = ["| HubSpot's code contains | Reason |", "|---|---|"]
    lines += [f"| `{part}` | `{reason}` |" for part, reason, _ in PROPERTY_REASONS]
    return "\n".join([*lines, "| anything else | `refused-by-hubspot` |", ""])


def _schedules() -> str:
    lines = ["| Reason | First wait, up to | Longest wait, up to | Maximum attempts |", "|---|---|---|---|"]
    lines += [f"| `{reason}` | {_schedule(schedule)} |" for reason, schedule in SCHEDULES.items()]
    return "\n".join([*lines, f"| any other | {_schedule(DEFAULT_SCHEDULE)} |", ""])


def _schedule(schedule: Schedule) -> str:
    max_attempts = "" if schedule.max_attempts is None else str(schedule.max_attempts)
    return f"{schedule.first_seconds:g} s | {schedule.longest_seconds:g} s | {max_attempts}"

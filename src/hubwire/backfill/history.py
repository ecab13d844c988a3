"""Turns an exported message into history: keeps its own time, and removes fields that made sense only when sent. Pure.

A message whose time cannot be read is left out. It never gets the time of the import, which would date old events to
that day and let old values win over newer ones. A time after the message's own arrival cannot be true either.
Sources: Segment docs, "Historical import" (sentAt would move the past to today); S3 and warehouse exports, which have
`receivedAt`, `projectId` and a `timestamp` that is corrected already.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from hubwire.backfill.records import Omission, ReadOptions
from hubwire.explanations import cause_of
from hubwire.message import DAY_MS, FUTURE_GRACE_MS
from hubwire.receive.entries import rejection
from hubwire.times import NoTime, TimeFault, iso_text, read_time

OF_THE_EXPORT = ("originalTimestamp", "sentAt", "receivedAt", "projectId", "writeKey")
TIMES = ("timestamp", "originalTimestamp", "receivedAt", "sentAt")
"""Fields with the time of a message; the first that can be read and be true counts."""
_DEFAULTS = ReadOptions()
_encode = msgspec.json.Encoder(decimal_format="number").encode
_encode_sorted = msgspec.json.Encoder(decimal_format="number", order="deterministic").encode


def as_history(fields: dict[str, Any], options: ReadOptions = _DEFAULTS) -> str | None:
    """Change a decoded message in place. Returns the reason if its time cannot be read or be true.

    Shape: a time that cannot be read stays as `originalTimestamp` while one of the other times counts, so that the
    message reports it.
    """
    moment, problem = _moment(fields, options)
    given = next((fields[name] for name in TIMES if fields.get(name) is not None), None)
    for name in OF_THE_EXPORT:
        fields.pop(name, None)
    if moment is not None:
        fields["timestamp"] = iso_text(moment)
        if problem is not None and isinstance(read_time(given, options.order), NoTime):
            fields["originalTimestamp"] = given
    elif problem is None:
        fields.pop("timestamp", None)
    return problem if moment is None else None


def _moment(fields: dict[str, Any], options: ReadOptions) -> tuple[int | None, str | None]:
    problem, order = None, options.order
    received = read_time(fields.get("receivedAt"), order)
    # A day ahead is no fault: a local time without a zone is read as UTC.
    bounds = [] if options.now_ms is None else [options.now_ms + DAY_MS]
    if isinstance(received, int):
        bounds.append(received + FUTURE_GRACE_MS)
    for name in TIMES:
        moment = read_time(fields.get(name), order)
        if isinstance(moment, NoTime):
            if moment.fault is not TimeFault.ABSENT and problem is None:
                remedy = "; --dates says which" if moment.fault is TimeFault.AMBIGUOUS else ""
                problem = f"{name}: {moment.reason}{remedy}"
            continue
        if name == "originalTimestamp":
            # By the sender's clock. Segment corrects it: receivedAt - (sentAt - originalTimestamp).
            sent = read_time(fields.get("sentAt"), order)
            if isinstance(sent, int) and isinstance(received, int):
                moment += received - sent
        if any(moment > bound for bound in bounds):
            problem = problem or f"{name}: {iso_text(moment)} is in the future, after the message arrived"
            continue
        return moment, problem
    return None, problem


def finished(fields: dict[str, Any], options: ReadOptions) -> bytes | Omission:
    """The message to journal, or the reason why it is left out.

    Shape: a message without an id gets one from its content, so a later, larger export repeats nothing.
    """
    problem = as_history(fields, options)
    if problem is not None:
        return Omission(problem, True)
    reason = rejection(fields)
    if reason is not None:
        return Omission(f"{reason}: {cause_of(reason)}", True)
    try:
        if not fields.get("messageId"):
            content = {name: value for name, value in fields.items() if name != "originalTimestamp"}
            fields["messageId"] = "import-" + hashlib.sha256(_encode_sorted(content)).hexdigest()[:40]
        return _encode(fields)
    except (TypeError, ValueError, OverflowError, msgspec.MsgspecError) as exc:
        return Omission(f"a value that JSON cannot represent: {exc}", True)

"""Structured logs: one wide line per event, fixed event names, no personal data, no secrets."""

from __future__ import annotations

import logging
import re
import sys
import time
import traceback
from collections.abc import Callable

import structlog

from hubwire.monitoring.quiet_log import QuietLog

EMAIL = re.compile(r"[\w.+'-]{1,64}@[A-Za-z0-9][\w-]{0,62}(?:\.[\w-]{1,63})+")
TOKEN = re.compile(r"\b(?:pat-[a-z]{2}\d{1,2}-|wk_|hw_|Bearer\s+)[\w.~+/-]{6,}=*")
HIDDEN = "[hidden]"
TROUBLE = frozenset({"backend.failed", "nats.trouble"})
"""Events that repeat every second while a database or a stream is unavailable."""
TROUBLE_SECONDS = 10.0
MAX_TROUBLES = 100
MAX_CAUSES = 1000


def without_personal_data(
    logger: structlog.typing.WrappedLogger, method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """The event with everything masked that looks like an e-mail address or a token, also in tracebacks.

    The rule is not to log such values at all; this is the safety net.
    """
    for name, value in event.items():
        if isinstance(value, str) and ("@" in value or "-" in value or "_" in value or "Bearer" in value):
            event[name] = TOKEN.sub(HIDDEN, EMAIL.sub(HIDDEN, value))
    return event


def on_one_line(
    logger: structlog.typing.WrappedLogger, method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """The event with unprintable characters escaped, so that a foreign text, such as a messageId, can neither begin a
    log line nor control the terminal.

    A traceback keeps its lines, indented so that none looks like a log line.
    """
    for name, value in event.items():
        if name == "exception" and isinstance(value, str):
            event[name] = "".join(f"\n    {_printable(line)}" for line in value.split("\n"))
        elif isinstance(value, str):
            event[name] = _printable(value)
    return event


class TroubleSeldom:
    """Logs the same error of the same destination at most once in ten seconds. `repeated` counts the lines left out."""

    def __init__(self, seconds_now: Callable[[], float] = time.monotonic) -> None:
        self._seconds_now = seconds_now
        self._logged: dict[tuple[str, ...], tuple[float, int]] = {}

    def __call__(
        self, logger: structlog.typing.WrappedLogger, method: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        """Errors: structlog.DropEvent for a line to leave out."""
        if event["event"] not in TROUBLE:
            return event
        key = (event["event"], str(event.get("destination")), str(event.get("error")))
        now = self._seconds_now()
        logged_at, repeated = self._logged.get(key, (now - TROUBLE_SECONDS, 0))
        if now - logged_at < TROUBLE_SECONDS:
            self._logged[key] = (logged_at, repeated + 1)
            raise structlog.DropEvent
        if len(self._logged) >= MAX_TROUBLES:
            self._logged.clear()
        self._logged[key] = (now, 0)
        if repeated:
            event["repeated"] = repeated
        return event


class TracebackOnce:
    """Logs one traceback for each cause: one bad message after another must not fill the log with the same one. `cause`
    is the kind of the exception, and the line that raised it."""

    def __init__(self) -> None:
        self._causes: set[str] = set()

    def __call__(
        self, logger: structlog.typing.WrappedLogger, method: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        given = event.get("exc_info")
        fault = given if isinstance(given, BaseException) else sys.exc_info()[1] if given else None
        if fault is None:
            return event
        [*_, place] = traceback.extract_tb(fault.__traceback__) or [traceback.FrameSummary("unknown", 0, "unknown")]
        cause = event["cause"] = f"{type(fault).__name__} {place.filename}:{place.lineno}"
        if cause in self._causes or len(self._causes) >= MAX_CAUSES:
            del event["exc_info"]
        else:
            self._causes.add(cause)
        return event


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def configure_logs(level: str, form: str) -> QuietLog | None:
    """Log to standard error at this level, as `console` lines or `json`.

    Shape: at a terminal, level `info` writes one line a minute about deliveries; the result counts them.
    """
    quiet_log = QuietLog() if sys.stderr.isatty() and (level, form) == ("info", "console") else None
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=22)
    )
    structlog.configure(
        processors=[
            TroubleSeldom(),
            *([quiet_log] if quiet_log is not None else []),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            TracebackOnce(),
            structlog.processors.format_exc_info,
            without_personal_data,
            *([on_one_line] if form != "json" else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        # Each line gets a new logger, because a logger must not outlive its stream.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    return quiet_log

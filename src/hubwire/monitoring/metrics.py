"""Metrics in Prometheus' format: their names, how they are read, and their reference page.

`METRICS` has every name once, with its help. Labels are destinations, sources, call names, statuses and reasons: few
values each, and no personal data. Each request reads the state of lanes and messages from the record, so that every
process reports the same; a process counts only its own work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

import structlog
from prometheus_client import CollectorRegistry, Counter, GCCollector, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from hubwire import __version__
from hubwire.hubspot.call import Answer, Call
from hubwire.record.queries import LaneStatus

log = structlog.get_logger("hubwire.deliver")

STATES = ("delivered", "discarded", "held", "pending", "retrying", "dead")
SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Described(NamedTuple):
    """One metric: its name in the output (counters end in `_total`), its labels and its help."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str


METRICS: tuple[Described, ...] = (
    Described("hubwire_info", Kind.GAUGE, ("version",), "Always 1; the label has the version."),
    Described("hubwire_uploads_total", Kind.COUNTER, (), "Uploads that this process accepted."),
    Described("hubwire_uploads_refused_total", Kind.COUNTER, ("code",), "Uploads that this process refused."),
    Described("hubwire_messages_received_total", Kind.COUNTER, ("source",), "Messages that this process accepted."),
    Described(
        "hubwire_messages_rejected_total",
        Kind.COUNTER,
        ("reason",),
        "Messages that are kept but will never be delivered.",
    ),
    Described(
        "hubwire_messages_duplicate_total", Kind.COUNTER, (), "Messages whose messageId was already in the journal."
    ),
    Described(
        "hubwire_messages_suppressed_total",
        Kind.COUNTER,
        (),
        "Messages of deleted people, which Hubwire does not keep.",
    ),
    Described("hubwire_journal_commits_total", Kind.COUNTER, (), "Commits of this process to the journal."),
    Described("hubwire_journal_bytes_total", Kind.COUNTER, (), "Bytes that this process wrote to the journal."),
    Described("hubwire_journal_failed_total", Kind.COUNTER, (), "Messages that the journal could not store."),
    Described("hubwire_journal_waiting_messages", Kind.GAUGE, (), "Messages in memory, not yet on disk."),
    Described(
        "hubwire_backlog_messages", Kind.GAUGE, ("destination",), "Messages that no delivery cycle has taken yet."
    ),
    Described("hubwire_lag_seconds", Kind.GAUGE, ("destination",), "Age of the oldest message in the backlog."),
    Described(
        "hubwire_messages_taken_total",
        Kind.COUNTER,
        ("destination",),
        "Messages that delivery cycles have taken since the installation began.",
    ),
    Described(
        "hubwire_messages", Kind.GAUGE, ("destination", "state"), "Messages taken by a cycle, by their current state."
    ),
    Described(
        "hubwire_lane_stopped", Kind.GAUGE, ("destination", "reason"), "1 while delivery to the destination is stopped."
    ),
    Described(
        "hubwire_hubspot_calls_total", Kind.COUNTER, ("destination",), "Calls to HubSpot since the installation began."
    ),
    Described(
        "hubwire_hubspot_attempts_total",
        Kind.COUNTER,
        ("destination", "call", "status"),
        "HubSpot calls of this process, by name and HTTP status (`none`: no answer).",
    ),
    Described("hubwire_hubspot_attempt_seconds", Kind.HISTOGRAM, ("destination",), "Duration of these calls."),
    Described(
        "hubwire_permit_wait_seconds_total",
        Kind.COUNTER,
        ("destination", "kind"),
        "Time that calls of this process waited for the rate limiter.",
    ),
    Described("hubwire_budget_calls", Kind.GAUGE, ("destination",), "Limit of calls for the day."),
    Described("hubwire_budget_used_calls", Kind.GAUGE, ("destination",), "Calls used today."),
    Described("hubwire_database_bytes", Kind.GAUGE, (), "Size of the data in the database."),
    Described(
        "hubwire_database_free_bytes",
        Kind.GAUGE,
        (),
        "Free space inside the database files, which new messages use first.",
    ),
    Described("hubwire_alerts_active", Kind.GAUGE, (), "Alerts that are on."),
)
_BY_NAME = {metric.name: metric for metric in METRICS}


class Telemetry:
    """The calls of this process's lanes. Thread-safe; destinations are named."""

    def __init__(self) -> None:
        attempts, seconds, waits = (
            _BY_NAME[name]
            for name in (
                "hubwire_hubspot_attempts_total",
                "hubwire_hubspot_attempt_seconds",
                "hubwire_permit_wait_seconds_total",
            )
        )
        self._attempts = Counter(attempts.name, attempts.help, attempts.labels, registry=None)
        self._seconds = Histogram(seconds.name, seconds.help, seconds.labels, buckets=SECONDS, registry=None)
        self._waits = Counter(waits.name, waits.help, waits.labels, registry=None)

    def answered(self, destination: str, call: Call, answer: Answer) -> None:
        """Log one wide line for an exchange with HubSpot, and count it."""
        log.info(
            "delivery.attempted",
            destination=destination,
            operation=call.name,
            status=answer.status,
            failure=answer.failure,
            duration_ms=answer.duration_ms,
            correlation_id=answer.correlation_id,
        )
        self._attempts.labels(destination, call.name, "none" if answer.status is None else str(answer.status)).inc()
        self._seconds.labels(destination).observe(answer.duration_ms / 1000)

    def waited(self, destination: str, kind: str, wait_ms: int) -> None:
        """A call waited for the rate limiter."""
        self._waits.labels(destination, kind).inc(wait_ms / 1000)

    def collect(self) -> Iterator[Metric]:
        """The metric families, without their `_created` samples."""
        for collector in (self._attempts, self._seconds, self._waits):
            for family in collector.collect():
                family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
                yield family


class Intake(Protocol):
    """The receiver's counts (`receive/app.py`)."""

    @property
    def uploads(self) -> int: ...

    @property
    def messages(self) -> Mapping[int, int]: ...

    @property
    def rejected(self) -> Mapping[str, int]: ...

    @property
    def refused(self) -> Mapping[str, int]: ...


class Commits(Protocol):
    """The group commit's counts (`journal/group_commit.py`)."""

    @property
    def duplicates(self) -> int: ...

    @property
    def failed(self) -> int: ...

    @property
    def bytes(self) -> int: ...

    @property
    def groups(self) -> int: ...


class Readings(NamedTuple):
    """The sources of metrics; each request for metrics calls all of them."""

    lanes: Callable[[], list[LaneStatus]]
    source_names: Callable[[], Mapping[int, str]]
    intake: Callable[[], Intake]
    commits: Callable[[], Commits]
    waiting_messages: Callable[[], int]
    suppressed: Callable[[], int]
    database: Callable[[], tuple[int, int]]
    """Bytes used and free."""
    alerts: Callable[[], int]
    telemetry: Telemetry


class _Reader(Collector):
    def __init__(self, readings: Readings) -> None:
        self._readings = readings

    def describe(self) -> Iterator[Metric]:
        """Empty, so that registration reads nothing."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        readings = self._readings
        yield _family("hubwire_info", [((__version__,), 1)])
        yield from self._receiving()
        yield from self._lanes(readings.lanes())
        used, free = readings.database()
        yield _family("hubwire_database_bytes", [((), used)])
        yield _family("hubwire_database_free_bytes", [((), free)])
        yield _family("hubwire_alerts_active", [((), readings.alerts())])
        yield from readings.telemetry.collect()

    def _receiving(self) -> Iterator[Metric]:
        readings = self._readings
        intake, commits, names = readings.intake(), readings.commits(), readings.source_names()
        yield _family("hubwire_uploads_total", [((), intake.uploads)])
        yield _family("hubwire_uploads_refused_total", [((code,), n) for code, n in dict(intake.refused).items()])
        by_source = [((names.get(number, str(number)),), count) for number, count in dict(intake.messages).items()]
        yield _family("hubwire_messages_received_total", by_source)
        yield _family("hubwire_messages_rejected_total", [((why,), n) for why, n in dict(intake.rejected).items()])
        yield _family("hubwire_messages_duplicate_total", [((), commits.duplicates)])
        yield _family("hubwire_messages_suppressed_total", [((), readings.suppressed())])
        yield _family("hubwire_journal_commits_total", [((), commits.groups)])
        yield _family("hubwire_journal_bytes_total", [((), commits.bytes)])
        yield _family("hubwire_journal_failed_total", [((), commits.failed)])
        yield _family("hubwire_journal_waiting_messages", [((), readings.waiting_messages())])

    @staticmethod
    def _lanes(lanes: list[LaneStatus]) -> Iterator[Metric]:
        yield _family("hubwire_backlog_messages", [((lane.name,), lane.backlog_count) for lane in lanes])
        yield _family("hubwire_lag_seconds", [((lane.name,), lane.lag_seconds) for lane in lanes])
        yield _family("hubwire_messages_taken_total", [((lane.name,), lane.taken) for lane in lanes])
        yield _family(
            "hubwire_messages", [((lane.name, state), getattr(lane, state)) for lane in lanes for state in STATES]
        )
        yield _family(
            "hubwire_lane_stopped", [((lane.name, lane.stopped_reason), 1) for lane in lanes if lane.stopped_reason]
        )
        yield _family("hubwire_hubspot_calls_total", [((lane.name,), lane.calls) for lane in lanes])
        for name, field in (("hubwire_budget_calls", "limit"), ("hubwire_budget_used_calls", "used")):
            yield _family(name, [((lane.name,), lane.budget[field]) for lane in lanes if field in lane.budget])


def _family(name: str, values: Sequence[tuple[tuple[str, ...], float]]) -> Metric:
    metric = _BY_NAME[name]
    kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family = kind(name, metric.help, labels=metric.labels)
    for labels, value in values:
        family.add_metric(labels, value)
    return family


def metrics_registry(readings: Readings) -> CollectorRegistry:
    """The registry behind `/metrics`: our metrics, and the process's memory, CPU time and garbage collection."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Reader(readings))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def metrics_page() -> str:
    """The reference page, in Markdown."""
    lines = [
        "# Metrics",
        "",
        "`GET /metrics` returns these metrics in Prometheus' text format, with those of the process (`process_…`,",
        "`python_…`). Without the setting `metrics_token`, only this machine can read them. With it, send the token",
        "as a bearer token.",
        "Counts by destination come from the database and are the same in every process: use `max`, not `sum`.",
        "",
        "| Metric | Kind | Labels | Description |",
        "|---|---|---|---|",
    ]
    for metric in METRICS:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        lines.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help} |")
    return "\n".join(lines) + "\n"

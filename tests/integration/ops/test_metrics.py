"""`/metrics`: every documented name is told, nothing else of ours is, labels are few, and not everybody may read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.testclient import TestClient

from hubwire import __version__
from hubwire.backends.store import Store, open_store
from hubwire.clock import FakeClock
from hubwire.delivery import State
from hubwire.destination import Destination, Source
from hubwire.hubspot.call import Answer, Call
from hubwire.journal.group_commit import GroupCommit
from hubwire.message import Entry
from hubwire.monitoring.metrics import METRICS, Kind, Telemetry, metrics_page
from hubwire.monitoring.metrics_route import metrics_route
from hubwire.monitoring.observability import make_metrics
from hubwire.privacy.suppression import Suppressions
from hubwire.receive.app import ReceiveCounts
from hubwire.record.protocol import CycleOutcome, LaneState, Settled, Span, Tally
from hubwire.secret import Secret
from hubwire.settings import Settings

NOW = 1_790_000_000_000
UPSERT = Call("upsert contacts", "POST", "/crm/v3/objects/contacts/batch/upsert")
LOOPBACK = ("127.0.0.1", 5000)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(Settings(data=str(tmp_path)), FakeClock(NOW), appends=True)
    opened.registry.save_source(Source(source_id=0, name="api"))
    opened.registry.save_destination(Destination(destination_id=0, name="hubspot"))
    yield opened
    opened.journal.close()
    opened.close()


@pytest.fixture
def registry(store: Store) -> CollectorRegistry:
    """A process that took 12 messages, of which a lane has settled 10, and that made three calls."""
    clock = FakeClock(NOW)
    store.journal.append([Entry(1, f"m{number}", NOW - 60_000, b"{}") for number in range(12)])
    lease = store.record.lease_lane(1, "a", NOW, 10)
    assert lease is not None
    span = Span(live_after=0, live_through=10, backfill_after=0, backfill_through=0)
    cycle_id = store.record.begin_cycle(lease, NOW, span)
    lane = LaneState(live_cursor=10, status=b'{"limit": 40000, "used": 7}')
    settled = [Settled(position=1, state=State.DEAD, reason="invalid-input")]
    store.record.commit_cycle(
        lease,
        CycleOutcome(cycle_id=cycle_id, lane=lane, settled=settled, tally=Tally(taken=10, calls=3), ended_at_ms=NOW),
    )
    store.record.stop_lane(1, "unauthorised", "anna@example.com may not", None)
    store.alerts.claim_alert("stopped:hubspot", NOW, 1)
    counts = ReceiveCounts(uploads=5)
    counts.messages[1] = 12
    counts.rejected["no-ids"] = 2
    counts.refused["unknown-write-key"] = 1
    journal = GroupCommit(store.journal)
    journal.counts.duplicates, journal.counts.groups, journal.counts.bytes = 4, 3, 999
    suppressions = Suppressions(store.privacy, store.registry, store.vault, clock)
    suppressions.count = 6
    telemetry = Telemetry()
    telemetry.answered("hubspot", UPSERT, Answer(200, duration_ms=120))
    telemetry.answered("hubspot", UPSERT, Answer(None, duration_ms=10_000))
    telemetry.waited("hubspot", "general", 1500)
    return make_metrics(store, clock, counts, journal, suppressions, telemetry)


def read(registry: CollectorRegistry, token: Secret | None = None, **headers: str) -> dict[str, float]:
    client = TestClient(Starlette(routes=[metrics_route(registry, token)]), client=LOOPBACK)
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def test_the_numbers_are_those_of_the_process_and_of_the_record(registry: CollectorRegistry) -> None:
    found = read(registry)
    expected = {
        f"hubwire_info{{version={__version__}}}": 1,
        "hubwire_uploads_total": 5,
        "hubwire_uploads_refused_total{code=unknown-write-key}": 1,
        "hubwire_messages_received_total{source=api}": 12,
        "hubwire_messages_rejected_total{reason=no-ids}": 2,
        "hubwire_messages_duplicate_total": 4,
        "hubwire_messages_suppressed_total": 6,
        "hubwire_journal_commits_total": 3,
        "hubwire_journal_bytes_total": 999,
        "hubwire_journal_waiting_messages": 0,
        "hubwire_backlog_messages{destination=hubspot}": 2,
        "hubwire_lag_seconds{destination=hubspot}": 60,
        "hubwire_messages_taken_total{destination=hubspot}": 10,
        "hubwire_messages{destination=hubspot,state=dead}": 1,
        "hubwire_messages{destination=hubspot,state=delivered}": 9,
        "hubwire_lane_stopped{destination=hubspot,reason=unauthorised}": 1,
        "hubwire_hubspot_calls_total{destination=hubspot}": 3,
        "hubwire_hubspot_attempts_total{call=upsert contacts,destination=hubspot,status=200}": 1,
        "hubwire_hubspot_attempts_total{call=upsert contacts,destination=hubspot,status=none}": 1,
        "hubwire_hubspot_attempt_seconds_sum{destination=hubspot}": 10.12,
        "hubwire_permit_wait_seconds_total{destination=hubspot,kind=general}": 1.5,
        "hubwire_budget_calls{destination=hubspot}": 40000,
        "hubwire_budget_used_calls{destination=hubspot}": 7,
        "hubwire_alerts_active": 1,
    }
    assert {name: found.get(name) for name in expected} == expected
    assert found["hubwire_database_bytes"] > 0
    assert found["process_cpu_seconds_total"] > 0


def test_every_name_is_documented_and_every_documented_name_is_told(registry: CollectorRegistry) -> None:
    names = {name.partition("{")[0] for name in read(registry) if name.startswith("hubwire_")}
    histograms = {metric.name for metric in METRICS if metric.kind is Kind.HISTOGRAM}
    base = {next((histogram for histogram in histograms if name.startswith(histogram)), name) for name in names}
    assert base == {metric.name for metric in METRICS}
    page = metrics_page()
    assert all(f"`{metric.name}`" in page and metric.help in page for metric in METRICS)


def test_labels_are_the_documented_ones_and_never_a_person(registry: CollectorRegistry) -> None:
    labels = {metric.name: set(metric.labels) for metric in METRICS}
    for name in read(registry):
        base, _, inside = name.partition("{")
        if base in labels:
            assert {part.partition("=")[0] for part in inside.rstrip("}").split(",") if part} == labels[base]
        assert "@" not in name


def test_without_a_token_only_this_machine_may_read(registry: CollectorRegistry) -> None:
    app = Starlette(routes=[metrics_route(registry, None)])
    assert TestClient(app, client=LOOPBACK).get("/metrics").status_code == 200
    assert TestClient(app, client=("::1", 1)).get("/metrics").status_code == 200
    assert TestClient(app, client=("10.0.0.8", 1)).get("/metrics").status_code == 401
    proxied = TestClient(app, client=LOOPBACK).get("/metrics", headers={"x-forwarded-for": "10.0.0.8"})
    assert (proxied.status_code, proxied.json()["code"]) == (401, "unauthorised")


def test_with_a_token_it_is_needed_from_everywhere(registry: CollectorRegistry) -> None:
    token = Secret("metrics-token")
    assert read(registry, token, authorization="Bearer metrics-token")["hubwire_uploads_total"] == 5
    client = TestClient(Starlette(routes=[metrics_route(registry, token)]), client=LOOPBACK)
    for given in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic metrics-token"}):
        answer = client.get("/metrics", headers=given)
        assert answer.status_code == 401
        assert "metrics-token" not in answer.text

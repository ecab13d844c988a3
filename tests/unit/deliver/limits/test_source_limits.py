"""Runs of deaths: counted by source and reason, only of what HubSpot refused; parked sources are probed."""

from __future__ import annotations

import msgspec
import pytest

from hubwire.deliver.limits.source_limits import (
    MAX_PARK_SECONDS,
    PARK_SECONDS,
    PROBE_MESSAGES,
    RELEASE_SECONDS,
    RUN_MESSAGES,
    DeathRuns,
    Parked,
    Run,
    parked_of,
)
from hubwire.delivery import Dead, Retry, Verdict
from hubwire.reasons import Reason

NOW = 1_790_000_000_000
REFUSED = Dead(Reason.INVALID_INPUT, "closedate is no date")


def noted(runs: DeathRuns, *outcomes: tuple[int, Verdict | None], is_probe: bool = False) -> list[Run]:
    """Note messages in this order: each a source and its verdict, None for delivered."""
    sources = {position: source_id for position, (source_id, _) in enumerate(outcomes)}
    verdicts = {position: verdict for position, (_, verdict) in enumerate(outcomes) if verdict is not None}
    return runs.note(sources, verdicts, lambda position: False, is_probe=is_probe)


def test_a_run_is_of_one_source_and_one_reason() -> None:
    runs = DeathRuns.of({})
    other = Dead(Reason.CONFLICT)
    assert noted(runs, *[(1, REFUSED), (2, REFUSED), (1, other)] * (RUN_MESSAGES - 1)) == []
    assert noted(runs, (2, REFUSED)) == [Run(2, RUN_MESSAGES, Reason.INVALID_INPUT, "closedate is no date")]


def test_a_delivery_of_the_source_ends_its_run_and_no_other() -> None:
    runs = DeathRuns.of({})
    noted(runs, *[(1, REFUSED), (2, REFUSED)] * (RUN_MESSAGES - 1))
    assert noted(runs, (1, None), (1, REFUSED)) == []
    assert [run.source_id for run in noted(runs, (2, REFUSED))] == [2]


@pytest.mark.parametrize("reason", [Reason.INTERNAL_ERROR, Reason.RETRIES_EXHAUSTED])
def test_deaths_that_hubspot_did_not_give_are_no_run(reason: Reason) -> None:
    assert noted(DeathRuns.of({}), *[(1, Dead(reason))] * (2 * RUN_MESSAGES)) == []


def test_retries_and_messages_that_a_rule_settled_neither_count_nor_end_a_run() -> None:
    runs = DeathRuns.of({})
    noted(runs, *[(1, REFUSED)] * (RUN_MESSAGES - 1))
    assert runs.note({0: 1}, {}, lambda position: True) == []
    assert noted(runs, (1, Retry(1.0, Reason.LOCKED))) == []
    assert len(noted(runs, (1, REFUSED))) == 1


def test_in_a_probe_one_death_is_enough() -> None:
    assert len(noted(DeathRuns.of({}), (1, REFUSED), is_probe=True)) == 1


def test_a_parked_source_waits_then_tries_a_few_and_others_never_wait() -> None:
    runs = DeathRuns.of({})
    [run] = noted(runs, *[(1, REFUSED)] * RUN_MESSAGES)
    runs.park(run, NOW)
    rows = [(position, 1 if position % 2 else 2) for position in range(40)]
    waits = runs.put_off(rows, NOW + 60_000)
    assert waits == {position: PARK_SECONDS - 60 for position, source_id in rows if source_id == 1}
    waits = runs.put_off(rows, NOW + round(PARK_SECONDS * 1000))
    assert len(waits) == 20 - PROBE_MESSAGES
    assert set(waits.values()) == {RELEASE_SECONDS}


def test_a_source_is_parked_for_longer_each_time_that_a_probe_fails_and_free_when_one_goes_through() -> None:
    runs = DeathRuns.of({})
    [run] = noted(runs, *[(1, REFUSED)] * RUN_MESSAGES)
    seconds = [runs.park(run, NOW).seconds]
    for _ in range(6):
        [run] = noted(runs, (1, REFUSED))
        seconds.append(runs.park(run, NOW).seconds)
    assert seconds == [300, 600, 1200, 2400, 3600, 3600, MAX_PARK_SECONDS]
    assert noted(runs, (1, REFUSED), (1, None)) == []
    assert runs.put_off([(0, 1)], NOW) == {}


def test_a_source_parked_before_the_clock_was_set_back_is_probed_at_once() -> None:
    runs = DeathRuns.of({1: Parked("invalid-input", "", NOW + 86_400_000)})
    assert runs.put_off([(0, 1)], NOW) == {}


def test_parked_sources_are_kept_with_the_lanes_status() -> None:
    parked = {7: Parked("invalid-input", "no date", NOW, 600.0)}
    assert parked_of(msgspec.json.encode({"rate": "100 calls / 10 s", "parked": parked})) == parked
    assert parked_of(b"{}") == parked_of(b"[") == {}

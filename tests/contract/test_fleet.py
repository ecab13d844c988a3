"""The deliverers of one installation know how many they are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hubwire.record.protocol import Fleet

NOW = 1_790_000_000_000


@pytest.fixture
def fleet(postgres_url: str) -> Iterator[Fleet]:
    from hubwire.backends.postgres.connection import PostgresDatabase
    from hubwire.backends.postgres.fleet import PostgresFleet

    database = PostgresDatabase(postgres_url)
    yield PostgresFleet(database)
    database.close()


def test_workers_are_counted_while_they_say_that_they_live(fleet: Fleet) -> None:
    assert fleet.join("a", NOW, 10) == 1
    assert fleet.join("b", NOW + 5_000, 10) == 2
    assert fleet.join("b", NOW + 9_999, 10) == 2
    assert fleet.join("b", NOW + 10_000, 10) == 1


def test_a_worker_that_ends_counts_no_more(fleet: Fleet) -> None:
    fleet.join("a", NOW, 10)
    fleet.join("b", NOW, 10)
    fleet.leave("a", NOW)
    assert fleet.join("b", NOW, 10) == 1


def test_a_dead_worker_whose_clock_was_ahead_counts_no_more(fleet: Fleet) -> None:
    fleet.join("dead", NOW + 5 * 3_600_000, 10)
    assert fleet.join("a", NOW, 10) == 1
    assert fleet.join("b", NOW, 30) == 2, "another worker may still have other settings"

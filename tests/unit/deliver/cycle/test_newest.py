"""Newest wins against everybody: which versions of a property are ours, and which count with HubSpot's time."""

from __future__ import annotations

import pytest

from hubwire.deliver.cycle.newest import ReadHistories, foreign_version, is_same, without_defaults
from hubwire.deliver.cycle.own_source import OwnSource
from hubwire.deliver.cycle.portal_schema import SpareReads
from hubwire.hubspot.reading import HeldRecord, Version
from hubwire.record.protocol import UNSURE, ConfirmedValue

OURS = "INTEGRATION"
PERSON = "CRM_UI"


def version(value: str, at_ms: int, source: str = OURS, source_id: str = "77") -> Version:
    return Version(value, at_ms, source, source_id)


def test_what_the_record_remembers_is_ours_and_so_is_all_that_we_wrote_before() -> None:
    versions = [version("2022", 200), version("2021", 100)]
    assert foreign_version(versions, ConfirmedValue("2022", 5)) is None
    assert foreign_version(versions, ConfirmedValue(UNSURE + "2022", 5)) is None


def test_a_persons_value_is_foreign_above_and_below_ours() -> None:
    above = [version("b", 300, PERSON, "u"), version("a", 200)]
    below = [version("a", 300), version("b", 200, PERSON, "u")]
    for versions in (above, below):
        found = foreign_version(versions, ConfirmedValue("a", 5))
        assert found is not None
        assert found.value == "b"


def test_a_persons_value_that_equals_ours_is_still_the_persons() -> None:
    found = foreign_version([version("a", 300, PERSON, "u"), version("a", 200)], ConfirmedValue("a", 5))
    assert found is not None
    assert found.at_ms == 300


def test_our_value_that_another_app_wrote_is_foreign_where_our_own_id_is_known() -> None:
    versions = [version("a", 300, source_id="99"), version("b", 200, source_id="99"), version("a", 100, source_id="77")]
    own = frozenset({"77"})
    assert foreign_version(versions, ConfirmedValue("a", 5), own_ids=own) == versions[0]
    assert foreign_version(versions[2:], ConfirmedValue("a", 5), own_ids=own) is None
    assert foreign_version(versions[:1], ConfirmedValue("a", 5), own_ids=own) == versions[0]
    assert foreign_version(versions[:1], ConfirmedValue("a", 5)) is None


def test_our_own_ids_are_those_of_made_records_once_a_history_names_one() -> None:
    own = OwnSource.of(b'{"own_source_ids": ["66"]}')
    own.learn({"hs_object_source": "INTEGRATION", "hs_object_source_id": "77"})
    own.learn({"hs_object_source": "CRM_UI", "hs_object_source_id": "userId:1"})
    own.learn({"email": "a@b.co"})
    assert own.known({"99"}) is None
    assert own.known({"99", "77"}) == frozenset({"66", "77"})
    assert own.known({"99"}) == frozenset({"66", "77"})
    assert OwnSource.of(b"").source_ids == []


def test_what_memory_does_not_explain_counts_with_hubspots_time() -> None:
    """After a restored backup our own newer writes are not known any more."""
    found = foreign_version([version("new", 300), version("old", 200)], ConfirmedValue("old", 5))
    assert found is not None
    assert (found.value, found.at_ms) == ("new", 300)
    assert foreign_version([version("a", 1)], None) == version("a", 1)
    assert foreign_version([], ConfirmedValue("a", 1)) is None


@pytest.mark.parametrize(
    ("kind", "first", "other", "expected"),
    [
        ("datetime", "2026-01-15T08:00:00.000Z", "1768464000000", True),
        ("number", "5", "5.0", True),
        ("number", "five", "5", False),
        ("enumeration", "a;b", "b;a", True),
        ("string", "a;b", "b;a", False),
    ],
)
def test_values_are_compared_as_hubspot_understands_them(kind: str, first: str, other: str, expected: bool) -> None:
    assert is_same(first, other, kind) is expected


def test_the_stage_that_hubspot_gives_a_contact_made_by_an_api_call_is_nobodys() -> None:
    body = {"createdate": "2026-01-15T08:00:00.000Z"}
    at_ms = 1_768_464_000_000
    default = HeldRecord("1", body, {"lifecyclestage": [version("lead", at_ms)]})
    assert without_defaults(default).history["lifecyclestage"] == []
    by_hand = HeldRecord("1", body, {"lifecyclestage": [version("lead", at_ms, PERSON)]})
    assert without_defaults(by_hand) == by_hand


def test_a_read_counts_for_its_properties_and_its_time() -> None:
    reads = ReadHistories()
    reads.remember("contacts", "a@b.co", frozenset({"city"}), {"city": version("x", 1, PERSON)}, 1000)
    assert reads.known("contacts", "a@b.co", frozenset({"city"}), 1999, 1000) == {"city": version("x", 1, PERSON)}
    assert reads.known("contacts", "a@b.co", frozenset({"city"}), 2000, 1000) is None
    assert reads.known("contacts", "a@b.co", frozenset({"city", "zip"}), 1001, 1000) is None


def test_reads_to_spare_are_a_few_at_once_and_then_less_than_a_twentieth() -> None:
    spare, now_ms, later_ms = SpareReads(), 10**12, 10**12 + 600_000
    assert sum(spare.take(now_ms) for _ in range(100)) == 6
    for second in range(1, 101):
        spare.earn(1, now_ms + second * 1000)
    assert sum(spare.take(now_ms + 100_000) for _ in range(100)) == 3, "a call a second is quiet traffic"
    spare.earn(400, now_ms + 101_000)
    assert not spare.take(now_ms + 101_000), "four hundred calls in a second are a backlog"
    assert sum(spare.take(later_ms) for _ in range(100)) == 6
    spare.earn(1_000_000, later_ms)
    assert sum(spare.take(later_ms + 3_600_000) for _ in range(100)) == 6

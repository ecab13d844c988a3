"""Additions of public sources are counted by UTC day; a server source that needs one too makes it for nothing."""

from __future__ import annotations

import msgspec

from hubwire.deliver.limits.source_limits import DAY_MS, MADE_NAME, Made, NewDefinitions, made_of

PUBLIC = {10: 2, 11: 2, 12: 3}


def test_a_source_is_refused_at_its_limit_and_others_are_not() -> None:
    new = NewDefinitions(1, 5 * DAY_MS, {}, PUBLIC)
    assert new.may_make([10])
    new.note([10])
    assert not new.may_make([11])
    assert new.may_make([11, 12])
    new.note([11, 12])
    assert new.made == {2: Made(5, 1), 3: Made(5, 1)}


def test_a_server_source_pays_for_what_it_needs() -> None:
    new = NewDefinitions(0, 0, {}, PUBLIC)
    assert new.may_make([10, 99])
    new.note([10, 99])
    assert new.made == {}


def test_the_next_day_begins_anew_also_when_the_clock_goes_back() -> None:
    definitions = {2: Made(5, 1)}
    assert not NewDefinitions(1, 6 * DAY_MS - 1, definitions, PUBLIC).may_make([10])
    assert NewDefinitions(1, 6 * DAY_MS, definitions, PUBLIC).may_make([10])
    assert NewDefinitions(1, 4 * DAY_MS, definitions, PUBLIC).may_make([10])
    assert NewDefinitions(1, 5 * DAY_MS + 7, definitions, PUBLIC).next_day_ms == 6 * DAY_MS


def test_the_additions_are_read_from_a_stored_status() -> None:
    definitions = {2: Made(5, 1)}
    assert made_of(msgspec.json.encode({"rate": "x", MADE_NAME: definitions})) == definitions
    assert made_of(b"{}") == made_of(b"[") == {}

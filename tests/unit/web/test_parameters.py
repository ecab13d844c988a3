"""URLs and forms are read with bounds, and a filter survives the way into a URL and back."""

from __future__ import annotations

from typing import Any

import pytest

from hubwire.destination import Destination, Source
from hubwire.errors import BadValue
from hubwire.web.parameters import (
    MAX_FIELDS,
    decimal,
    message_filter,
    moment_ms,
    number,
    read_form,
    text,
    window,
)

NOW_MS = 1_795_000_000_000


class Known:
    """A registry of one source and one destination."""

    def sources(self) -> dict[int, Source]:
        return {1: Source(source_id=1, name="server")}

    def destinations(self) -> dict[int, Destination]:
        return {2: Destination(destination_id=2, name="HubSpot")}


KNOWN: Any = Known()


def test_names_of_sources_and_destinations_are_taken() -> None:
    selected = message_filter({"source": "server", "destination": "2"}, KNOWN)
    assert (selected.source_id, selected.destination_id) == (1, 2)
    with pytest.raises(BadValue, match="there is no source 'nobody'"):
        message_filter({"source": "nobody"}, KNOWN)


@pytest.mark.parametrize("value", ["1e3", "0x1", "²", "-0.5", "99999999999999999999999999999999", "1 2"])
def test_only_plain_whole_numbers_are_numbers(value: str) -> None:
    with pytest.raises(BadValue):
        number({"n": value}, "n", 0, 100)


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "x", "1e400"])
def test_only_numbers_within_bounds_are_decimals(value: str) -> None:
    with pytest.raises(BadValue, match="n must be a number from 0 to 10"):
        decimal({"n": value}, "n", 0, 10)


def test_a_text_is_trimmed_and_bounded() -> None:
    assert text({"t": "  a "}, "t") == "a"
    assert text({"t": "   "}, "t") is None
    with pytest.raises(BadValue, match="at most 3"):
        text({"t": "abcd"}, "t", 3)


def test_times_are_iso_or_epoch_ms_and_utc_without_a_zone() -> None:
    assert (
        moment_ms({"t": "2026-11-23T18:00"}, "t")
        == moment_ms({"t": "2026-11-23T19:00+01:00"}, "t")
        == 1_795_456_800_000
    )
    assert moment_ms({"t": "1795456800000"}, "t") == 1_795_456_800_000
    with pytest.raises(BadValue, match="must be a time"):
        moment_ms({"t": "yesterday"}, "t")


def test_a_window_is_named_or_chosen() -> None:
    assert window({}, NOW_MS).since_ms == NOW_MS - 86_400_000
    assert window({"window": "all"}, NOW_MS).since_ms is None
    assert window({"since": "1000", "until": "2000"}, NOW_MS).name == "custom"
    with pytest.raises(BadValue, match="later than since"):
        window({"since": "2000", "until": "1000"}, NOW_MS)


def test_a_form_is_read_within_bounds() -> None:
    assert read_form(b"a=1&a=2&b=%C3%A9+x") == {"a": ["1", "2"], "b": ["é x"]}
    for body in (b"\xff=1", b"a=%FF", b"&".join(b"f=1" for _ in range(MAX_FIELDS + 1))):
        with pytest.raises(BadValue):
            read_form(body)

"""Write keys: found in a header, remembered without being kept, forgotten when the registry changes."""

from __future__ import annotations

import pytest

from hubwire.clock import FakeClock
from hubwire.destination import PUBLIC_BURST_SECONDS, PUBLIC_MESSAGES_PER_SECOND, Source, SourceKind
from hubwire.receive.sources import CachedSources, SourceRates, is_allowed

SOURCE = Source(source_id=1, name="server")


class Registry:
    def __init__(self) -> None:
        self.keys = {"good": SOURCE}
        self.version = 1
        self.looked_up: list[str] = []

    def look_up(self, write_key: str) -> Source | None:
        self.looked_up.append(write_key)
        return self.keys.get(write_key)


@pytest.fixture
def registry() -> Registry:
    return Registry()


def cached(registry: Registry, clock: FakeClock, **options: int) -> CachedSources:
    return CachedSources(registry.look_up, lambda: registry.version, clock, **options)


def test_known_and_unknown_keys_are_looked_up_once(registry: Registry) -> None:
    sources = cached(registry, FakeClock())
    for _ in range(3):
        assert sources.by_write_key("good") is SOURCE
        assert sources.by_write_key("bad") is None
    assert registry.looked_up == ["good", "bad"]


def test_a_change_of_the_registry_is_noticed_within_the_check_time(registry: Registry) -> None:
    clock = FakeClock()
    sources = cached(registry, clock)
    assert sources.by_write_key("new") is None
    registry.keys["new"] = SOURCE
    registry.version += 1
    assert sources.by_write_key("new") is None
    clock.advance(1)
    assert sources.by_write_key("new") is SOURCE


def test_a_flood_of_unknown_keys_is_not_all_remembered(registry: Registry) -> None:
    sources = cached(registry, FakeClock(), max_known=10)
    for number in range(1000):
        sources.by_write_key(f"guess-{number}")
    assert len(sources) == 10


def test_a_key_that_is_used_stays_remembered(registry: Registry) -> None:
    sources = cached(registry, FakeClock(), max_known=3)
    for number in range(20):
        sources.by_write_key("good")
        sources.by_write_key(f"guess-{number}")
    assert registry.looked_up.count("good") == 1


def test_the_write_key_itself_is_not_kept(registry: Registry) -> None:
    sources = cached(registry, FakeClock())
    sources.by_write_key("good")
    assert "good" not in repr(vars(sources))


@pytest.mark.parametrize(
    ("origin", "allowed", "fits"),
    [
        ("https://a.test", (), True),
        ("https://a.test", ("*",), True),
        ("https://a.test", ("https://a.test",), True),
        ("https://A.test", ("https://a.test/",), True),
        ("http://a.test", ("https://a.test",), False),
        ("https://a.test:8443", ("https://a.test",), False),
        ("https://www.a.test", ("https://a.test",), False),
        ("https://www.a.test", ("https://*.a.test",), True),
        ("https://x.y.a.test", ("https://*.a.test",), True),
        ("https://a.test", ("https://*.a.test",), False),
        ("https://evila.test", ("https://*.a.test",), False),
        ("https://a.test.evil", ("https://*.a.test", "https://a.test"), False),
        ("null", ("https://a.test",), False),
    ],
)
def test_origins_fit_exactly_or_below_a_host(origin: str, allowed: tuple[str, ...], fits: bool) -> None:
    assert is_allowed(origin.encode(), allowed) is fits


def test_a_source_without_a_rate_is_never_held_back() -> None:
    rates = SourceRates()
    assert all(rates.take(SOURCE, 10_000, 0) is None for _ in range(100))


def test_waiting_as_told_is_enough() -> None:
    source = Source(source_id=2, name="slow", messages_per_second=10)
    rates = SourceRates()
    assert rates.take(source, 95, 0) is None
    wait_seconds = rates.take(source, 1, 0)
    assert wait_seconds == 9
    assert rates.take(source, 1, wait_seconds * 1000) is None


@pytest.mark.parametrize("kind", [SourceKind.WEB, SourceKind.MOBILE])
def test_a_public_source_sends_a_minutes_share_at_once_and_then_its_rate(kind: SourceKind) -> None:
    rates, source = SourceRates(), Source(source_id=2, name="site", kind=kind)
    burst = PUBLIC_MESSAGES_PER_SECOND * PUBLIC_BURST_SECONDS
    assert [rates.take(source, 500, 0) for _ in range(burst // 500)] == [None] * (burst // 500)
    assert rates.take(source, 1, 0) == 1
    assert rates.take(source, PUBLIC_MESSAGES_PER_SECOND, 1000) is None
    assert rates.take(source, 1, 1000) == 1


def test_a_rate_of_its_own_replaces_the_default_of_a_public_source() -> None:
    rates, source = SourceRates(), Source(source_id=2, name="site", kind=SourceKind.WEB, messages_per_second=100_000)
    assert all(rates.take(source, 500, 0) is None for _ in range(200))

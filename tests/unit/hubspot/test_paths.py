"""Paths by API version."""

from __future__ import annotations

import pytest

from hubwire.errors import SettingsError
from hubwire.hubspot.paths import ROOTS, Paths


@pytest.mark.parametrize(
    ("version", "upsert", "associate", "send", "account"),
    [
        (
            "2026-09",
            "/crm/objects/2026-09/contacts/batch/upsert",
            "/crm/associations/2026-09/contacts/companies/batch/associate/default",
            "/events/custom/2026-09/send/batch",
            "/account-info/2026-09/details",
        ),
        (
            "2026-03",
            "/crm/objects/2026-03/contacts/batch/upsert",
            "/crm/associations/2026-03/contacts/companies/batch/associate/default",
            "/events/custom/2026-03/send/batch",
            "/account-info/2026-03/details",
        ),
        (
            "v3",
            "/crm/v3/objects/contacts/batch/upsert",
            "/crm/v4/associations/contacts/companies/batch/associate/default",
            "/events/v3/send/batch",
            "/account-info/v3/details",
        ),
    ],
)
def test_each_version_has_its_own_paths(version: str, upsert: str, associate: str, send: str, account: str) -> None:
    paths = Paths(version)
    assert paths.objects("contacts", "batch/upsert") == upsert
    assert paths.associations("contacts", "companies") == associate
    assert paths.send_events == send
    assert paths.account == account


def test_the_current_version_is_the_default() -> None:
    assert Paths().version == "2026-09"


def test_an_unknown_version_names_those_there_are() -> None:
    with pytest.raises(SettingsError, match="2026-09, 2026-03, v3"):
        Paths("2031-03")


def test_only_2026_03_has_another_place_for_events() -> None:
    other = Paths("2026-03").with_other_events()
    assert other is not None
    assert other.send_events == "/events/2026-03/send/batch"
    assert other.event_definitions == "/events/2026-03/event-definitions"
    assert other.with_other_events() is None
    assert Paths("2026-09").with_other_events() is None
    assert Paths("v3").with_other_events() is None


def test_parts_of_a_path_cannot_leave_their_place() -> None:
    assert Paths().event_property("pe1 a?b#c") == "/events/custom/2026-09/event-definitions/pe1%20a%3Fb%23c/property"
    assert Paths().list_event_definitions("a&b").endswith("&after=a%26b")


@pytest.mark.parametrize("version", ROOTS)
def test_every_version_says_until_when_it_is_supported(version: str) -> None:
    assert Paths(version).supported_until >= "2027"


@pytest.mark.parametrize("version", ROOTS)
def test_every_path_is_absolute_and_of_one_version(version: str) -> None:
    paths = Paths(version)
    every = [
        paths.objects("contacts", "search"),
        paths.gdpr_delete,
        paths.properties("companies"),
        paths.create_properties("companies"),
        paths.property_groups("companies"),
        paths.send_event,
        paths.event_definitions,
        paths.account,
        paths.property_limits,
        paths.token,
        paths.introspect,
    ]
    assert all(path.startswith("/") and "//" not in path for path in every)
    assert len(set(every)) == len(every)

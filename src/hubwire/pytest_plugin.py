"""A pytest plugin: the fixture `hubspot` is an emulated HubSpot on a loopback port, fresh for every test.

    @pytest.mark.hubspot(tier="professional", scopes="crm.objects.contacts.read,crm.objects.contacts.write")
    def test_a_signup_becomes_a_contact(hubspot):
        sign_up("ada@example.com", base_url=hubspot.base_url, token=hubspot.access_token)
        assert hubspot.contacts()[0]["properties"]["email"] == "ada@example.com"

pytest loads this module in every project that has Hubwire installed, so it imports the emulator only when a test asks
for it. One server serves the whole session; each test gets a portal of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from hubwire.testing import Emulator

MARKER = (
    "hubspot(**portal): the portal of the `hubspot` fixture, by the fields of EmulatorConfig, "
    "such as tier, scopes, limits_enabled, custom_objects"
)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", MARKER)


@pytest.fixture(scope="session")
def hubspot_server() -> Iterator[Emulator]:
    """The server behind `hubspot`."""
    from hubwire.testing import running_emulator

    with running_emulator() as emulator:
        yield emulator


@pytest.fixture
def hubspot(request: pytest.FixtureRequest, hubspot_server: Emulator) -> Emulator:
    """A fresh emulated HubSpot: a `hubwire.testing.Emulator`, whose `base_url` and `access_token` a program can use.

    Errors: a usage error for a marker with a field that the fixture does not have, or with a wrong value.
    """
    try:
        hubspot_server.restart(**_portal_of(request.node))
    except (TypeError, ValueError) as exc:
        raise pytest.UsageError(f"@pytest.mark.hubspot: {exc}") from exc
    return hubspot_server


def _portal_of(node: pytest.Item) -> dict[str, Any]:
    """The fields of the markers of a test, its class and its module; the closest one wins."""
    from hubwire.testing import EmulatorConfig

    portal: dict[str, Any] = {}
    for marker in node.iter_markers("hubspot"):
        if marker.args:
            raise TypeError(f"fields have names, such as tier='free'; {marker.args[0]!r} has none")
        portal = {**marker.kwargs, **portal}
    known = {field.name for field in fields(EmulatorConfig)} - {"persistence_path"}
    if unknown := sorted(portal.keys() - known):
        raise TypeError(f"the fixture has no field {unknown[0]}; its fields are {', '.join(sorted(known))}")
    return portal

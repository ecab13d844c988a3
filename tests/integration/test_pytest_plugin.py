"""The pytest plugin, as a project that installs Hubwire sees it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PLUGIN = "hubwire.pytest_plugin"
TESTS = """
import json
import urllib.request

import pytest


def call(hubspot, method, path, body=None):
    request = urllib.request.Request(hubspot.base_url + path, method=method)
    request.add_header("Authorization", f"Bearer {hubspot.access_token}")
    return json.load(urllib.request.urlopen(request, json.dumps(body).encode() if body else None))


def test_a_contact_is_kept(hubspot):
    call(hubspot, "POST", "/crm/v3/objects/contacts", {"properties": {"email": "ada@ex.org"}})
    assert [contact["properties"]["email"] for contact in hubspot.contacts()] == ["ada@ex.org"]
    assert hubspot.requests()[0]["path"] == "/crm/v3/objects/contacts"


def test_the_next_test_has_a_portal_of_its_own(hubspot):
    assert (hubspot.contacts(), hubspot.stats()["total"], hubspot.portal_id) == ([], 0, 1234567)


@pytest.mark.hubspot(portal_id=42, tier="free", scopes="crm.objects.contacts.read", custom_objects=["machines"])
def test_the_marker_sets_the_portal(hubspot):
    assert call(hubspot, "GET", "/account-info/v3/details")["portalId"] == 42
    assert hubspot.records("machines") == []
    hubspot.clock.advance(60)
    hubspot.fault(path="*/contacts", status=503)
    assert len(hubspot.faults) == 1
    with pytest.raises(urllib.error.HTTPError) as refused:
        call(hubspot, "GET", "/crm/v3/objects/contacts")
    assert refused.value.code == 503


@pytest.mark.hubspot(tier="starter", portal_id=7)
class TestAClass:
    @pytest.mark.hubspot(portal_id=8)
    def test_the_markers_of_class_and_test_add_up(self, hubspot):
        assert (str(hubspot.state.config.tier), hubspot.portal_id) == ("starter", 8)


@pytest.mark.hubspot(colour="red")
def test_a_wrong_marker_is_a_usage_error(hubspot):
    pass


@pytest.mark.hubspot("professional")
def test_a_marker_without_a_name_is_one_too(hubspot):
    pass


@pytest.mark.hubspot(persistence_path="portal")
def test_and_one_that_the_fixture_cannot_follow(hubspot):
    pass
"""


def test_a_project_gets_the_fixture_its_markers_and_a_fresh_portal_each_time(tmp_path: Path) -> None:
    (tmp_path / "test_signup.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--strict-markers", "."]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert "4 passed, 3 errors" in ran.stdout, ran.stdout + ran.stderr
    for problem in (
        "no field colour; its fields are access_token",
        "'professional' has none",
        "field persistence_path",
    ):
        assert problem in ran.stdout


def test_the_plugin_is_registered_and_imports_no_emulator_by_itself() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"hubwire": PLUGIN}
    code = f"import sys, {PLUGIN}; sys.exit(any(name.startswith('hubwire.emulator') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


@pytest.mark.parametrize("scopes", ["tickets, forms", ["tickets", "forms"], frozenset({"tickets", "forms"})])
def test_scopes_are_taken_as_text_and_as_any_collection(scopes: str | list[str] | frozenset[str]) -> None:
    from hubwire.testing import EmulatorConfig

    assert EmulatorConfig(scopes=scopes).granted_scopes == frozenset({"tickets", "forms"})


def test_custom_objects_are_taken_by_name() -> None:
    from hubwire.testing import Emulator

    emulator = Emulator(custom_objects="machines, rooms")
    answer = emulator.call("POST", "/crm/v3/objects/rooms", {"properties": {}})
    assert (answer.status, len(emulator.records("rooms"))) == (201, 1)

"""`hubwire rule`: an import is shown, applied once and repeatable; a test shows the origin of each value."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.integration.ops.conftest import TOKEN, Shell

from hubwire.testing import Emulator

TERRAFORM = Path(__file__).parents[2] / "takeover_files" / "segment.tf"


@pytest.fixture
def hub(shell: Shell, emulator: Emulator) -> Shell:
    shell.set(HUBSPOT_BASE_URL=emulator.base_url, HUBSPOT_ACCESS_TOKEN=TOKEN)
    path = shell.folder / "hub.toml"
    source = '[[source]]\nname = "api"\nkind = "server"\n'
    path.write_text(f'{source}[[destination]]\nname = "hubspot"\ntoken_env = "HUBSPOT_ACCESS_TOKEN"\n')
    shell("apply", str(path), "--yes", "--json")
    return shell


def test_an_import_is_shown_then_applied_and_can_be_repeated(hub: Shell) -> None:
    shown = hub("rule", "import", str(TERRAFORM), "--json").json
    assert shown["applied"] is False
    assert hub("rule", "list", "--json").json["rules"] == []
    first = hub("rule", "import", str(TERRAFORM), "--yes", "--json").json
    assert (first["applied"], first["defaults"]) == (True, [])
    again = hub("rule", "import", str(TERRAFORM), "--yes", "--json").json
    assert again["applied"] is False, "nothing changes"
    stored = hub("rule", "list", "--json").json["rules"]
    assert [rule["name"] for rule in stored] == [rule["name"] for rule in first["rules"]]


def test_an_import_to_a_file_is_what_apply_takes(hub: Shell) -> None:
    out = hub.folder / "out.toml"
    hub("rule", "import", str(TERRAFORM), "--out", str(out))
    assert hub("rule", "list", "--json").json["rules"] == []
    assert hub("apply", str(out), "--yes", "--json").json["applied"] is True
    assert hub("rule", "import", str(TERRAFORM), "--yes", "--json").json["applied"] is False


def test_a_rule_of_a_file_is_tested_without_being_stored(hub: Shell) -> None:
    rule = {"name": "Plan", "trigger": 'event = "Plan Changed"', "object": "contact"}
    (hub.folder / "rule.json").write_text(json.dumps({**rule, "properties": {"jobtitle": "$.properties.plan"}}))
    message = {"type": "track", "userId": "u1", "event": "Plan Changed"}
    properties = {"email": "a@b.co", "plan": "Gold"}
    (hub.folder / "m.ndjson").write_text(json.dumps({**message, "properties": properties}))
    files = (str(hub.folder / "rule.json"), "--message", str(hub.folder / "m.ndjson"))
    [tested] = hub("rule", "test", *files, "--json").json
    assert tested["rules"][0]["fields"][0]["value"] == "Gold"
    assert {"name": "jobtitle", "value": "Gold", "rule": "rule:Plan"} in tested["plan"]["operations"][0]["fields"]
    assert hub("rule", "list", "--json").json["rules"] == []

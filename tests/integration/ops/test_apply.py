"""`hubwire apply`: what a file says comes true, once; what it does not say stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.integration.ops.conftest import HUB, TOKEN, Shell

from hubwire.destination import Destination
from hubwire.testing import Emulator

FILE = """
port = 8080
[[source]]
name = "website"
kind = "web"
allowed_origins = ["https://www.example.com"]
device_mode = true

[[source]]
name = "api"
kind = "server"
write_key_env = "API_KEY"

[[destination]]
name = "hubspot"
token_env = "HUBSPOT_ACCESS_TOKEN"
sources = ["api"]
hold_hours = 24
cookie_after_hours = 2

[destination.mapping]
create_properties = true
only_events = ["Signed Up"]
events_by_cookie = false
contact = { favColor = "favorite_color", secret = false }
"""


@pytest.fixture
def file(shell: Shell, emulator: Emulator) -> Path:
    shell.set(HUBSPOT_BASE_URL=emulator.base_url, HUBSPOT_ACCESS_TOKEN=TOKEN, API_KEY="a-write-key")
    path = shell.folder / "wanted.toml"
    path.write_text(FILE)
    return path


def test_a_file_is_planned_applied_and_then_changes_nothing(shell: Shell, file: Path) -> None:
    planned = shell("apply", str(file), "--json").json
    assert [(change["kind"], change["name"], change["action"]) for change in planned["changes"]] == [
        ("source", "website", "add"),
        ("source", "api", "add"),
        ("destination", "hubspot", "add"),
    ]
    assert planned["applied"] is False
    assert shell("source", "list", "--json").json == []

    assert shell("apply", str(file), "--yes", "--json").json["applied"] is True
    website, api = shell("source", "list", "--json").json
    assert (website["identity_space"], website["device_mode"]) == ("source:website", True)
    assert (api["identity_space"], api["kind"]) == ("server", "server")
    [hubspot] = shell("destination", "list", "--json").json
    assert (hubspot["hub_id"], hubspot["source_ids"], hubspot["hold_hours"]) == (str(HUB), [2], 24)
    assert (hubspot["cookie_after_hours"], hubspot["mapping"]["events_by_cookie"]) == (2, False)
    assert hubspot["mapping"]["contact"] == {"favColor": "favorite_color", "secret": None}
    store = shell.store()
    source = store.registry.source_of_key("a-write-key")
    assert source is not None
    assert source.name == "api"
    version = store.registry.version()

    again = shell("apply", str(file), "--yes", "--json").json
    assert {change["action"] for change in again["changes"]} == {"nothing"}
    assert again["applied"] is False
    assert store.registry.version() == version
    store.close()


def test_the_plan_is_shown_without_secrets_and_asked_about(shell: Shell, file: Path) -> None:
    ran = shell("apply", str(file), stdin="n\n")
    assert ran.code == 1
    assert "+ destination hubspot" in ran.out
    assert "token: not set -> set from HUBSPOT_ACCESS_TOKEN" in ran.out
    assert TOKEN not in ran.out + ran.err
    assert "a-write-key" not in ran.out + ran.err
    assert shell("apply", str(file), "--plan").code == 0
    assert shell("source", "list", "--json").json == []
    assert shell("apply", str(file), stdin="y\n").code == 0
    assert "Nothing to change." in shell("apply", str(file)).out


def test_what_the_file_does_not_name_stays(shell: Shell, file: Path) -> None:
    shell("apply", str(file), "--yes")
    shell("destination", "change", "hubspot", "--forms", "--calls-per-day", "100")
    shell("source", "add", "by-hand", "--kind", "mobile")
    file.write_text('[[destination]]\nname = "hubspot"\nhold_hours = 48\nsources = "all"\n')
    changed = shell("apply", str(file), "--yes", "--json").json["changes"]
    assert [field["name"] for change in changed for field in change["fields"]] == ["hold_hours", "sources"]
    [hubspot] = shell("destination", "list", "--json").json
    assert (hubspot["load_forms_sdk"], hubspot["calls_per_day"], hubspot["hold_hours"]) == (True, 100, 48)
    assert hubspot["source_ids"] is None
    assert hubspot["mapping"]["create_properties"] is True
    assert len(shell("source", "list", "--json").json) == 3


def test_a_changed_token_is_a_change_and_an_equal_one_is_none(shell: Shell, file: Path) -> None:
    shell("apply", str(file), "--yes")
    shell("destination", "token", "hubspot", "--unchecked", "--token-stdin", stdin="pat-na1-older-token")
    [_, _, hubspot] = shell("apply", str(file), "--json").json["changes"]
    assert hubspot["fields"] == [{"name": "token", "before": "set", "after": "set from HUBSPOT_ACCESS_TOKEN"}]
    assert shell("apply", str(file), "--yes").code == 0
    store = shell.store()
    token = store.registry.token(1)
    assert token is not None
    assert token.reveal() == TOKEN
    store.close()


@pytest.mark.parametrize("status", [403, 429, 503])
def test_a_token_that_hubspot_cannot_test_replaces_no_other(
    shell: Shell, file: Path, emulator: Emulator, status: int
) -> None:
    """Not by a file, and not by a command."""
    shell("apply", str(file), "--yes")
    emulator.fault(method="GET", path="*account-info*", status=status)
    shell.set(HUBSPOT_ACCESS_TOKEN="pat-na1-other-token")
    for arguments in (("apply", str(file), "--yes"), ("destination", "token", "hubspot", "--token-stdin")):
        ran = shell(*arguments, stdin="pat-na1-other-token")
        assert ran.code == 1
        assert "could not be tested, so the previous one stays" in ran.err
        assert "hubwire destination token hubspot --unchecked" in ran.err
    store = shell.store()
    token = store.registry.token(1)
    assert token is not None
    assert token.reveal() == TOKEN
    store.close()


def test_a_refused_token_leaves_the_whole_file_for_later(shell: Shell, file: Path) -> None:
    """The generated key of a new source would otherwise be lost: it is printed at the end."""
    shell.set(HUBSPOT_ACCESS_TOKEN="pat-na1-wrong-token")
    assert shell("apply", str(file), "--yes").code == 1
    assert shell("source", "list", "--json").json == []


def test_a_file_with_a_destination_changes_nothing_in_a_sandbox(shell: Shell, file: Path) -> None:
    store = shell.store()
    store.registry.save_destination(Destination(destination_id=0, name="sandbox", is_sandbox=True))
    store.close()
    ran = shell("apply", str(file), "--yes")
    assert ran.code == 1
    assert "this installation is a sandbox" in ran.err
    assert shell("source", "list", "--json").json == []


def test_a_second_destination_of_a_portal_is_said(shell: Shell, file: Path) -> None:
    shell("apply", str(file), "--yes")
    file.write_text('[[destination]]\nname = "again"\ntoken_env = "HUBSPOT_ACCESS_TOKEN"\n')
    assert "hubspot has the same Hub ID" in shell("apply", str(file), "--yes").err
    sections = {
        section["title"]: section["checks"] for section in shell("doctor", "--offline", "--json").json["sections"]
    }
    assert "hubspot has the same Hub ID" in [item["said"] for item in sections["Destination again"]]


def test_a_disabled_source_with_its_key_is_applied_once(shell: Shell, file: Path) -> None:
    file.write_text('[[source]]\nname = "api"\nenabled = false\nwrite_key_env = "API_KEY"\n')
    assert shell("apply", str(file), "--yes").code == 0
    [again] = shell("apply", str(file), "--yes", "--json").json["changes"]
    assert again["action"] == "nothing"


def test_a_token_of_another_hub_leaves_the_destination_out(shell: Shell, file: Path) -> None:
    file.write_text('[[destination]]\nname = "hubspot"\nhub_id = 7\ntoken_env = "HUBSPOT_ACCESS_TOKEN"\n')
    ran = shell("apply", str(file), "--yes")
    assert ran.code == 1
    assert f"belongs to portal {HUB}" in ran.err
    assert shell("destination", "list", "--json").json == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[source]]\nname = "x"\nkinds = "web"', "[[source]] 1 (x)"),
        ('[source]\nname = "x"', "double brackets"),
        ('[[source]]\nname = "x"\n[[source]]\nname = "x"', "two [[source]] tables"),
        ("[[source]\n", "not TOML"),
        ('[[source]]\nkind = "web"', "without a name"),
        ('[[source]]\nname = "x"\nwrite_key_env = "NOT_THERE"', "NOT_THERE is not set"),
        ('[[destination]]\nname = "x"\nsources = ["nobody"]', "no source is named 'nobody'"),
        ('[[destination]]\nname = "x"\n[destination.mapping]\ncontact = { a = true }', "mapping.contact.a"),
        ('[[destination]]\nname = "x"\nregion = "the moon"', "region"),
    ],
)
def test_what_cannot_be_is_said_with_its_place_and_changes_nothing(
    shell: Shell, file: Path, text: str, words: str
) -> None:
    file.write_text(text)
    ran = shell("apply", str(file), "--yes")
    assert ran.code == 1
    assert words in ran.err
    assert "Traceback" not in ran.err
    store = shell.store()
    assert (store.registry.sources(), store.registry.destinations()) == ({}, {})
    store.close()


def test_a_missing_file_is_one_clear_line(shell: Shell) -> None:
    ran = shell("apply", "nowhere.toml")
    assert (ran.code, "nowhere.toml: No such file" in ran.err) == (1, True)


def test_a_key_that_belongs_to_another_source_is_refused(shell: Shell, file: Path) -> None:
    shell("apply", str(file), "--yes")
    file.write_text('[[source]]\nname = "website"\nwrite_key_env = "API_KEY"\n')
    ran = shell("apply", str(file), "--yes")
    assert ran.code == 1
    assert "belongs to 'api'" in ran.err


def test_a_new_source_without_a_key_of_its_own_gets_one_that_is_told_once(shell: Shell, file: Path) -> None:
    planned = shell("apply", str(file), "--plan")
    assert "write key: not set -> generated, printed once" in planned.out
    assert "wk_" not in planned.out
    applied = shell("apply", str(file), "--yes", "--json").json
    assert list(applied["write_keys"]) == ["website"], "the other one is in the environment"
    store = shell.store()
    found = store.registry.source_of_key(applied["write_keys"]["website"])
    assert found is not None
    assert found.name == "website"
    store.close()
    assert shell("apply", str(file), "--yes", "--json").json["write_keys"] == {}


def test_a_key_that_was_made_is_printed_for_people_too(shell: Shell, file: Path) -> None:
    file.write_text('[[source]]\nname = "backend"\nkind = "server"\n')
    ran = shell("apply", str(file), "--yes")
    key = ran.out.splitlines()[-1]
    assert ran.out.endswith(f"The write key of backend:\n{key}\n")
    store = shell.store()
    assert store.registry.source_of_key(key) is not None
    store.close()


def test_a_source_whose_keys_are_all_revoked_is_told_of_and_gets_none(shell: Shell, file: Path) -> None:
    file.write_text('[[source]]\nname = "backend"\nkind = "server"\n')
    key = shell("apply", str(file), "--yes", "--json").json["write_keys"]["backend"]
    shell("source", "key", "backend", "--revoke", key[-4:])
    again = shell("apply", str(file), "--yes")
    assert "it has no write key, nothing can send: hubwire source key backend --new" in again.out
    assert "Nothing to change." in again.out
    store = shell.store()
    assert all(key.is_revoked for key in store.registry.write_keys(1))
    store.close()


RULES = """
[[destination.rule]]
name = "Plan"
trigger = 'event = "Plan Changed"'
object = "contact"
properties = { plan = "$.properties.plan" }

[[destination.rule]]
name = "Staff"
trigger = 'traits.email match "*@example.com"'
skip = "own staff"
"""


def test_rules_are_shown_stored_and_left_alone_by_a_file_without_rules(shell: Shell, file: Path) -> None:
    file.write_text(FILE + RULES)
    [change] = [
        change for change in shell("apply", str(file), "--yes", "--json").json["changes"] if change["name"] == "hubspot"
    ]
    rules = {field["name"]: field["after"] for field in change["fields"] if field["name"].startswith("rule")}
    assert rules["rule Staff"] == {
        "name": "Staff",
        "trigger": 'traits.email match "*@example.com"',
        "skip": "own staff",
    }
    assert rules.keys() == {"rule Plan", "rule Staff"}
    shown = shell("destination", "show", "hubspot").out
    assert 'rule Plan: event = "Plan Changed" -> contact: plan' in shown
    assert "-> skip (own staff)" in shown

    file.write_text(FILE)
    assert {change["action"] for change in shell("apply", str(file), "--yes", "--json").json["changes"]} == {"nothing"}
    first, second = RULES.split("\n\n")
    file.write_text(f"{FILE}\n{second}\n{first}")
    [change] = [change for change in shell("apply", str(file), "--json").json["changes"] if change["name"] == "hubspot"]
    assert change["fields"] == [{"name": "order of rules", "before": ["Plan", "Staff"], "after": ["Staff", "Plan"]}]
    file.write_text(FILE.replace("hold_hours = 24", "hold_hours = 24\nrule = []"))
    shell("apply", str(file), "--yes")
    [hubspot] = shell("destination", "list", "--json").json
    assert hubspot["rules"] == []


def test_a_rule_that_cannot_work_is_refused_before_anything_changes(shell: Shell, file: Path) -> None:
    file.write_text(FILE + RULES.replace('event = "Plan Changed"', 'event == "Plan Changed"'))
    ran = shell("apply", str(file), "--yes")
    assert ran.code == 1
    assert "rule 'Plan': trigger: line 1, column 7: expected `=`, found '=='" in ran.err
    assert shell("source", "list", "--json").json == []

    file.write_text(FILE + RULES.replace('object = "contact"', 'object = "deal"'))
    refused = shell("apply", str(file), "--yes").err
    assert "rule 'Plan': key: name the property that the deal is known by" in refused
    file.write_text(FILE + RULES.replace('object = "contact"', 'object = "Big Deal"'))
    refused = shell("apply", str(file), "--yes").err
    assert "rule 'Plan': object: 'Big Deal' names no object type" in refused


ALERTS = """
[alerts]
webhook_url_env = "HOOK"
email_to = ["ops@example.com"]
email_from = "hubwire@example.com"
smtp_url_env = "MAIL"
dead_messages = "none"
lag_seconds = 60
"""


def test_alerts_of_a_file_are_planned_applied_and_stay_secret(shell: Shell) -> None:
    shell.set(HOOK="https://hooks.example.com/hush", MAIL="smtp://user:hush@mail.example.com")
    path = shell.folder / "alerts.toml"
    path.write_text(ALERTS)
    planned = shell("apply", str(path), "--plan")
    assert "~ alerts" in planned.out
    assert "alert_webhook_url: none -> set from HOOK" in planned.out
    assert "hush" not in planned.out
    assert shell("alerts", "--json").json["channels"] == []

    assert shell("apply", str(path), "--yes", "--json").json["applied"] is True
    shown = shell("alerts", "--json").json
    assert [channel["kind"] for channel in shown["channels"]] == ["webhook", "e-mail"]
    thresholds = {rule["name"]: rule["threshold"] for rule in shown["rules"]}
    assert (thresholds["lag"], thresholds["dead"], thresholds["budget"]) == (60.0, None, 80)
    assert "Nothing to change." in shell("apply", str(path)).out


def test_alerts_that_cannot_work_are_refused_as_a_whole(shell: Shell) -> None:
    path = shell.folder / "alerts.toml"
    for table, words in (
        ('webhook_url_env = "NOT_SET"', "NOT_SET is not set"),
        ('email_to = ["a@example.com"]', "one of them is missing"),
        ("budget_percent = 100", "alert_budget_percent"),
        ("lag = 5", "lag"),
    ):
        path.write_text(f"[alerts]\n{table}\n")
        refused = shell("apply", str(path), "--yes")
        assert refused.code == 1, refused.err
        assert words in refused.err
    assert shell("alerts", "--json").json["channels"] == []

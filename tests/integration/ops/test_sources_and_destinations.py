"""`hubwire source`, `destination`, `keys`, `settings`: what they change, what they print, what they refuse."""

from __future__ import annotations

import base64
import sqlite3
from contextlib import closing

import pytest
from tests.integration.ops.conftest import HUB, TOKEN, Shell

from hubwire.errors import SettingsError
from hubwire.hubspot.credentials import oauth_app
from hubwire.registry.vault import Vault
from hubwire.secret import Secret
from hubwire.testing import Emulator


def test_without_a_database_a_command_says_where_to_run(shell: Shell) -> None:
    ran = shell("source", "list")
    assert ran.code == 1
    assert "no Hubwire database" in ran.err


# -- sources


def test_a_source_is_added_and_its_key_is_shown_once(installed: Shell) -> None:
    ran = installed("source", "add", "api", "--kind", "server", "--json")
    assert ran.code == 0
    key = ran.json["write_key"]
    assert ran.json["source"]["identity_space"] == "server"
    with_store = installed.store()
    found = with_store.registry.source_of_key(key)
    assert found is not None
    assert found.name == "api"
    with_store.close()
    shown = installed("source", "show", "api")
    assert key not in shown.out
    assert f"…{key[-4:]} (shown in full only when it was made)" in shown.out
    listed = installed("source", "key", "api").out
    assert (key in listed, key[-4:] in listed) == (False, True)


def test_a_public_source_has_its_own_identity_space_and_shows_its_key(installed: Shell) -> None:
    added = installed(
        "source", "add", "website", "--kind", "web", "--origin", "https://www.example.com", "--device-mode", "--json"
    )
    assert added.json["source"]["identity_space"] == "source:website"
    assert added.json["source"]["allowed_origins"] == ["https://www.example.com"]
    assert added.json["source"]["device_mode"] is True
    key = added.json["write_key"]
    assert key in installed("source", "show", "website").out
    assert key in installed("source", "key", "website").out


def test_a_given_write_key_comes_from_the_environment(installed: Shell) -> None:
    installed.set(MY_KEY="an-old-write-key")
    assert installed("source", "add", "api", "--kind", "server", "--write-key-env", "MY_KEY").code == 0
    refused = installed("source", "add", "other", "--kind", "server", "--write-key-env", "NO_SUCH")
    assert refused.code == 1
    assert "NO_SUCH is not set" in refused.err


def test_a_source_is_changed_listed_and_removed(installed: Shell) -> None:
    installed("source", "add", "api", "--kind", "server")
    changed = installed("source", "change", "api", "--rename", "backend", "--rate", "50", "--no-enabled")
    assert changed.code == 0
    [listed] = installed("source", "list", "--json").json
    assert (listed["name"], listed["messages_per_second"], listed["is_enabled"]) == ("backend", 50, False)
    assert installed("source", "change", "backend", "--rate", "0").code == 0
    assert installed("source", "list", "--json").json[0]["messages_per_second"] is None
    assert installed("source", "remove", "backend", stdin="n\n").code == 1
    assert installed("source", "remove", "backend", "--yes").code == 0
    assert installed("source", "list", "--json").json == []


def test_a_key_is_changed_without_a_gap(installed: Shell) -> None:
    old = installed("source", "add", "api", "--kind", "server", "--json").json["write_key"]
    new = installed("source", "key", "api", "--new", "--json").json["new_write_key"]
    assert new != old
    assert installed("source", "key", "api", "--revoke", old[-4:]).code == 0
    assert installed("source", "key", "api", "--revoke", "none").code == 1
    twin = "another-key-" + new[-4:]
    store = installed.store()
    keys = [store.registry.key_id(Secret(new)), store.registry.add_write_key(1, Secret(twin)).key_id]
    store.close()
    refused = installed("source", "key", "api", "--revoke", new[-4:])
    assert (refused.code, all(key_id in refused.err for key_id in keys)) == (1, True)
    assert installed("source", "key", "api", "--revoke", keys[1]).code == 0
    listed = installed("source", "key", "api", "--json").json["write_keys"]
    assert [key["key_id"] for key in listed if not key["is_revoked"]] == keys[:1]
    store = installed.store()
    assert store.registry.source_of_key(old) is None
    assert store.registry.source_of_key(new) is not None
    store.close()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "nobody"), "Sources: api."),
        (("change", "api"), "nothing to change"),
        (("add", "api", "--kind", "server"), "already exists"),
        (("add", "bad", "--kind", "web", "--origin", "www.example.com"), "origin looks like"),
        (("add", "/", "--kind", "web"), "a name has"),
    ],
)
def test_what_a_source_cannot_be_is_one_clear_line(installed: Shell, arguments: tuple[str, ...], words: str) -> None:
    installed("source", "add", "api", "--kind", "server")
    ran = installed("source", *arguments)
    assert ran.code == 1
    assert words in ran.err
    assert "Traceback" not in ran.err


def test_bad_usage_is_exit_code_2(installed: Shell) -> None:
    assert installed("source", "add", "x", "--kind", "fridge").code == 2
    assert installed("source", "add").code == 2
    assert installed("no-such-command").code == 2


# -- destinations


def add_destination(shell: Shell) -> None:
    assert shell("destination", "add", "hubspot", "--token-stdin", stdin=TOKEN + "\n").code == 0


def test_a_destination_learns_its_hub_from_the_token(installed: Shell) -> None:
    add_destination(installed)
    [listed] = installed("destination", "list", "--json").json
    assert (listed["hub_id"], listed["is_paused"]) == (str(HUB), False)
    shown = installed("destination", "show", "hubspot")
    assert "token: set" in shown.out
    assert TOKEN not in shown.out
    store = installed.store()
    token = store.registry.token(1)
    assert token is not None
    assert token.reveal() == TOKEN
    assert all(TOKEN not in entry.detail for entry in store.registry.audit(99))
    store.close()


def test_a_second_destination_of_one_portal_is_warned_of(installed: Shell) -> None:
    add_destination(installed)
    ran = installed("destination", "add", "again", "--token-stdin", stdin=TOKEN + "\n")
    assert ran.code == 0
    assert "hubspot has the same Hub ID" in ran.err


def test_a_token_that_hubspot_does_not_accept_is_not_stored(installed: Shell) -> None:
    ran = installed("destination", "add", "hubspot", "--token-stdin", stdin="pat-na1-wrong-token\n")
    assert ran.code == 1
    assert "does not accept" in ran.err
    assert installed("destination", "list", "--json").json == []


def test_a_token_of_another_hub_is_refused(installed: Shell) -> None:
    ran = installed("destination", "add", "hubspot", "--hub-id", "99", "--token-stdin", stdin=TOKEN)
    assert ran.code == 1
    assert f"belongs to portal {HUB}" in ran.err


def test_an_api_key_of_before_2022_is_told_apart(installed: Shell) -> None:
    old_key = "1b2c3d4e-1234-4abc-9def-0123456789ab"
    ran = installed("destination", "add", "hubspot", "--token-stdin", stdin=old_key)
    assert ran.code == 1
    assert "API key from before 2022" in ran.err
    assert "service key" in ran.err
    assert old_key not in ran.err


def test_without_hubspot_a_token_is_stored_with_a_warning(installed: Shell) -> None:
    installed.set(HUBSPOT_BASE_URL="http://127.0.0.1:9")
    ran = installed("destination", "add", "hubspot", "--token-stdin", stdin=TOKEN)
    assert ran.code == 0
    assert "could not be tested" in ran.err
    assert installed("destination", "list", "--json").json[0]["hub_id"] is None


def test_a_destination_is_changed(installed: Shell) -> None:
    installed("source", "add", "api", "--kind", "server")
    add_destination(installed)
    ran = installed(
        "destination", "change", "hubspot", "--forms", "--source", "api", "--hold-hours", "24",
        "--calls-per-day", "500",
        "--mapping", "contact.favColor=favorite_color", "--mapping", "contact.secret=",
        "--mapping", "create_properties=yes", "--mapping", "only_events=Signed Up, Bought",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    destination = installed("destination", "show", "hubspot", "--json").json["destination"]
    assert (
        destination["load_forms_sdk"],
        destination["source_ids"],
        destination["hold_hours"],
        destination["calls_per_day"],
    ) == (
        True,
        [1],
        24,
        500,
    )
    assert destination["mapping"]["contact"] == {"favColor": "favorite_color", "secret": None}
    assert destination["mapping"]["create_properties"] is True
    assert destination["mapping"]["only_events"] == ["Signed Up", "Bought"]
    assert installed("destination", "change", "hubspot", "--source", "all", "--calls-per-day", "0").code == 0
    destination = installed("destination", "show", "hubspot", "--json").json["destination"]
    assert (destination["source_ids"], destination["calls_per_day"]) == (None, None)


@pytest.mark.parametrize(
    "rule", ["nonsense", "contact=x", "create_properties=perhaps", "no_such.x=y", "company_domain=galaxy"]
)
def test_a_mapping_rule_that_cannot_be_is_refused(installed: Shell, rule: str) -> None:
    add_destination(installed)
    ran = installed("destination", "change", "hubspot", "--mapping", rule)
    assert ran.code == 1
    assert "mapping" in ran.err


def test_pause_and_resume_also_clear_a_stopped_line(installed: Shell) -> None:
    add_destination(installed)
    assert installed("destination", "pause", "hubspot").code == 0
    assert installed("destination", "list", "--json").json[0]["is_paused"] is True
    store = installed.store()
    store.record.stop_lane(1, "unauthorised", "x", None)
    assert installed("destination", "resume", "hubspot").code == 0
    assert installed("destination", "list", "--json").json[0]["is_paused"] is False
    assert store.record.lane(1).stopped_reason is None
    store.close()


def test_a_token_is_replaced_checked_or_not(installed: Shell) -> None:
    add_destination(installed)
    refused = installed("destination", "token", "hubspot", "--token-stdin", stdin="pat-na1-wrong-token")
    assert refused.code == 1
    assert installed("destination", "token", "hubspot", "--token-stdin", "--unchecked", stdin="pat-eu1-later").code == 0
    store = installed.store()
    token = store.registry.token(1)
    assert token is not None
    assert token.reveal() == "pat-eu1-later"
    store.close()


def test_nobody_can_type_a_token_into_a_pipe(installed: Shell) -> None:
    ran = installed("destination", "add", "hubspot")
    assert ran.code == 1
    assert "--token-env" in ran.err


def test_an_oauth_app_is_stored_as_one_secret(installed: Shell) -> None:
    add_destination(installed)
    installed.set(APP_SECRET="app-secret", REFRESH="refresh-token")
    ran = installed(
        "destination", "token", "hubspot", "--token-env", "REFRESH", "--oauth-client-id", "app-1",
        "--client-secret-env", "APP_SECRET", "--unchecked",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    store = installed.store()
    secret = store.registry.token(1)
    assert secret is not None
    app = oauth_app(secret)
    assert app is not None
    assert (app.client_id, app.client_secret.reveal(), app.refresh_token.reveal()) == (
        "app-1",
        "app-secret",
        "refresh-token",
    )
    store.close()


def test_a_removed_destination_is_gone(installed: Shell) -> None:
    add_destination(installed)
    assert installed("destination", "remove", "hubspot", "--yes").code == 0
    assert installed("destination", "list", "--json").json == []


# -- keys


def opened_with(key: str, shell: Shell) -> str:
    """The stored token, opened with one key alone."""
    vault = Vault((base64.urlsafe_b64decode(key),))
    with closing(sqlite3.connect(shell.folder / "data" / "hubwire.db")) as db:
        return vault.open(db.execute("SELECT sealed_token FROM destination").fetchone()[0]).reveal()


def test_rotation_seals_anew_and_everything_still_opens(installed: Shell, emulator: Emulator) -> None:
    add_destination(installed)
    key = installed("source", "add", "website", "--kind", "web", "--json").json["write_key"]
    server_key = installed("source", "add", "api", "--kind", "server", "--json").json["write_key"]
    running = installed.store()
    before = (installed.folder / "data" / "secret.key").read_text().split()
    assert installed("keys", "rotate", "--json").json == {"resealed": 2}
    path = installed.folder / "data" / "secret.key"
    after = path.read_text().split()
    assert after[1:] == before
    assert path.stat().st_mode & 0o777 == 0o600
    for store in (running, installed.store()):
        token = store.registry.token(1)
        assert token is not None
        assert token.reveal() == TOKEN
        assert store.registry.source_of_key(key) is not None
        assert store.registry.source_of_key(server_key) is not None
        assert [key.text for key in store.registry.write_keys(1)] == [key]
        store.close()
    assert opened_with(after[0], installed) == TOKEN
    with pytest.raises(SettingsError):
        opened_with(before[0], installed)


def test_a_running_server_seals_with_the_new_key_at_once(installed: Shell) -> None:
    add_destination(installed)
    running = installed.store()
    installed("keys", "rotate")
    running.registry.set_token(1, Secret("another-token"))
    running.close()
    newest = (installed.folder / "data" / "secret.key").read_text().split()[0]
    assert opened_with(newest, installed) == "another-token"


def test_a_key_in_the_environment_is_rotated_in_two_steps(shell: Shell, emulator: Emulator) -> None:
    old, new = (shell("keys", "new").out.strip() for _ in range(2))
    shell.set(HUBSPOT_BASE_URL=emulator.base_url, HUBWIRE_SECRET_KEY=old)
    shell.store().close()
    installed = shell
    add_destination(installed)
    alone = installed("keys", "rotate")
    assert alone.code == 1
    assert "<new>,<current>" in alone.err
    installed.set(HUBWIRE_SECRET_KEY=f"{new},{old}")
    assert installed("keys", "rotate", "--json").json == {"resealed": 1}
    assert opened_with(new, installed) == TOKEN
    assert "token: set" in installed("destination", "show", "hubspot").out
    installed.set(HUBWIRE_SECRET_KEY=new)
    assert "another secret key" in installed("destination", "show", "hubspot").err


# -- settings


def test_settings_show_what_is_in_force_and_no_secret(installed: Shell) -> None:
    installed.set(HUBWIRE_ADMIN_TOKEN="very-secret", HUBWIRE_PORT="9999", HUBWIRE_WRITE_KEY="also-secret")
    rows = {row["name"]: row for row in installed("settings", "--json").json}
    assert (rows["port"]["value"], rows["port"]["default"], rows["port"]["env"]) == ("9999", "8080", "HUBWIRE_PORT")
    assert rows["admin_token"]["value"] == "***"
    assert rows["hubspot_base_url"]["env"] == "HUBSPOT_BASE_URL"
    text = installed("settings").out
    assert "very-secret" not in text
    assert "also-secret" not in text
    assert "port = 9999" in text


# -- device mode


def test_what_a_site_pastes_is_printed(installed: Shell) -> None:
    installed("destination", "add", "hubspot", "--hub-id", str(HUB), "--token-stdin", "--paused", stdin=TOKEN)
    installed("destination", "change", "hubspot", "--region", "eu1")
    key = installed("source", "add", "website", "--kind", "web", "--device-mode", "--json").json["write_key"]
    installed("source", "add", "api", "--kind", "server")
    [site] = installed("browser", "website", "--json").json
    assert (site["write_key"], site["hub_id"], site["why_off"]) == (
        key,
        str(HUB),
        "hubspot is paused: its pages load no HubSpot until it is resumed.",
    )
    installed("destination", "resume", "hubspot")
    printed = installed("browser").out
    assert "HubSpot loads in its pages." in printed
    assert f"https://js-eu1.hs-scripts.com/{HUB}.js" in printed
    assert "No web sources yet" in installed("browser", "api").out
    assert installed("browser", "nobody").code == 1

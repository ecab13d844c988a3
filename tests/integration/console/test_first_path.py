"""What a new person cannot break on the way in: a sandbox stays one, a page changes what it shows, tokens are tried."""

from __future__ import annotations

import re

import pytest
from tests.integration.console.harness import Console, Page

from hubwire.destination import Destination, Source, SourceKind
from hubwire.errors import SettingsError
from hubwire.manage import changes
from hubwire.secret import Secret

GOOD, BAD = "pat-na1-good-token", "pat-na1-bad-token"


@pytest.fixture
def signed_in(console: Console) -> Console:
    console.bench.refused_tokens = {BAD}
    console.sign_in()
    return console


@pytest.fixture
def sandbox(signed_in: Console) -> Console:
    registry = signed_in.store.registry
    registry.save_source(Source(source_id=0, name="server"))
    registry.save_destination(Destination(destination_id=0, name="sandbox", is_sandbox=True))
    return signed_in


def names(console: Console) -> list[str]:
    return [destination.name for destination in console.store.registry.destinations().values()]


def test_a_sandbox_takes_no_real_destination_from_the_console(sandbox: Console) -> None:
    answer = sandbox.post("/setup/new", kind="hubspot", name="HubSpot", feeds="new", source_name="another")
    assert answer.status_code == 422
    assert "this installation is a sandbox" in answer.text
    assert "HUBWIRE_DATA=live" in answer.text, "it says how to begin"
    assert names(sandbox) == ["sandbox"]
    assert [source.name for source in sandbox.store.registry.sources().values()] == ["server"]


def test_a_sandbox_takes_no_real_destination_from_the_api(sandbox: Console) -> None:
    answer = sandbox.call("POST", "/destinations", json={"name": "HubSpot", "token": GOOD})
    assert answer.status_code == 400
    assert "sandbox" in answer.json()["message"]
    assert "HUBWIRE_DATA=live" in answer.json()["hint"]
    assert names(sandbox) == ["sandbox"]


def test_a_sandbox_takes_no_real_destination_from_a_command_or_a_file(sandbox: Console) -> None:
    with pytest.raises(SettingsError, match="sandbox"):
        changes.add_destination(sandbox.deps, "cli", Destination(destination_id=0, name="real"), GOOD)
    assert names(sandbox) == ["sandbox"]


def test_the_last_destination_of_a_sandbox_stays(sandbox: Console) -> None:
    [number] = sandbox.store.registry.destinations()
    for answer in (sandbox.post(f"/connection/{number}/remove"), sandbox.call("DELETE", f"/destinations/{number}")):
        assert answer.status_code == 400
        assert "cannot be removed" in answer.text
    assert names(sandbox) == ["sandbox"]


def test_a_live_installation_may_have_a_sandbox_beside_it(signed_in: Console) -> None:
    signed_in.store.registry.save_destination(Destination(destination_id=0, name="HubSpot"))
    changes.save_destination(signed_in.deps, "cli", Destination(destination_id=0, name="trial", is_sandbox=True))
    changes.save_destination(signed_in.deps, "cli", Destination(destination_id=0, name="second"))
    assert names(signed_in) == ["HubSpot", "trial", "second"]


def test_the_modes_page_changes_only_the_sources_that_it_shows(signed_in: Console) -> None:
    registry = signed_in.store.registry
    server = registry.save_source(Source(source_id=0, name="server")).source_id
    shown, other = (
        registry.save_source(
            Source(source_id=0, name=name, kind=SourceKind.WEB, identity_space=f"source:{name}", device_mode=True)
        ).source_id
        for name in ("shown", "other")
    )
    saved = registry.save_destination(Destination(destination_id=0, name="HubSpot", source_ids=(server, shown)))
    page = signed_in.get(f"/setup/{saved.destination_id}/modes").text
    assert ("shown" in page, "other" in page) == (True, False)
    signed_in.post(f"/setup/{saved.destination_id}/modes", load_forms_sdk="0")
    assert {number: source.device_mode for number, source in registry.sources().items()} == {
        server: False,
        shown: False,
        other: True,
    }


@pytest.mark.parametrize("way", ["connection", "setup", "api"])
def test_a_token_that_hubspot_refuses_replaces_no_good_one(signed_in: Console, way: str) -> None:
    registry = signed_in.store.registry
    number = registry.save_destination(Destination(destination_id=0, name="HubSpot")).destination_id
    registry.set_token(number, Secret(GOOD))
    if way == "api":
        answer = signed_in.call("PUT", f"/destinations/{number}/token", json={"token": BAD})
        assert answer.status_code == 400
    else:
        answer = signed_in.post(f"/{way}/{number}/token", token=BAD)
        assert answer.status_code == 422
    assert "HubSpot does not accept this token" in answer.text
    stored = registry.token(number)
    assert stored is not None
    assert stored.reveal() == GOOD


def test_a_destination_with_a_refused_token_is_not_added(signed_in: Console) -> None:
    answer = signed_in.call("POST", "/destinations", json={"name": "HubSpot", "token": BAD})
    assert (answer.status_code, names(signed_in)) == (400, [])


def test_what_the_account_of_a_token_tells_is_stored_with_it(signed_in: Console) -> None:
    registry = signed_in.store.registry
    number = registry.save_destination(Destination(destination_id=0, name="HubSpot")).destination_id
    signed_in.bench.account = {"hub_id": "7654321", "region": "eu1"}
    signed_in.post(f"/connection/{number}/token", token=GOOD)
    stored = registry.destinations()[number]
    assert (stored.hub_id, stored.region) == ("7654321", "eu1")


def test_a_second_destination_of_one_portal_is_warned_of(signed_in: Console) -> None:
    first = signed_in.fill()
    registry = signed_in.store.registry
    second = registry.save_destination(Destination(destination_id=0, name="Again", hub_id="1234567")).destination_id
    other = registry.save_destination(Destination(destination_id=0, name="Other", hub_id="7654321")).destination_id
    for page in (f"/connection/{second}", f"/setup/{second}/check", f"/setup/{second}/send"):
        assert "HubSpot has the same Hub ID." in Page(signed_in.get(page).text).text, page
    assert "Again has the same Hub ID." in Page(signed_in.get(f"/connection/{first}").text).text
    assert "the same Hub ID" not in signed_in.get(f"/connection/{other}").text


def test_before_switching_on_a_page_says_how_many_stored_messages_will_go(signed_in: Console) -> None:
    signed_in.fill()
    new = Destination(destination_id=0, name="Later", is_paused=True)
    number = signed_in.store.registry.save_destination(new).destination_id
    signed_in.store.registry.set_token(number, Secret(GOOD))
    pages = (signed_in.post(f"/setup/{number}/check").text, signed_in.get(f"/setup/{number}/send").text)
    for page in pages:
        found = re.search(r"(\d+) ?stored messages wait for this destination", Page(page).text)
        assert found is not None
        assert int(found[1]) == signed_in.json(f"/setup/{number}/send")["pending_count"] > 1
        assert re.search(r"Deliver all of them: about \d+ HubSpot calls", Page(page).text)
    signed_in.post(f"/setup/{number}/send", stored="all")
    assert "Switch on" not in Page(signed_in.get(f"/setup/{number}/send").text).text


def test_switching_on_for_new_messages_keeps_the_old_ones_out_until_a_replay(signed_in: Console) -> None:
    signed_in.fill()
    new = Destination(destination_id=0, name="Later", is_paused=True)
    number = signed_in.store.registry.save_destination(new).destination_id
    answer = signed_in.post(f"/setup/{number}/send", stored="none")
    assert answer.headers["location"] == f"/setup/{number}/send?done=switched-on-for-new"
    stored = signed_in.store.registry.destinations()[number]
    assert (stored.received_since_ms, stored.is_paused) == (signed_in.clock.now_ms(), False)


def test_a_wrong_password_keeps_the_name_and_a_wrong_token_asks_for_no_name(console: Console) -> None:
    wrong = "wrong-wrong-wrong"
    assert 'value="olga"' in console.post("/login", secret=wrong, name="olga").text
    for page in (console.get("/login").text, console.post("/login", secret=wrong).text):
        assert '<details class="pane"><summary>Sign in with a name and password' in page


def test_getting_started_in_a_sandbox_offers_no_real_destination(sandbox: Console) -> None:
    page = sandbox.get("/setup").text
    assert "it takes no real destination" in page
    assert 'href="/setup/new?kind=hubspot"' not in page
    assert "First message" in page

"""The main job: from an unmodified Segment SDK, or a file, to records in HubSpot."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from benchmarks.corpus import write
from segment.analytics.client import Client  # type: ignore[import-untyped]
from tests.support.process import TOKEN, WRITE_KEY, HubwireProcess, ndjson

from hubwire.testing import Emulator, running_emulator


@pytest.fixture
def hubspot() -> Iterator[Emulator]:
    with running_emulator(access_token=TOKEN, creates_companies_from_emails=False) as emulator:
        yield emulator


def test_from_the_python_sdk_to_contact_company_association_and_event(tmp_path: Path, hubspot: Emulator) -> None:
    with HubwireProcess(tmp_path, hubspot.base_url) as hubwire:
        sdk = Client(write_key=WRITE_KEY, host=hubwire.url, gzip=True, upload_interval=0.1)
        traits = {"email": "Peter@Example.com", "firstName": "Peter", "lastName": "Gibbon", "Fav Color": "red"}
        sdk.identify("user1234", traits)
        sdk.track("user1234", "Bought Item", {"value": 20.5})
        sdk.group("user1234", "acme", {"website": "https://www.acme.example/about", "name": "Acme"})
        sdk.alias("anonymous-7", "user1234")
        sdk.page("user1234", "Docs", "Home")
        sdk.screen("user1234", "App", "Start")
        sdk.shutdown()
        lane = hubwire.drained()
        assert (lane["taken"], lane["dead"], lane["retrying"], lane["held"]) == (6, 0, 0, 0)
        [identify] = json.loads(hubwire.run("messages", "--type", "identify", "--json").stdout)
        explained = hubwire.run("messages", "--user", "user1234").stdout
        [shown] = json.loads(hubwire.run("message", identify["message_id"], "--json").stdout)
    [contact] = hubspot.contacts()
    assert "u:user1234 -> peter@example.com  (identify," in explained
    assert f"contact peter@example.com is record {contact['id']} in HubSpot, with acme.example" in explained
    assert contact["properties"]["email"] == "peter@example.com"
    assert contact["properties"]["firstname"] == "Peter"
    [company] = hubspot.companies()
    assert (company["properties"]["domain"], company["properties"]["name"]) == ("acme.example", "Acme")
    [association] = hubspot.associations()
    assert {association["from"]["id"], association["to"]["id"]} == {contact["id"], company["id"]}
    [event] = hubspot.events()
    assert (event["eventName"], event["contactId"]) == ("pe1234567_bought_item", contact["id"])
    assert event["properties"]["value"] == "20.5"
    left_out = {item["field"]: item["reason"] for item in shown["summary"]["fates"][0]["left_out"]}
    assert left_out == {"traits.Fav Color": "unknown-property"}
    assert any("contacts/batch/upsert" in attempt["call"] for attempt in shown["attempts"])
    assert TOKEN not in json.dumps(shown)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_sandbox_needs_no_token_and_the_curl_line_that_it_prints_works(tmp_path: Path, host: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed: the line that `hubwire serve` prints is not run")
    with HubwireProcess(tmp_path, None, HUBWIRE_WRITE_KEY="", HUBWIRE_HOST=host) as hubwire:
        hubwire.await_output("curl -u wk_")
        [line] = [line.strip() for line in hubwire.output.splitlines() if line.strip().startswith("curl ")]
        pasted = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
        assert pasted.stdout == '{"success": true}'
        assert hubwire.drained()["delivered"] == 1
        with urllib.request.urlopen(f"{hubwire.emulator_url()}/_emulator/contacts", timeout=60) as response:
            contacts = json.load(response)["results"]
    with hubwire:
        hubwire.await_output("hubwire source key NAME --new")
    assert [contact["properties"]["email"] for contact in contacts] == ["peter@example.com"]


def test_a_sandbox_stays_one_and_a_token_that_is_not_used_is_told(tmp_path: Path, hubspot: Emulator) -> None:
    with HubwireProcess(tmp_path, None):
        pass
    refused = HubwireProcess(tmp_path, hubspot.base_url).run("serve", check=False)
    assert refused.returncode == 1
    assert "holds a sandbox, so nothing would reach HubSpot" in refused.stderr
    assert "HUBWIRE_DATA=live" in refused.stderr
    live = str(tmp_path / "live")
    with HubwireProcess(tmp_path, hubspot.base_url, HUBWIRE_DATA=live) as hubwire:
        assert "is not the token" not in hubwire.output
    with HubwireProcess(tmp_path, hubspot.base_url, HUBWIRE_DATA=live, HUBSPOT_ACCESS_TOKEN="pat-another") as hubwire:
        hubwire.await_output("Console")
        assert "hubwire destination token NAME --token-env HUBSPOT_ACCESS_TOKEN" in hubwire.output
        assert "pat-another" not in hubwire.output


def test_a_corpus_of_ten_thousand_drains_in_at_most_sixty_calls_with_nothing_dead(
    tmp_path: Path, hubspot: Emulator
) -> None:
    write(tmp_path / "corpus.ndjson", 10_000)
    with HubwireProcess(tmp_path, hubspot.base_url, HUBWIRE_BACKFILL_LINGER_SECONDS="3") as hubwire:
        done = json.loads(hubwire.run("import", "corpus.ndjson", "--source", "server", "--json").stdout)
        assert (done["read"], done["journaled"], done["rejected"]) == (10_000, 10_000, [])
        first = hubwire.drained()
        again = json.loads(hubwire.run("import", "corpus.ndjson", "--source", "server", "--json").stdout)
        assert (again["journaled"], again["duplicates"]) == (0, 10_000)
        assert hubwire.drained()["taken"] == 10_000
    assert (first["taken"], first["dead"], first["retrying"]) == (10_000, 0, 0)
    assert first["calls"] <= 60
    assert hubspot.stats()["total"] == first["calls"]
    assert len(hubspot.events()) == 7_000


def test_a_dry_run_shows_requests_and_reasons_and_sends_nothing(tmp_path: Path, hubspot: Emulator) -> None:
    messages: list[dict[str, Any]] = [
        {"type": "identify", "userId": "1", "traits": {"email": "a@b.co", "firstName": "A", "shoe size": 43}},
        {"type": "track", "userId": "1", "event": "Signed Up", "properties": {"plan": "pro"}},
        {"type": "page", "userId": "1", "name": "Home"},
    ]
    with HubwireProcess(tmp_path, hubspot.base_url) as hubwire:
        shown = json.loads(hubwire.run("plan", "-", "--json", text=ndjson(messages)).stdout)
    assert [message["outcome"] for message in shown["messages"]] == [
        "planned",
        "planned",
        "discarded: page-is-device-only",
    ]
    assert shown["messages"][0]["left_out"][0]["reason"] == "unknown-property"
    calls = [request["path"] for request in shown["requests"]]
    assert any("batch/upsert" in call for call in calls)
    assert any("send/batch" in call for call in calls)
    assert hubspot.contacts() == []
    reads = [request for request in hubspot.requests() if request["method"] != "GET"]
    assert all(request["path"].endswith("/batch/read") for request in reads)


def test_a_destination_made_from_a_token_alone_learns_its_hub(tmp_path: Path, hubspot: Emulator) -> None:
    with HubwireProcess(tmp_path, hubspot.base_url, HUBSPOT_HUB_ID="") as hubwire:
        for _ in range(100):
            [destination] = json.loads(hubwire.run("destination", "list", "--json").stdout)
            if destination["hub_id"] is not None:
                break
    assert destination["hub_id"] == "1234567"


def test_a_property_created_in_hubspot_is_filled_by_a_replay(tmp_path: Path, hubspot: Emulator) -> None:
    message = {"type": "identify", "userId": "1", "messageId": "m-1", "traits": {"email": "a@b.co", "plan": "pro"}}
    with HubwireProcess(tmp_path, hubspot.base_url) as hubwire:
        hubwire.run("import", "-", "--source", "server", text=ndjson([message]))
        assert hubwire.drained()["delivered"] == 1
        hubwire.run("schema", "apply", "--yes")
        hubwire.run("replay", "--state", "delivered", "--yes")
        hubwire.drained()
    [contact] = hubspot.contacts()
    assert contact["properties"]["plan"] == "pro"

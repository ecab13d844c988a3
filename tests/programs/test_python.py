"""Python programs that others wrote for HubSpot, unmodified, against the emulator."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.programs.world import PEOPLE, TOKEN, Program, python_packages

from hubwire.emulator.wire import Request

pytestmark = pytest.mark.slow
FORM = b"application/x-www-form-urlencoded"
Beside = Callable[[Path], Program]


def test_hubspotctl_lists_makes_searches_and_links(program: Beside) -> None:
    hubspotctl = program(python_packages("ctl", "hubspotctl==0.8.1"))

    def ask(*arguments: str) -> Any:
        return hubspotctl.command("hubspotctl", "-f", "json", *arguments, HUBSPOT_ACCESS_TOKEN=TOKEN)

    assert len(json.loads(ask("contact", "list"))) == PEOPLE
    ask("contact", "create", "-e", "ctl@ex.org", "-f", "Ctl")
    assert "ctl@ex.org" in ask("contact", "search", "ctl@ex.org")
    assert "person0@ex.org" in ask("contact", "show", "100")
    assert len(json.loads(ask("company", "list"))) >= 3
    assert "Big" in ask("deal", "list")
    assert "closedwon" in ask("deal", "stages")
    assert "@" in ask("deal", "owners")
    assert hubspotctl.refused == []


def test_s6r_hubspot_reads_writes_and_searches(program: Beside) -> None:
    answer = program(python_packages("s6r", "s6r-hubspot==1.1.6")).script("use_s6r_hubspot.py")
    assert answer["contacts"] >= PEOPLE
    assert answer["deals"] == 1
    assert all(answer.values()), answer


def test_fancy_hubspot_makes_a_contact_once(program: Beside) -> None:
    fancy = program(python_packages("fancy", "fancy-hubspot==0.3.4"))
    answer = fancy.script("use_fancy_hubspot.py")
    assert answer["made"]["properties"]["email"] == "fancy@ex.org"
    assert "Contact already exists" in answer["refusal"]
    assert fancy.emulator.contacts()[-1]["properties"]["email"] == "fancy@ex.org"


def test_hubspot_crm_clean_audits_the_contacts(program: Beside, tmp_path: Path) -> None:
    clean = program(python_packages("clean", "hubspot-crm-clean==0.1.0"))
    assert str(PEOPLE) in clean.command("hubspot-crm-clean", "fetch", HUBSPOT_ACCESS_TOKEN=TOKEN)
    report = clean.command("hubspot-crm-clean", "audit", "incomplete", "--format", "json", HUBSPOT_ACCESS_TOKEN=TOKEN)
    assert "person0@ex.org" in report
    assert clean.refused == []


def test_the_asynchronous_client_reads_and_writes(program: Beside) -> None:
    answer = program(python_packages("async", "hubspot-api-client-async==12.0.3")).script("use_hubspot_async.py")
    assert answer["page"] == 3
    assert answer["found"] == 1
    assert all(answer.values()), answer


def test_llama_index_loads_deals_contacts_and_companies(program: Beside) -> None:
    packages = ["llama-index-readers-hubspot==0.6.0", "setuptools<80"]  # its HubSpot client needs pkg_resources
    texts = program(python_packages("llama", *packages)).script("use_llama_index.py")
    assert len(texts) == 3
    for text, expected in zip(texts, ("Big", "person4@ex.org", "company2.example"), strict=True):
        assert expected in text


def test_hubspot3_works_on_the_old_paths(program: Beside) -> None:
    answer = program(python_packages("hubspot3", "hubspot3==3.2.56")).script("use_hubspot3_client.py")
    assert answer["by email"] == 100
    assert all(answer.values()), answer


def test_rpaframework_reads_searches_and_writes_batches(program: Beside) -> None:
    packages = ["rpaframework-hubspot==4.0.0", "setuptools<80"]
    rpa = program(python_packages("rpa", *packages))
    rpa.emulator.call("POST", "/crm/v3/schemas", MACHINES)  # its own code fails on a portal without custom objects
    answer = rpa.script("use_rpaframework.py")
    assert answer["associations"] == ["20"]
    assert all(answer.values()), answer


def test_hubspot_mcp_answers_each_of_its_tools(program: Beside) -> None:
    mcp = program(
        python_packages("mcp", "hubspot-mcp==0.1.0", "mcp<2")
    )  # its own requirement takes an mcp that breaks it
    calls = [
        ("list_records", {"object_type": "contacts"}),
        ("get_record", {"object_type": "deals", "record_id": "31"}),
        ("search_records", {"object_type": "contacts", "query": "person0"}),
        ("get_associations", {"object_type": "contacts", "record_id": "100", "to_object_type": "companies"}),
        ("list_properties", {"object_type": "tickets"}),
    ]
    answers = mcp.tools([str(mcp.folder / "bin" / "hubspot-mcp-server")], calls, HUBSPOT_MCP_ACCESS_TOKEN=TOKEN)
    assert [answer.get("isError", False) for answer in answers] == [False] * len(calls)
    texts = [answer["content"][0]["text"] for answer in answers]
    for text, expected in zip(texts, ("person4@ex.org", "Big", "person0@ex.org", "20", "subject"), strict=True):
        assert expected in text
    assert mcp.refused == []


def test_meltano_tap_reads_contacts_companies_deals_and_associations(program: Beside, tmp_path: Path) -> None:
    tap = program(python_packages("meltano", "meltano-tap-hubspot==0.10.1"))
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"access_token": TOKEN, "start_date": "2020-01-01T00:00:00Z"}))
    catalog = tmp_path / "catalog.json"
    catalog.write_text(tap.command("tap-hubspot", "--config", str(config), "--discover"))
    messages = singer(tap.command("tap-hubspot", "--config", str(config), "--catalog", str(catalog)))
    records = Counter(message["stream"] for message in messages if message["type"] == "RECORD")
    assert records["contacts"] == PEOPLE
    assert records["companies"] >= 3
    assert records["deals"] == records["notes"] == 1
    assert tap.refused == []


def test_singer_tap_reads_what_it_selects(program: Beside, tmp_path: Path) -> None:
    tap = program(python_packages("tap", "tap-hubspot==4.5.0"))
    code = tap.emulator.call("POST", "/_emulator/oauth/code", {"scopes": None}).body
    config = tmp_path / "config.json"
    refresh = refresh_token(tap, code["code"])
    config.write_text(
        json.dumps(
            {
                "redirect_uri": "http://localhost",
                "client_id": "emulator-client-id",
                "client_secret": "emulator-client-secret",
                "refresh_token": refresh,
                "start_date": "2020-01-01T00:00:00Z",
            }
        )
    )
    catalog = json.loads(tap.command("tap-hubspot", "--config", str(config), "--discover"))
    chosen = {"contacts", "companies", "deals", "owners", "deal_pipelines", "engagements", "contact_lists", "tickets"}
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if entry["breadcrumb"] == []:
                entry["metadata"]["selected"] = stream["stream"] in chosen
    (tmp_path / "catalog.json").write_text(json.dumps(catalog))
    run = tap.command("tap-hubspot", "--config", str(config), "--properties", str(tmp_path / "catalog.json"))
    records = Counter(message["stream"] for message in singer(run) if message["type"] == "RECORD")
    assert records["contacts"] == PEOPLE
    assert records["companies"] >= 3
    assert records["deals"] == records["tickets"] == records["engagements"] == 1
    assert records["owners"] >= 1
    assert records["deal_pipelines"] >= 1


def singer(printed: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]


def refresh_token(program: Program, code: str) -> str:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": "emulator-client-id",
        "client_secret": "emulator-client-secret",
        "redirect_uri": "http://localhost",
    }
    answer = program.emulator.app.respond(
        Request("POST", "/oauth/v1/token", b"", {b"content-type": FORM}, urlencode(form).encode())
    )
    return str(json.loads(answer.body)["refresh_token"])


def test_airbyte_checks_discovers_and_reads(program: Beside, tmp_path: Path) -> None:
    airbyte = program(python_packages("airbyte", "airbyte-source-hubspot==5.7.0"))
    config = write(
        tmp_path / "config.json",
        {
            "start_date": "2020-01-01T00:00:00Z",
            "credentials": {"credentials_title": "Private App Credentials", "access_token": TOKEN},
        },
    )

    def ask(*arguments: str) -> list[dict[str, Any]]:
        return singer(airbyte.command("source-hubspot", *arguments, "--config", config))

    status = next(message for message in ask("check") if message["type"] == "CONNECTION_STATUS")
    assert status["connectionStatus"]["status"] == "SUCCEEDED", status
    streams = next(message for message in ask("discover") if message["type"] == "CATALOG")["catalog"]["streams"]
    assert {"contacts", "companies", "deals", "tickets", "owners"} <= {stream["name"] for stream in streams}
    chosen = ("contacts", "companies", "deals", "tickets", "owners", "deal_pipelines", "engagements_notes")
    catalog = write(tmp_path / "catalog.json", {"streams": [configured(s) for s in streams if s["name"] in chosen]})
    messages = ask("read", "--catalog", catalog)
    first = Counter(message["record"]["stream"] for message in messages if message["type"] == "RECORD")
    assert first["contacts"] == PEOPLE
    assert first["companies"] >= 3
    assert first["deals"] == first["tickets"] == first["engagements_notes"] == 1
    assert first["owners"] >= 1
    assert first["deal_pipelines"] >= 1
    states = [message["state"] for message in messages if message["type"] == "STATE"]
    state = write(tmp_path / "state.json", list({one_state(item): item for item in states}.values()))
    airbyte.emulator.call("PATCH", "/crm/v3/objects/contacts/100", {"properties": {"city": "Rome"}})
    again = [
        message["record"]
        for message in ask("read", "--catalog", catalog, "--state", state)
        if message["type"] == "RECORD"
    ]
    changed = [record["data"] for record in again if record["stream"] == "contacts"]
    assert "100" in {contact["id"] for contact in changed}
    assert next(contact for contact in changed if contact["id"] == "100")["properties"]["city"] == "Rome"


def test_dlt_loads_every_object_with_its_history(program: Beside) -> None:
    sources = os.environ.get("DLT_SOURCES", "")
    if not sources:
        pytest.skip("dlt's HubSpot source is in no registry: DLT_SOURCES names the `sources` folder of a checkout")
    dlt = program(python_packages("dlt", "dlt[duckdb]==1.31.0"))
    rows = dlt.script("use_dlt.py", DLT_SOURCES=sources)
    assert rows["contacts"] == PEOPLE
    assert rows["companies"] >= 3
    assert rows["deals"] == rows["tickets"] == 1
    assert rows["owners"] >= 1
    assert rows["pipelines_deals__stages"] > 1
    assert rows["contacts_property_history"] > PEOPLE
    assert dlt.refused == []


def write(path: Path, content: Any) -> str:
    path.write_text(json.dumps(content))
    return str(path)


def one_state(state: dict[str, Any]) -> str:
    return str(state["stream"]["stream_descriptor"]["name"])


def configured(stream: dict[str, Any]) -> dict[str, Any]:
    is_incremental = "incremental" in stream["supported_sync_modes"]
    return {
        "stream": stream,
        "sync_mode": "incremental" if is_incremental else "full_refresh",
        "destination_sync_mode": "append",
    }


MACHINES = {
    "name": "machines",
    "labels": {"singular": "Machine", "plural": "Machines"},
    "primaryDisplayProperty": "serial",
    "requiredProperties": ["serial"],
    "properties": [{"name": "serial", "label": "Serial", "type": "string", "fieldType": "text"}],
    "associatedObjects": ["CONTACT"],
}

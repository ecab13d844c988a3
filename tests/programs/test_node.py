"""Node programs that others wrote for HubSpot, unmodified, against the emulator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.programs.world import PEOPLE, TOKEN, Program, node_packages

pytestmark = pytest.mark.slow
Beside = Callable[[Path], Program]


def test_the_npm_client_of_the_old_paths(program: Beside) -> None:
    client = program(node_packages("npmhubspot", "hubspot@2.3.14"))
    answer = client.script("use_npm_hubspot.js")
    assert answer["contacts"] == PEOPLE + 1
    assert answer["city"] == "Rome"
    assert answer["search"] == answer["found"] == answer["deals"] == 1
    assert client.refused == []


def test_activepieces_writes_a_contact_and_puts_it_on_a_list(program: Beside) -> None:
    pieces = program(node_packages("pieces", "@activepieces/piece-hubspot@0.2.0"))
    answer = pieces.script("use_pieces.js")
    assert answer["again"]["isNew"] is True
    assert answer["listed"]["updated"] == [answer["again"]["vid"]]
    assert pieces.refused == []


def test_segment_actions_write_contacts_companies_objects_and_events(program: Beside) -> None:
    # With a newer fast-uri every action throws.
    overrides = {"fast-uri": "3.1.0"}
    segment = program(node_packages("segment", "@segment/action-destinations@3.387.0", overrides=overrides))
    segment.script("use_segment.js")
    contact = segment.emulator.contacts()[-1]["properties"]
    assert (contact["email"], contact["firstname"], contact["city"]) == ("segment@ex.org", "Ment", "Rome")
    assert segment.emulator.companies()[-1]["properties"]["segment_group_id"] == "g1"
    assert [event["email"] for event in segment.emulator.events()] == ["segment@ex.org"]
    # Each refusal is one that the actions expect: they ask first and create what is missing.
    assert [status for *_, status in segment.refused] == [404, 404, 400, 404]


TOOLS: list[tuple[str, dict[str, Any]]] = [
    ("hubspot-get-user-details", {}),
    ("hubspot-list-objects", {"objectType": "contacts"}),
    ("hubspot-search-objects", {"objectType": "deals", "filterGroups": []}),
    ("hubspot-batch-read-objects", {"objectType": "contacts", "inputs": [{"id": "100"}]}),
    ("hubspot-batch-create-objects", {"objectType": "contacts", "inputs": [{"properties": {"email": "mcp@ex.org"}}]}),
    (
        "hubspot-batch-update-objects",
        {"objectType": "contacts", "inputs": [{"id": "100", "properties": {"city": "Rome"}}]},
    ),
    ("hubspot-list-associations", {"objectType": "contacts", "objectId": "100", "toObjectType": "companies"}),
    ("hubspot-get-association-definitions", {"fromObjectType": "contacts", "toObjectType": "companies"}),
    (
        "hubspot-batch-create-associations",
        {
            "fromObjectType": "contacts",
            "toObjectType": "companies",
            "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279}],
            "inputs": [{"from": {"id": "101"}, "to": {"id": "22"}}],
        },
    ),
    ("hubspot-list-properties", {"objectType": "deals"}),
    ("hubspot-get-property", {"objectType": "contacts", "propertyName": "email"}),
    (
        "hubspot-create-property",
        {
            "objectType": "contacts",
            "name": "mcp_prop",
            "label": "M",
            "type": "string",
            "fieldType": "text",
            "groupName": "contactinformation",
        },
    ),
    ("hubspot-update-property", {"objectType": "contacts", "propertyName": "mcp_prop", "label": "N"}),
    ("hubspot-get-schemas", {}),
    (
        "hubspot-get-link",
        {
            "portalId": "1234567",
            "uiDomain": "app.hubspot.com",
            "pageRequests": [{"pagetype": "record", "objectTypeId": "0-1", "objectId": "100"}],
        },
    ),
    (
        "hubspot-create-engagement",
        {
            "type": "NOTE",
            "ownerId": 1,
            "associations": {"contactIds": [100], "companyIds": [], "dealIds": [], "ownerIds": [], "ticketIds": []},
            "metadata": {"body": "Called again"},
        },
    ),
]


def test_the_tools_of_hubspots_mcp_server(program: Beside) -> None:
    server = program(node_packages("mcpserver", "@hubspot/mcp-server@0.4.0"))
    starter = [str(next((server.folder / "node_modules" / ".bin").glob("*mcp*")))]
    answers = server.tools(starter, TOOLS, PRIVATE_APP_ACCESS_TOKEN=TOKEN, BASE_URL_OVERRIDE=server.emulator.base_url)
    failed = [name for (name, _), answer in zip(TOOLS, answers, strict=True) if answer.get("isError")]
    assert failed == []
    assert "Rome" in str(server.emulator.contacts()[0])
    assert [note["properties"]["hs_note_body"] for note in server.emulator.records("notes")][-1] == "Called again"
    assert server.refused == []

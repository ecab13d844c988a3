"""Schema, definitions and account, as HubSpot shows and takes them."""

from __future__ import annotations

import msgspec
import pytest

from hubwire.errors import Unreadable
from hubwire.hubspot import definitions
from hubwire.hubspot.definitions import NewProperty
from hubwire.schema import EventDefinition, PropertyDefinition

PROPERTIES = msgspec.json.encode(
    {
        "results": [
            {"name": "firstname", "type": "string", "label": "First Name", "hubspotDefined": True},
            {
                "name": "plan",
                "type": "enumeration",
                "fieldType": "checkbox",
                "options": [{"value": "gold", "label": "Gold Plan"}, {"value": "tin", "label": "Tin"}],
            },
            {"name": "hubspot_owner_id", "type": "enumeration", "fieldType": "select", "externalOptions": True},
            {"name": "hs_object_id", "type": "number", "modificationMetadata": {"readOnlyValue": True}},
            {"name": "score", "type": "number", "fieldType": "calculation_equation", "calculated": True},
            {"name": "hubwire_domain", "type": "string", "fieldType": "text", "hasUniqueValue": True},
            {"name": "gone", "type": "string", "fieldType": "text", "archived": True},
        ]
    }
)


def test_properties_are_read_with_what_the_planner_needs() -> None:
    known = definitions.property_definitions_of(PROPERTIES)
    assert known["firstname"] == PropertyDefinition("firstname", label="First Name")
    assert known["plan"].is_custom
    assert known["plan"].options == frozenset({"gold", "tin"})
    assert known["plan"].option_labels == {"gold plan": "gold", "tin": "tin"}
    assert known["plan"].is_multiple
    assert known["hubspot_owner_id"].options is None
    assert known["hs_object_id"].is_read_only
    assert known["score"].is_read_only
    assert known["hubwire_domain"].is_unique


def test_archived_properties_do_not_exist_unless_they_are_asked_for() -> None:
    assert "gone" not in definitions.property_definitions_of(PROPERTIES)
    assert list(definitions.property_definitions_of(PROPERTIES, archived=True)) == ["gone"]


def test_event_definitions_are_read_page_by_page() -> None:
    shown = {
        "name": "order_done",
        "fullyQualifiedName": "pe1_order_done",
        "labels": {"singular": "Order done", "plural": None},
        "properties": [{"name": "total", "type": "number"}],
    }
    body = msgspec.json.encode({"total": 2, "results": [shown], "paging": {"next": {"after": "100"}}})
    expected = EventDefinition("pe1_order_done", "order_done", "Order done", {"total": "number"})
    assert definitions.event_definitions_of(body) == ([expected], "100")
    assert definitions.event_definition_of(msgspec.json.encode(shown)) == expected
    assert definitions.event_definitions_of(b'{"results":[]}') == ([], None)


def test_an_event_without_labels_is_called_by_its_name() -> None:
    shown = b'{"name":"a","fullyQualifiedName":"pe1_a"}'
    assert definitions.event_definition_of(shown).label == "a"


def test_the_account_tells_hub_id_and_time_zone() -> None:
    body = b'{"portalId":123,"timeZone":"Europe/Dublin","accountType":"STANDARD","uiDomain":"app.hubspot.com"}'
    account = definitions.account_of(body)
    assert (account.hub_id, account.time_zone, account.account_type) == ("123", "Europe/Dublin", "STANDARD")
    assert definitions.account_of(b'{"portalId":123}').time_zone == "UTC"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b"[" * 100_000])
def test_set_up_does_not_go_on_from_a_guess(body: bytes) -> None:
    for read in (
        definitions.account_of,
        definitions.property_definitions_of,
        definitions.event_definitions_of,
        definitions.event_definition_of,
    ):
        with pytest.raises(Unreadable):
            read(body)


def test_a_new_property_says_all_that_hubspot_demands() -> None:
    new = NewProperty(
        name="hubwire_domain",
        label="Domain",
        type="string",
        field_type="text",
        group="companyinformation",
        is_unique=True,
        is_hidden=True,
    )
    assert msgspec.json.decode(definitions.create_properties([new])) == {
        "inputs": [
            {
                "name": "hubwire_domain",
                "label": "Domain",
                "type": "string",
                "fieldType": "text",
                "groupName": "companyinformation",
                "hasUniqueValue": True,
                "hidden": True,
                "formField": False,
            }
        ]
    }
    assert new.definition() == PropertyDefinition("hubwire_domain", is_unique=True, is_custom=True)


def test_a_new_bool_has_its_two_options() -> None:
    new = NewProperty(name="b", label="B", type="bool", field_type="booleancheckbox", group="g")
    options = msgspec.json.decode(definitions.create_property(new))["options"]
    assert [option["value"] for option in options] == ["true", "false"]


def test_a_new_event_definition_is_of_contacts() -> None:
    body = msgspec.json.decode(definitions.create_event_definition("order_done", "Order Done", {"total": "number"}))
    assert body == {
        "label": "Order Done",
        "name": "order_done",
        "primaryObject": "CONTACT",
        "includeDefaultProperties": False,
        "propertyDefinitions": [
            {"name": "total", "label": "total", "type": "number", "description": "Made by Hubwire"}
        ],
    }


def test_property_limits_are_read_in_both_shapes() -> None:
    for name in ("results", "byObjectType"):
        body = msgspec.json.encode({name: [{"objectTypeId": "0-1", "usage": 3, "limit": 1000}]})
        (use,) = definitions.property_uses_of(body)
        assert (use.object_type_id, use.usage, use.limit) == ("0-1", 3, 1000)

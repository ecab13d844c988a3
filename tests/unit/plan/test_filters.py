"""Consent, `integrations`, and what the browser has delivered."""

from __future__ import annotations

from typing import Any

import pytest

from hubwire.destination import Mapping
from hubwire.plan.filters import is_enabled


@pytest.mark.parametrize(
    ("integrations", "enabled"),
    [
        ({}, True),
        ({"HubSpot": False}, False),
        ({"HubSpot": True}, True),
        ({"hubspot": False}, False),
        ({"All": False}, False),
        ({"all": False}, False),
        ({"All": False, "HubSpot": True}, True),
        ({"All": False, "HubSpot": {"option": 1}}, True),
        ({"All": False, "HubSpot Cloud Mode (Actions)": True}, True),
        ({"Actions Hubspot Cloud": False}, False),
        ({"Hubspot Web (Actions)": False}, False),
        ({"HubSpot": True, "HubSpot Web (Actions)": False}, True),
        ({"HubSpot Web (Actions)": False, "HubSpot Cloud Mode (Actions)": True}, True),
        ({"Salesforce": False}, True),
        ({"HubSpot": None}, True),
        ({"HubSpot": "false"}, True),
        ({"All": None}, True),
    ],
)
def test_integrations_decide_by_any_name_of_hubspot(integrations: dict[str, Any], enabled: bool) -> None:
    assert is_enabled(integrations) is enabled


def test_a_destination_without_categories_gets_everything(new_planner: Any) -> None:
    traits = {"email": "a@b.co"}
    for consent in ({"categoryPreferences": {"a": False}}, {"categoryPreferences": "none"}, "yes"):
        plan = new_planner().plan("identify", userId="1", traits=traits, context={"consent": consent})
        assert plan.operations
    planner = new_planner(mapping=Mapping(consent_categories=("a", "b")))
    for preferences, flows in (({"a": True, "b": True}, True), ({"a": True}, False), ({"a": True, "b": 1}, False)):
        context = {"consent": {"categoryPreferences": preferences}}
        plan = planner.plan("identify", userId="1", traits=traits, context=context)
        assert bool(plan.operations) is flows

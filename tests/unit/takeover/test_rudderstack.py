"""RudderStack's HubSpot settings as rules, from a workspace export and from rudder-cli's YAML."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hubwire.manage.takeover import TakeOver, Verdict, read_findings, take_over

EXPORT = {
    "sources": [
        {
            "name": "web",
            "destinations": [
                {
                    "name": "HS",
                    "enabled": True,
                    "destinationDefinition": {"name": "HS"},
                    "config": {
                        "hubID": "42",
                        "apiVersion": "newApi",
                        "accessToken": "pat-na1-secret",
                        "lookupField": "user_id",
                        "hubspotEvents": [
                            {
                                "rsEventName": "Order Completed",
                                "hubspotEventName": "pe42_orders",
                                "eventProperties": [{"from": "total", "to": "amount"}],
                            }
                        ],
                        "eventFilteringOption": "blacklistedEvents",
                        "useNativeSDK": {"web": True},
                    },
                },
                {"name": "Other", "destinationDefinition": {"name": "GA4"}, "config": {}},
            ],
        }
    ]
}
YAML = """
version: rudder/v1
kind: destination
metadata: {name: hs}
spec:
  id: hs
  display_name: HS
  type: hs
  enabled: true
  transformation: "#transformation:x"
  config:
    hub_id: "42"
    api_version: newApi
    access_token: "{{ .TOKEN }}"
    lookup_field: user_id
    hubspot_events:
      - rs_event_name: Order Completed
        hubspot_event_name: pe42_orders
        event_properties: [{from: total, to: amount}]
    event_filtering: {blacklist: [Noise]}
    use_native_sdk: {web: true}
"""


@pytest.fixture(params=["export.json", "hs.yaml"])
def result(request: pytest.FixtureRequest, tmp_path: Path) -> TakeOver:
    path = tmp_path / request.param
    path.write_text(json.dumps(EXPORT) if path.suffix == ".json" else YAML)
    return take_over(read_findings([tmp_path]))


def test_a_mapped_event_is_a_rule_and_the_rest_options(result: TakeOver) -> None:
    [rule] = result.rules
    assert (rule.trigger, rule.event) == ('type = "track" and event = "Order Completed"', "pe42_orders")
    assert rule.properties == {"amount": "$.properties.total"}
    assert (result.contact_key, result.defaults) == ({"user_id": "$.traits.user_id"}, {"contacts"})
    assert (result.hub_ids, result.secrets, result.is_device_mode) == ({"42"}, ["HS"], True)


def test_what_is_not_carried_is_named_and_no_secret_comes_out(result: TakeOver) -> None:
    named = {line.name for line in result.lines if line.verdict is Verdict.NOT_TAKEN}
    assert "client-side event filtering" in named
    assert "pat-na1-secret" not in repr(result)

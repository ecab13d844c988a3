import json
import os

from s6r_hubspot import HubspotConnection

hubspot = HubspotConnection(os.environ["TOKEN"])
email = [{"filters": [{"propertyName": "email", "operator": "EQ", "value": "person0@ex.org"}]}]
created = hubspot.create("contacts", [{"properties": {"email": "s6r@ex.org"}}])
print(
    json.dumps(
        {
            "contacts": len(hubspot.get_all("contacts", "email,firstname")),
            "deals": len(hubspot.get_all("deals", "dealname")),
            "found": len(hubspot.search("contacts", email, properties=["email"])),
            "created": bool(created),
            "read": len(hubspot.read("contacts", ["100"], ["email"])),
            "linked": bool(hubspot.get_association("contacts", "companies", ["100"])),
            "owners": len(hubspot.get_owners()),
            "pipelines": len(hubspot.get_pipelines("deals")),
            "stage": bool(hubspot.get_stage("deals", "default", "closedwon")),
            "schema": bool(hubspot.get_schema("contacts")),
            "account": bool(hubspot.get_account_details()),
        },
        default=str,
    )
)

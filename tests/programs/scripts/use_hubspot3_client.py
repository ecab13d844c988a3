import json
import os

from hubspot3 import Hubspot3

client = Hubspot3(access_token=os.environ["TOKEN"])
company = client.companies.create({"properties": [{"name": "name", "value": "Made by hubspot3"}]})
contact = {"properties": [{"property": "firstname", "value": "Neo"}]}
answer = {
    "contacts": len(list(client.contacts.get_all())),
    "by email": client.contacts.get_by_email("person0@ex.org")["vid"],
    "by id": client.contacts.get_by_id("100")["vid"],
    "made or changed": client.contacts.create_or_update_by_email("neo@ex.org", contact)["isNew"],
    "search": len(client.contacts.search("person0")),
    "recent": len(list(client.contacts.get_recently_created())),
    "companies": len(list(client.companies.get_all())),
    "created": bool(company["companyId"]),
    "by domain": len(client.companies.search_domain("company0.example")),
    "owners": len(client.owners.get_owners()),
    "properties": len(client.properties.get_all("contacts")),
    "deals": len(list(client.deals.get_all())),
}
print(json.dumps(answer))

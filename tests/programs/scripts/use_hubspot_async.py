import asyncio
import json
import os

from hubspot import HubSpot
from hubspot.crm.contacts import PublicObjectSearchRequest, SimplePublicObjectInputForCreate


async def main() -> None:
    client = HubSpot(access_token=os.environ["TOKEN"])
    page = await client.crm.contacts.basic_api.get_page(limit=3)
    body = SimplePublicObjectInputForCreate(properties={"email": "async@ex.org"}, associations=[])
    created = await client.crm.contacts.basic_api.create(simple_public_object_input_for_create=body)
    search = PublicObjectSearchRequest(query="person0", limit=5)
    found = await client.crm.contacts.search_api.do_search(public_object_search_request=search)
    properties = await client.crm.properties.core_api.get_all("contacts")
    owners = await client.crm.owners.owners_api.get_page()
    deals = await client.crm.deals.basic_api.get_page()
    answer = {
        "page": len(page.results),
        "created": created.id,
        "found": found.total,
        "properties": len(properties.results),
        "owners": len(owners.results),
        "deals": len(deals.results),
    }
    print(json.dumps(answer))


asyncio.run(main())

import json
import os

from RPA.Hubspot import BatchMode, Hubspot

hubspot = Hubspot()
hubspot.auth_with_token(os.environ["TOKEN"])
answer = {
    "get": hubspot.get_object("CONTACT", "100").id,
    "by email": hubspot.get_object("CONTACT", "person1@ex.org", "email").id,
    "search": len(hubspot.search_for_objects("CONTACT", string_query="person0")),
    "associations": [link.id for link in hubspot.list_associations("CONTACT", ["100"], "COMPANY")["100"]],
    "user": hubspot.get_user(user_id="1001") is not None,
}
hubspot.create_new_batch("CONTACT", BatchMode.CREATE)
hubspot.add_input_to_batch(email="rpa@ex.org", firstname="Rpa")
answer["batch"] = len(hubspot.execute_batch())
print(json.dumps(answer, default=str))

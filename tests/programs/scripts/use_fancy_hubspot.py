import json
import os

from fancy_hubspot import contact_create
from fancy_hubspot.service import REQUIRES

config = {"email": "fancy@ex.org", "firstName": "Fancy"}
credentials = dict.fromkeys(
    ["token", "access_token", "accessToken", "apiKey", *map(str, REQUIRES)], os.environ["TOKEN"]
)
contact = contact_create(config, credentials=credentials, mode="live")
refusal = ""
try:
    contact_create(config, credentials=credentials, mode="live")
except Exception as exc:
    refusal = str(exc)
print(json.dumps({"made": contact.data, "refusal": refusal}, default=str))

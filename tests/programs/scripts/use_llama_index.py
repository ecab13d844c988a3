import json
import os

from llama_index.readers.hubspot import HubspotReader

documents = HubspotReader(access_token=os.environ["TOKEN"]).load_data()
print(json.dumps([document.text for document in documents]))

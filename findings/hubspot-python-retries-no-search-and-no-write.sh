#!/usr/bin/env bash
# HubSpot's Python client, with the retries that its README shows, retries no search, no batch, no create and no update.
#
# Packages: hubspot-api-client 12.0.0 with urllib3 2.8.0 (PyPI), Python 3.11.
# Expected before the run: Retry(total=3, status_forcelist=(429,)), passed to the client as the README says, means four
# requests for each call that gets a 429, and at the end the client's ApiException with status and body.
# Seen: urllib3 retries only methods that it takes for idempotent. A search, a batch read and a create are POST, an
# update is PATCH: one request each. Reads by id and deletes are retried; but when they give up they raise urllib3's
# MaxRetryError, which is no ApiException and has no body, so "except ApiException" misses it. With
# allowed_methods=None and raise_on_status=False, each call is retried and ends with ApiException.
# Why it matters: searches and batches are the calls that meet HubSpot's limits. They fail at the first 429 with retries
# turned on, and the handler that works without retries no longer catches the others.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check hubspot-api-client==12.0.0 urllib3==2.8.0
"$folder/venv/bin/python" - 2> "$folder/warnings" <<'PYTHON' | tee "$folder/seen"
import http.server
import threading

from hubspot import HubSpot
from urllib3.util.retry import Retry

requests = []


class Refusal(http.server.BaseHTTPRequestHandler):
    def answer(self):
        requests.append(self.rfile.read(int(self.headers["Content-Length"] or 0)))
        self.send_response(429)
        self.end_headers()

    do_GET = do_POST = do_PATCH = do_DELETE = answer

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusal)
threading.Thread(target=server.serve_forever, daemon=True).start()
CALLS = {"get_by_id": ["1"], "archive": ["1"], "do_search": [{}], "read": [{}], "create": [{}], "update": ["1", {}]}
APIS = {"do_search": "search_api", "read": "batch_api"}
for more in ({}, {"allowed_methods": None, "raise_on_status": False}):
    client = HubSpot(access_token="token", retry=Retry(total=3, status_forcelist=(429,), **more))
    for call, values in CALLS.items():
        api = getattr(client.crm.contacts, APIS.get(call, "basic_api"))
        api.api_client.configuration.host = f"http://127.0.0.1:{server.server_port}"
        requests.clear()
        try:
            getattr(api, call)(*values)
        except Exception as error:
            print(call, len(requests), type(error).__name__)
PYTHON
[ "$(paste -sd, "$folder/seen")" = "get_by_id 4 MaxRetryError,archive 4 MaxRetryError,do_search 1 ApiException,\
read 1 ApiException,create 1 ApiException,update 1 ApiException,get_by_id 4 ApiException,archive 4 ApiException,\
do_search 4 ApiException,read 4 ApiException,create 4 ApiException,update 4 ApiException" ]

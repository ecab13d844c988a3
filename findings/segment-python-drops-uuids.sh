#!/usr/bin/env bash
# Segment's Python SDK leaves UUIDs out of the properties, and a list loses everything if one of its items is a UUID.
#
# Packages: segment-analytics-python 2.4.0 (PyPI), and rudder-sdk-python 2.1.9, events-sdk-python 0.0.4 (Hightouch),
# journify-python-sdk 2.2.5, posthog 7.91.1; Python 3.11.
# Expected before the run: a UUID arrives as text, as dates and decimals are converted too, or track raises.
# Seen: the key is missing from the message. So are keys with a time, a timedelta, a frozenset or a dataclass. A list
# with one such item is missing whole; an object loses only the key. Nothing is raised and on_error is not called:
# there is a line in the log, at the level warning. A decimal becomes a float and loses digits after the sixteenth.
# RudderStack's, Hightouch's and Journify's SDKs do the same. PostHog's sends a UUID as text, and null for a time.
# Why it matters: UUIDs are common primary keys in Django and SQLAlchemy. A track with {"order_id": order.id} passes
# each test that uses numbers, and sends orders without an id. Pass str(order.id).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check segment-analytics-python==2.4.0 \
  rudder-sdk-python==2.1.9 events-sdk-python==0.0.4 journify-python-sdk==2.2.5 posthog==7.91.1
"$folder/venv/bin/python" - 2> "$folder/warnings" <<'PYTHON' | tee "$folder/seen"
import http.server
import importlib
import json
import threading
from datetime import time
from decimal import Decimal
from uuid import UUID

from segment.analytics.client import Client

ID = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        for message in json.loads(self.rfile.read(int(self.headers["Content-Length"])))["batch"]:
            print("segment", json.dumps(message["properties"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = Client("key", host=f"http://127.0.0.1:{server.server_port}", on_error=print)
order = {"order_id": ID, "at": time(9), "lines": [{"sku": ID, "n": 1}], "coupons": ["NEW", ID]}
client.track("user", "Order", order | {"n": Decimal("12345678901234567.89")})
client.flush()
for module in ("rudderstack.analytics.utils", "hightouch.htevents.utils", "journify.utils", "posthog.utils"):
    print(module, importlib.import_module(module).clean({"order_id": ID, "at": time(9)}))
PYTHON
diff "$folder/seen" - <<'SEEN'
segment {"lines": [{"n": 1}], "n": 1.2345678901234568e+16}
rudderstack.analytics.utils {}
hightouch.htevents.utils {}
journify.utils {}
posthog.utils {'order_id': '6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'at': None}
SEEN

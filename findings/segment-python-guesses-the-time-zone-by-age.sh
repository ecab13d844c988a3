#!/usr/bin/env bash
# Segment's Python SDK takes a timestamp without a time zone for local time or for UTC, depending on how old it is.
#
# Packages: segment-analytics-python 2.4.0 (PyPI), and rudder-sdk-python 2.1.9, events-sdk-python 0.0.4 (Hightouch),
# journify-python-sdk 2.2.5, posthog 7.91.1; Python 3.11.
# Expected before the run: one rule for all naive datetimes, local time (as Python's astimezone) or UTC.
# Seen: a naive datetime is local time if it is less than five seconds old or in the future, else UTC. An event that
# remembers datetime.now(), works for six seconds and then calls track, moves by the server's whole offset. A naive
# datetime among the properties gets no offset at all. RudderStack's, Hightouch's and Journify's SDKs do the same;
# PostHog's takes all for UTC, and so moves datetime.now() itself.
# Why it matters: live events and a backfill of the same table differ by hours, tests with now() pass, and on a server
# in UTC nothing shows. Pass datetimes with a time zone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check segment-analytics-python==2.4.0 \
  rudder-sdk-python==2.1.9 events-sdk-python==0.0.4 journify-python-sdk==2.2.5 posthog==7.91.1
TZ=Asia/Tokyo "$folder/venv/bin/python" - <<'PYTHON' | tee "$folder/seen"
import http.server
import importlib
import json
import threading
from datetime import datetime, timedelta

from segment.analytics.client import Client


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        for message in json.loads(self.rfile.read(int(self.headers["Content-Length"])))["batch"]:
            print("segment", message["event"], message["timestamp"][-6:], len(message["properties"]["at"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = Client("key", host=f"http://127.0.0.1:{server.server_port}")
now = datetime.now().replace(microsecond=0)
AGES = {"now": now, "6 seconds old": now - timedelta(seconds=6), "in a month": now + timedelta(days=30)}
for age, moment in AGES.items():
    client.track("user", age, {"at": moment}, timestamp=moment)
client.flush()
for module in ("rudderstack.analytics.utils", "hightouch.htevents.utils", "journify.utils", "posthog.utils"):
    guess = importlib.import_module(module).guess_timezone
    print(module, *(guess(moment).strftime("%z") for moment in AGES.values()))
PYTHON
diff "$folder/seen" - <<'SEEN'
segment now +09:00 19
segment 6 seconds old +00:00 19
segment in a month +09:00 19
rudderstack.analytics.utils +0900 +0000 +0900
hightouch.htevents.utils +0900 +0000 +0900
journify.utils +0900 +0000 +0900
posthog.utils +0000 +0000 +0000
SEEN

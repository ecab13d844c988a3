#!/usr/bin/env bash
# Amplitude's Python SDK leaves out a revenue that is a whole number, and all properties of an event if it dislikes one.
#
# Package: amplitude-analytics 1.3.0 (PyPI), Python 3.11.
# Expected before the run: 5 is a price as good as 5.0; a value that cannot be sent is left out alone, or raises.
# Seen: revenue=5 is missing from the event, and the event is sent; so is user_id=123, and the event has no user. A line
# in the log says so. If one property is a date, a Decimal or a tuple, the event goes out without any of its
# properties, and the log says "sent successfully". None is left out of the properties, but kept in a nested object.
# In an Identify, only the first operation on a key counts: add("visits", 1) twice adds 1.
# Why it matters: tests with 19.99 pass, and orders of 20 have no revenue; one new field empties the others. Convert
# with float() and str() before.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check amplitude-analytics==1.3.0
"$folder/venv/bin/python" - 2> "$folder/log" <<'PYTHON' | tee "$folder/seen"
import http.server, json, threading
from datetime import date

from amplitude import Amplitude, BaseEvent, EventOptions, Identify

uploaded = threading.Event()

class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"code": 200}')
        for event in json.loads(body)["events"]:
            print({key: event[key] for key in event if key not in ("event_type", "insert_id", "library", "time")})
        uploaded.set()

    def log_message(self, *_):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = Amplitude("key")
client.configuration.server_url = f"http://127.0.0.1:{server.server_port}"
client.track(BaseEvent("Order", user_id="ada", revenue=20.0))
client.track(BaseEvent("Order", user_id="ada", revenue=20))
client.track(BaseEvent("Order", user_id=123, device_id="phone"))
client.track(BaseEvent("Order", user_id="ada", event_properties={"plan": "free", "since": "2026-01-01"}))
client.track(BaseEvent("Order", user_id="ada", event_properties={"plan": "free", "since": date(2026, 1, 1)}))
client.track(BaseEvent("Order", user_id="ada", event_properties={"plan": None, "old": {"plan": None}}))
client.identify(Identify().add("visits", 1).add("visits", 1), EventOptions(user_id="ada"))
client.flush()
uploaded.wait(10)
PYTHON
diff "$folder/seen" - <<'SEEN'
{'revenue': 20.0, 'user_id': 'ada'}
{'user_id': 'ada'}
{'device_id': 'phone'}
{'event_properties': {'plan': 'free', 'since': '2026-01-01'}, 'user_id': 'ada'}
{'user_id': 'ada'}
{'event_properties': {'old': {'plan': None}}, 'user_id': 'ada'}
{'user_id': 'ada', 'user_properties': {'$add': {'visits': 1}}}
SEEN

"""Sends identify, track and group through a Python client: MODULE URL WRITE_KEY USER [TRACKS TEXT_BYTES]."""

import importlib
import sys


def report(error: object, _: object) -> None:
    print("not sent:", error, file=sys.stderr)


def main(module: str, url: str, write_key: str, user: str, tracks: str = "1", text_bytes: str = "0") -> None:
    client = importlib.import_module(f"{module}.client").Client(write_key, host=url, on_error=report)
    client.identify(user, {"email": f"{user}@site.test", "firstName": "Ann"})
    for number in range(1, int(tracks) + 1):
        order = user if number == 1 else f"{user}-{number}"
        text = {"text": "x" * int(text_bytes)} if int(text_bytes) else {}
        client.track(user, "Order Completed", {"order": order, "revenue": 20.5, **text})
    client.group(user, f"g-{user}", {"name": f"Acme {user}", "website": f"https://{user}.test"})
    client.flush()
    client.join()


main(*sys.argv[1:])

"""Sends one call of every type through segment-analytics-python: gzip|plain URL WRITE_KEY."""

from __future__ import annotations

import sys

from segment.analytics.client import Client  # type: ignore[import-untyped]


def report(error: Exception, _: object) -> None:
    print(error, file=sys.stderr)


def main() -> None:
    packing, url, write_key = sys.argv[1:]
    client = Client(write_key, host=url, gzip=packing == "gzip", upload_interval=0.2, on_error=report)
    client.identify("u1", {"email": "peter@example.com"})
    client.track("u1", "Bought", {"plan": "pro", "not_a_number": float("nan")})
    client.page("u1", name="Home")
    client.screen("u1", name="Start")
    client.group("u1", "g1", {"name": "Initech"})
    client.alias("a1", "u1")
    client.flush()
    client.join()


if __name__ == "__main__":
    main()

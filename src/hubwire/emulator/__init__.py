"""A HubSpot that remembers: an ASGI application that behaves like HubSpot's API, for tests, benchmarks and trials."""

from __future__ import annotations

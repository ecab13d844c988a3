"""An emulated HubSpot with a memory: an ASGI application that behaves like HubSpot's API, for tests and trials."""

from __future__ import annotations

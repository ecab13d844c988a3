"""Hubwire: a self-hosted, Segment-compatible HubSpot destination."""

__version__ = "0.2.0"

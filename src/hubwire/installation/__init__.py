"""The parts of an installation: sandbox, HubSpot clients, retention, the local server for commands."""

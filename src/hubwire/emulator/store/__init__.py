"""The memory of an emulated portal, and the rules that HubSpot enforces on it."""

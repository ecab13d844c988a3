"""The old API versions that HubSpot still serves."""

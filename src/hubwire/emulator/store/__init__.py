"""What an emulated portal remembers, and the rules that HubSpot enforces on it."""

"""What an installation is made of: the sandbox, HubSpot clients, retention, the local server that commands talk to."""

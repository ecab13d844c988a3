"""From traits and properties of messages to HubSpot's names and values."""

"""The handlers, one module per family of HubSpot's API."""

"""The browser side: analytics.js in one request, its settings, the HubSpot plugin, and the demo page."""

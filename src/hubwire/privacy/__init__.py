"""Forgetting a person: kept out, taken out here, deleted in HubSpot, with a receipt."""

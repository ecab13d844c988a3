"""Forgetting a person: suppressed, removed here, deleted in HubSpot, with a receipt."""

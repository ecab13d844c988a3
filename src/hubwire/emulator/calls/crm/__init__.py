"""CRM records and their associations: single, batch and search."""

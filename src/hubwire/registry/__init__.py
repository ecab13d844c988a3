"""Sources, destinations and their secrets."""

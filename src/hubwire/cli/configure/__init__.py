"""Commands that change sources, destinations, members and the schema."""

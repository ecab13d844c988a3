"""Pages that configure: getting started, sources, destinations, schema, mapping, test."""

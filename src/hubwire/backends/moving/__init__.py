"""From a SQLite file to PostgreSQL: what `hubwire migrate` copies and compares."""

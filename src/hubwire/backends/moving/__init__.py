"""The move from a SQLite file to PostgreSQL: `hubwire migrate` copies the data and compares both sides."""

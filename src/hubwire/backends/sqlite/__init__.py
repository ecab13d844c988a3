"""SQLite: one file holds journal, record and registry. One process appends (see `connection.Appender`)."""

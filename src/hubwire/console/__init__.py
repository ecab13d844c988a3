"""The console: pages for people, each with a JSON twin. Reads through protocols; changes go through the registry, the
record and the journal, and every change is written to the audit log."""

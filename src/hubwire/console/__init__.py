"""The console: pages for people, each also available as JSON. It reads through protocols; changes go through the
registry, the record and the journal, and the audit log records every change."""

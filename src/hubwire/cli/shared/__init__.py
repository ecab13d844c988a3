"""Shared parts of commands: printing, filter options, the session that writes, the choice of a destination."""

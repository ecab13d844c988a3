"""Queries that show what happened: messages, funnel, statistics."""

"""Decisions of people about deliveries: replays, discards, snoozes."""

"""The record: outcomes and attempts of each message, and the known people and companies."""

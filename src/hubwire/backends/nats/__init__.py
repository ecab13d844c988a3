"""NATS JetStream: the journal of a fleet as a replicated stream. Records stay in PostgreSQL."""

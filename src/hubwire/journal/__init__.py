"""The durable message log: appended before the 200, read by position, never changed."""

"""Pure: when the next call may be made, by rate limit and daily budget."""

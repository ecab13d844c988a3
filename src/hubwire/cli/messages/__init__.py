"""Commands about messages and people."""

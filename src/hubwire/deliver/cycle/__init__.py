"""The contents of a cycle: selected messages, their plans, coalesced work, outcomes, and the portal's schema."""

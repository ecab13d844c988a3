"""What one cycle holds: the selected messages, their plans, the coalesced work, outcomes, and the portal's schema."""

"""What became of each message: outcomes, attempts, and what is known of people and companies."""

"""What people decide about deliveries: replays, discards, snoozes."""

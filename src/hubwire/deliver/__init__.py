"""From planned messages to HubSpot: one lane per portal coalesces, batches, sends, judges, and records."""

"""What is written once for every SQL database: registry, queries, numbers, replays, retention, forgetting."""

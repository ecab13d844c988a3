"""Code for every SQL database: registry, queries, statistics, replays, retention, deletion."""

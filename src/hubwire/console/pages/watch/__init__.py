"""Pages that show what happened to messages: overview, live, messages, failures, replays, people."""

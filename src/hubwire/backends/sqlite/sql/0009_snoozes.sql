-- Groups of failures that somebody does not want to see until then.
CREATE TABLE snooze (
    destination_id INTEGER NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('dead', 'held', 'retrying')),
    reason         TEXT NOT NULL,
    until_ms       INTEGER NOT NULL,
    since_ms       INTEGER NOT NULL,
    actor          TEXT NOT NULL,
    PRIMARY KEY (destination_id, state, reason)
) WITHOUT ROWID;

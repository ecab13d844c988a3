-- Alert settings, encrypted: those that somebody saved in the console, and those with which the last server started.
CREATE TABLE alert_setting (
    origin      TEXT PRIMARY KEY CHECK (origin IN ('console', 'server')),
    sealed      BLOB NOT NULL,
    saved_at_ms INTEGER NOT NULL
) WITHOUT ROWID;

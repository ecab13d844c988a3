-- Alert settings, encrypted: those that somebody saved in the console, and those with which the last server started.
CREATE TABLE alert_setting (
    origin      text PRIMARY KEY CHECK (origin IN ('console', 'server')),
    sealed      bytea  NOT NULL,
    saved_at_ms bigint NOT NULL
);

-- The durable message log. `position` is the place in the log: it only grows, also after the oldest rows are removed.
CREATE TABLE journal (
    position       INTEGER PRIMARY KEY AUTOINCREMENT,
    source_id      INTEGER NOT NULL,
    is_backfill    INTEGER NOT NULL DEFAULT 0 CHECK (is_backfill IN (0, 1)),
    received_at_ms INTEGER NOT NULL,
    rejected       TEXT,                -- a reason when the message can never be delivered
    message_id     TEXT NOT NULL,
    envelope       BLOB,                -- JSON: context, integrations, sentAt of the upload
    body           BLOB NOT NULL        -- JSON: the caller's own bytes
);

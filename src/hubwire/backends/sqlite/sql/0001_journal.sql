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

-- What lanes read: one stream (live or backfill) by position. Both streams only grow at their right end, so the index
-- costs little on append; `source_id` rides along so that a lane with some sources skips the others without their rows.
CREATE INDEX journal_stream ON journal (is_backfill, position, source_id) WHERE rejected IS NULL;

-- Message ids of a run of consecutive positions as 8-byte keyed digests, in order of position: `digests[8 * i]` belongs
-- to `first_position + i`. Instead of an index on message_id, which would cost more than the append itself: looked
-- through to find a message, and read back after a restart to go on with de-duplication.
CREATE TABLE journal_block (
    first_position INTEGER PRIMARY KEY,
    last_position  INTEGER NOT NULL,
    newest_at_ms   INTEGER NOT NULL,    -- received_at_ms of the newest message in it
    digests        BLOB NOT NULL
);

-- The key of those digests: of this file alone, so that no sender can choose ids that collide.
CREATE TABLE journal_key (digest_key BLOB NOT NULL);
INSERT INTO journal_key (digest_key) VALUES (randomblob(32));

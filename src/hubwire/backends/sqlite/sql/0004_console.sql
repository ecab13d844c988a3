-- What the console needs: sums over the journal, replays under way, and who may sign in.

-- Sums of complete stretches of 1,024 positions (`stretch` is position >> 10), so that a funnel need not read every
-- message. `counts` is JSON: [[source_id, is_backfill, rejected or null, count], ...]. Made when first needed.
CREATE TABLE intake (
    stretch      INTEGER PRIMARY KEY,
    first_at_ms  INTEGER NOT NULL,       -- least and greatest received_at_ms in it
    last_at_ms   INTEGER NOT NULL,
    counts       BLOB NOT NULL
);

-- A message that is removed (retention, forget) makes its stretch be summed up again.
CREATE TRIGGER intake_of_removed AFTER DELETE ON journal BEGIN
    DELETE FROM intake WHERE stretch = old.position >> 10;
END;

-- One row per replay that a person began: it feeds its targets to the lanes in slices.
CREATE TABLE replay (
    replay_id    INTEGER PRIMARY KEY AUTOINCREMENT,
    actor        TEXT NOT NULL,
    wanted       BLOB NOT NULL,          -- JSON: the filter it was begun with
    state        TEXT NOT NULL CHECK (state IN ('running', 'done', 'cancelled')),
    begun_at_ms  INTEGER NOT NULL,
    ended_at_ms  INTEGER,
    target_count INTEGER NOT NULL,
    fed_count    INTEGER NOT NULL DEFAULT 0,  -- handed to a lane
    passed_count INTEGER NOT NULL DEFAULT 0,  -- had changed their state meanwhile: left alone
    CHECK ((state = 'running') = (ended_at_ms IS NULL))
);

-- The deliveries of a replay. `fed_at_ms` NULL: not handed to its lane yet.
CREATE TABLE replay_target (
    replay_id      INTEGER NOT NULL REFERENCES replay (replay_id) ON DELETE CASCADE,
    destination_id INTEGER NOT NULL,
    position       INTEGER NOT NULL,
    fed_at_ms      INTEGER,
    PRIMARY KEY (replay_id, destination_id, position)
) WITHOUT ROWID;
CREATE INDEX replay_target_waiting ON replay_target (replay_id, destination_id, position) WHERE fed_at_ms IS NULL;

-- Who may sign in. Only digests of tokens and slow hashes of passwords are kept.
CREATE TABLE member (
    name          TEXT PRIMARY KEY,
    role          TEXT NOT NULL CHECK (role IN ('view', 'operate', 'admin')),
    token_digest  BLOB UNIQUE,
    password_hash TEXT,
    created_at_ms INTEGER NOT NULL
) WITHOUT ROWID;

-- Signed-in browsers and one-time sign-in links, by the digest of what the browser holds.
CREATE TABLE pass (
    digest        BLOB PRIMARY KEY,
    kind          TEXT NOT NULL CHECK (kind IN ('session', 'link')),
    member_name   TEXT NOT NULL,
    role          TEXT NOT NULL CHECK (role IN ('view', 'operate', 'admin')),
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX pass_by_expiry ON pass (expires_at_ms);
CREATE INDEX pass_by_member ON pass (member_name);

-- What became of each message. A message at or before its lane's cursor without a row in `delivery` was delivered.

-- One lane per destination: where it stands, and who drives it.
CREATE TABLE lane (
    destination_id      INTEGER PRIMARY KEY,
    live_cursor         INTEGER NOT NULL DEFAULT 0,
    backfill_cursor     INTEGER NOT NULL DEFAULT 0,
    taken_count         INTEGER NOT NULL DEFAULT 0,  -- messages that a cursor has passed, ever
    calls_count         INTEGER NOT NULL DEFAULT 0,  -- HubSpot calls, ever
    lease_owner         TEXT,
    lease_token         INTEGER NOT NULL DEFAULT 0,
    lease_expires_at_ms INTEGER NOT NULL DEFAULT 0,
    open_cycle_id       INTEGER,
    stopped_reason      TEXT,
    stopped_detail      TEXT NOT NULL DEFAULT '',
    resume_at_ms        INTEGER,
    status              BLOB NOT NULL DEFAULT '{}'
);

-- One row per cycle: the ranges it took on and what came of them.
CREATE TABLE cycle (
    cycle_id         INTEGER PRIMARY KEY AUTOINCREMENT,
    destination_id   INTEGER NOT NULL,
    live_after       INTEGER NOT NULL,
    live_through     INTEGER NOT NULL,
    backfill_after   INTEGER NOT NULL,
    backfill_through INTEGER NOT NULL,
    begun_at_ms      INTEGER NOT NULL,
    ended_at_ms      INTEGER,           -- NULL while it is open
    attempts         INTEGER NOT NULL DEFAULT 1,
    taken_count      INTEGER NOT NULL DEFAULT 0,  -- messages taken for the first time
    delivered_count  INTEGER NOT NULL DEFAULT 0,
    discarded_count  INTEGER NOT NULL DEFAULT 0,
    held_count       INTEGER NOT NULL DEFAULT 0,
    retrying_count   INTEGER NOT NULL DEFAULT 0,
    dead_count       INTEGER NOT NULL DEFAULT 0,
    replayed_count   INTEGER NOT NULL DEFAULT 0,
    calls_count      INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX cycle_by_live ON cycle (destination_id, live_through);
CREATE INDEX cycle_by_end ON cycle (ended_at_ms);

-- One row per message with something to say. The states and moves are those of `delivery.py`.
CREATE TABLE delivery (
    destination_id      INTEGER NOT NULL,
    position            INTEGER NOT NULL,
    state               TEXT NOT NULL
        CHECK (state IN ('pending', 'leased', 'delivered', 'retrying', 'discarded', 'held', 'dead')),
    reason              TEXT,
    detail              TEXT NOT NULL DEFAULT '',
    left_out            BLOB,           -- JSON: [{field, reason, detail}]
    attempts            INTEGER NOT NULL DEFAULT 0,
    first_attempt_at_ms INTEGER,
    due_at_ms           INTEGER,        -- when it joins a cycle again
    is_replay           INTEGER NOT NULL DEFAULT 0 CHECK (is_replay IN (0, 1)),
    cycle_id            INTEGER,
    updated_at_ms       INTEGER NOT NULL,
    PRIMARY KEY (destination_id, position),
    CHECK ((state IN ('pending', 'retrying', 'held')) = (due_at_ms IS NOT NULL)),
    CHECK (state IN ('pending', 'leased', 'delivered') OR reason IS NOT NULL)
) WITHOUT ROWID;
CREATE INDEX delivery_by_due ON delivery (destination_id, due_at_ms) WHERE due_at_ms IS NOT NULL;
CREATE INDEX delivery_by_state ON delivery (destination_id, state, reason, position);

-- Fates of rows that retention has removed, so that the totals still add up.
CREATE TABLE archived (
    destination_id INTEGER NOT NULL,
    state          TEXT NOT NULL,
    message_count  INTEGER NOT NULL,
    PRIMARY KEY (destination_id, state)
) WITHOUT ROWID;

-- What releases a held message: the identity keys that it waits for.
CREATE TABLE hold (
    hold_key       TEXT NOT NULL,
    destination_id INTEGER NOT NULL,
    position       INTEGER NOT NULL,
    PRIMARY KEY (hold_key, destination_id, position)
) WITHOUT ROWID;
CREATE INDEX hold_by_position ON hold (destination_id, position);

-- One row per HTTP exchange with HubSpot, the token removed; bodies are deflated.
CREATE TABLE attempt (
    attempt_id     INTEGER PRIMARY KEY AUTOINCREMENT,
    destination_id INTEGER NOT NULL,
    cycle_id       INTEGER NOT NULL,
    call           TEXT NOT NULL,
    started_at_ms  INTEGER NOT NULL,
    duration_ms    INTEGER NOT NULL,
    status         INTEGER,             -- NULL: no answer
    outcome        TEXT NOT NULL,
    correlation_id TEXT NOT NULL DEFAULT '',
    request        BLOB NOT NULL,
    response       BLOB NOT NULL,
    positions      BLOB NOT NULL        -- little-endian 64-bit positions, deflated
);
CREATE INDEX attempt_by_cycle ON attempt (cycle_id);
CREATE INDEX attempt_by_start ON attempt (started_at_ms);

-- What HubSpot confirmed of contacts and companies. `properties` is msgpack: name -> [value, message time ms].
CREATE TABLE person (
    destination_id  INTEGER NOT NULL,
    email           TEXT NOT NULL,
    contact_id      TEXT,
    confirmed_at_ms INTEGER NOT NULL,
    properties      BLOB NOT NULL,
    PRIMARY KEY (destination_id, email)
) WITHOUT ROWID;

CREATE TABLE company (
    destination_id  INTEGER NOT NULL,
    domain          TEXT NOT NULL,
    company_id      TEXT,
    confirmed_at_ms INTEGER NOT NULL,
    properties      BLOB NOT NULL,
    PRIMARY KEY (destination_id, domain)
) WITHOUT ROWID;

CREATE TABLE association (
    destination_id INTEGER NOT NULL,
    email          TEXT NOT NULL,
    domain         TEXT NOT NULL,
    PRIMARY KEY (destination_id, email, domain)
) WITHOUT ROWID;

-- Identity memory: who is who, per identity space. Of two links for one key the greater (strength, at, target) stays.
CREATE TABLE link (
    space        TEXT NOT NULL,
    link_key     TEXT NOT NULL,
    target       TEXT NOT NULL,
    strength     INTEGER NOT NULL CHECK (strength BETWEEN 0 AND 3),
    at_ms        INTEGER NOT NULL,
    linked_at_ms INTEGER NOT NULL,
    PRIMARY KEY (space, link_key)
) WITHOUT ROWID;
CREATE INDEX link_by_target ON link (target);

-- Forgetting people, and alerts.

-- Who must not come back: keyed digests of e-mails and ids, the key is not in this file. Those of one person share
-- `person` (random), so that lifting one lifts all of them.
CREATE TABLE suppression (
    digest   BLOB PRIMARY KEY,
    person   BLOB NOT NULL,
    since_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX suppression_by_person ON suppression (person);

-- Requests to delete or suppress people. Subjects are sealed, and go away when the regulation has ended.
CREATE TABLE regulation (
    regulation_id   TEXT PRIMARY KEY,
    type            TEXT NOT NULL CHECK (type IN ('SUPPRESS_ONLY', 'DELETE_ONLY', 'SUPPRESS_WITH_DELETE',
        'DELETE_INTERNAL', 'SUPPRESS_WITH_DELETE_INTERNAL', 'UNSUPPRESS')),
    subject_type    TEXT NOT NULL CHECK (subject_type IN ('USER_ID', 'EMAIL')),
    subject_count   INTEGER NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('INITIALIZED', 'RUNNING', 'PARTIAL_SUCCESS', 'FAILED', 'FINISHED')),
    created_at_ms   INTEGER NOT NULL,
    claimed_at_ms   INTEGER NOT NULL DEFAULT 0,
    finished_at_ms  INTEGER,
    sealed_subjects BLOB,
    receipt         BLOB NOT NULL DEFAULT '{}',   -- JSON, without personal data
    CHECK ((state IN ('INITIALIZED', 'RUNNING')) = (finished_at_ms IS NULL))
) WITHOUT ROWID;
CREATE INDEX regulation_by_age ON regulation (created_at_ms);

-- Alerts that are on, and when they were told last.
CREATE TABLE alert (
    alert_key    TEXT PRIMARY KEY,
    since_ms     INTEGER NOT NULL,
    last_told_ms INTEGER NOT NULL
) WITHOUT ROWID;

-- A message that is redacted changes the sums of its stretch.
CREATE TRIGGER intake_of_redacted AFTER UPDATE OF rejected ON journal BEGIN
    DELETE FROM intake WHERE stretch = old.position >> 10;
END;

-- Retention looks for the oldest delivery that is not final.
CREATE INDEX delivery_open ON delivery (position) WHERE state IN ('pending', 'leased', 'retrying', 'held');

-- Forgetting people, and alerts.

-- Who must not come back: keyed digests of e-mails and ids, the key is not in this database. Those of one person share
-- `person` (random), so that lifting one lifts all of them.
CREATE TABLE suppression (
    digest   bytea  PRIMARY KEY,
    person   bytea  NOT NULL,
    since_ms bigint NOT NULL
);
CREATE INDEX suppression_by_person ON suppression (person);

-- Requests to delete or suppress people. Subjects are sealed, and go away when the regulation has ended.
CREATE TABLE regulation (
    regulation_id   text    PRIMARY KEY,
    type            text    NOT NULL CHECK (type IN ('SUPPRESS_ONLY', 'DELETE_ONLY', 'SUPPRESS_WITH_DELETE',
        'DELETE_INTERNAL', 'SUPPRESS_WITH_DELETE_INTERNAL', 'UNSUPPRESS')),
    subject_type    text    NOT NULL CHECK (subject_type IN ('USER_ID', 'EMAIL')),
    subject_count   integer NOT NULL,
    state           text    NOT NULL
        CHECK (state IN ('INITIALIZED', 'RUNNING', 'PARTIAL_SUCCESS', 'FAILED', 'FINISHED')),
    created_at_ms   bigint  NOT NULL,
    claimed_at_ms   bigint  NOT NULL DEFAULT 0,
    finished_at_ms  bigint,
    sealed_subjects bytea,
    receipt         bytea   NOT NULL DEFAULT '{}',   -- JSON, without personal data
    CHECK ((state IN ('INITIALIZED', 'RUNNING')) = (finished_at_ms IS NULL))
);
CREATE INDEX regulation_by_age ON regulation (created_at_ms);

-- Alerts that are on, and when they were told last.
CREATE TABLE alert (
    alert_key    text   PRIMARY KEY,
    since_ms     bigint NOT NULL,
    last_told_ms bigint NOT NULL
);

-- A message that is redacted changes the sums of its stretch.
CREATE FUNCTION intake_forget_redacted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM intake WHERE stretch IN (SELECT DISTINCT position >> 10 FROM redacted);
    RETURN NULL;
END $$;
CREATE TRIGGER intake_of_redacted AFTER UPDATE ON journal REFERENCING OLD TABLE AS redacted
    FOR EACH STATEMENT EXECUTE FUNCTION intake_forget_redacted();

-- Retention looks for the oldest delivery that is not final.
CREATE INDEX delivery_open ON delivery (position) WHERE state IN ('pending', 'leased', 'retrying', 'held');

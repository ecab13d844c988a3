-- What HubSpot confirmed of lists, subscriptions and form submissions. A list's key is its name or id, as rules give it.
CREATE TABLE known_list (
    destination_id INTEGER NOT NULL,
    list_key       TEXT NOT NULL,
    object_type    TEXT NOT NULL,
    list_id        TEXT NOT NULL,
    list_name      TEXT NOT NULL,
    is_own         INTEGER NOT NULL,
    list_size      INTEGER,
    read_at_ms     INTEGER NOT NULL,
    PRIMARY KEY (destination_id, list_key)
) WITHOUT ROWID;

CREATE TABLE membership (
    destination_id   INTEGER NOT NULL,
    list_key         TEXT NOT NULL,
    record_key       TEXT NOT NULL,
    is_member        INTEGER NOT NULL,
    at_ms            INTEGER NOT NULL,
    message_position INTEGER NOT NULL,
    trust            INTEGER NOT NULL,
    list_id          TEXT NOT NULL,
    record_id        TEXT NOT NULL,
    confirmed_at_ms  INTEGER NOT NULL,
    PRIMARY KEY (destination_id, list_key, record_key)
) WITHOUT ROWID;
CREATE INDEX membership_by_record ON membership (destination_id, record_key);

CREATE TABLE preference (
    destination_id     INTEGER NOT NULL,
    email              TEXT NOT NULL,
    subscription_id    TEXT NOT NULL,
    subscription_state TEXT NOT NULL,
    at_ms              INTEGER NOT NULL,
    message_position   INTEGER NOT NULL,
    trust              INTEGER NOT NULL,
    confirmed_at_ms    INTEGER NOT NULL,
    PRIMARY KEY (destination_id, email, subscription_id)
) WITHOUT ROWID;

CREATE TABLE submission (
    destination_id   INTEGER NOT NULL,
    submission_id    TEXT NOT NULL,
    content          TEXT NOT NULL,
    form             TEXT NOT NULL,
    email            TEXT NOT NULL,
    submission_state TEXT NOT NULL,
    at_ms            INTEGER NOT NULL,
    sent_at_ms       INTEGER NOT NULL,
    message_position INTEGER NOT NULL,
    PRIMARY KEY (destination_id, submission_id)
) WITHOUT ROWID;
CREATE INDEX submission_by_content ON submission (destination_id, content);
CREATE INDEX submission_by_email ON submission (destination_id, email);

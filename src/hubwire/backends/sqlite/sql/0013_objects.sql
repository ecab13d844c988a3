-- What HubSpot confirmed of records other than contacts and companies, and of associations between any two records.
-- `properties` is msgpack: name -> [value, message time ms, position, trust].
CREATE TABLE object_record (
    destination_id  INTEGER NOT NULL,
    object_type     TEXT NOT NULL,
    record_key      TEXT NOT NULL,
    record_id       TEXT,
    confirmed_at_ms INTEGER NOT NULL,
    properties      BLOB NOT NULL,
    seen_at_ms      INTEGER NOT NULL,
    PRIMARY KEY (destination_id, object_type, record_key)
) WITHOUT ROWID;

CREATE TABLE object_association (
    destination_id INTEGER NOT NULL,
    source_type    TEXT NOT NULL,
    source_key     TEXT NOT NULL,
    target_type    TEXT NOT NULL,
    target_key     TEXT NOT NULL,
    at_ms          INTEGER NOT NULL,
    marks          TEXT NOT NULL,
    is_away        INTEGER NOT NULL,  -- taken away by the message of this time
    PRIMARY KEY (destination_id, source_type, source_key, target_type, target_key)
) WITHOUT ROWID;
CREATE INDEX object_association_by_target ON object_association (destination_id, target_type, target_key);

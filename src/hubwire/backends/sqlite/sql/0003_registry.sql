-- Sources, destinations and who changed what. `settings` is JSON as `destination.py` defines it.
CREATE TABLE source (
    source_id     INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT NOT NULL UNIQUE,
    settings      BLOB NOT NULL,
    created_at_ms INTEGER NOT NULL
);

-- Write keys: only a keyed hash is kept; `sealed` (encrypted) also for web and mobile keys, which are public anyway
-- and must be shown in the snippet.
CREATE TABLE write_key (
    key_hash      BLOB PRIMARY KEY,
    source_id     INTEGER NOT NULL REFERENCES source (source_id),
    hint          TEXT NOT NULL,        -- its last four characters
    sealed        BLOB,
    created_at_ms INTEGER NOT NULL,
    revoked_at_ms INTEGER
) WITHOUT ROWID;

CREATE TABLE destination (
    destination_id INTEGER PRIMARY KEY AUTOINCREMENT,
    name           TEXT NOT NULL UNIQUE,
    settings       BLOB NOT NULL,
    sealed_token   BLOB,                -- encrypted access token
    created_at_ms  INTEGER NOT NULL
);

CREATE TABLE audit (
    audit_id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms    INTEGER NOT NULL,
    actor    TEXT NOT NULL,
    action   TEXT NOT NULL,
    detail   TEXT NOT NULL
);

-- Grows with every change, so that running lanes and receivers notice.
CREATE TABLE registry_version (version INTEGER NOT NULL);
INSERT INTO registry_version (version) VALUES (1);

-- Several processes for one installation: who lives, and that all of them have the same key.

-- Deliverers that have said lately that they live. The lanes are shared among them.
CREATE TABLE worker (
    owner         text   PRIMARY KEY,
    expires_at_ms bigint NOT NULL
);

-- A digest of the secret key that this installation was made with: a process with another key would know no write key.
CREATE TABLE key_mark (
    is_only_row boolean PRIMARY KEY DEFAULT true CHECK (is_only_row),
    digest      bytea   NOT NULL
);

-- A digest of the secret key that this installation was made with: a process with another key would know no write key.
CREATE TABLE key_mark (
    is_only_row INTEGER PRIMARY KEY DEFAULT 1 CHECK (is_only_row = 1),
    digest      BLOB NOT NULL
);

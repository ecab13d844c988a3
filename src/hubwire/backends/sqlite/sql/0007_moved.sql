-- Where this installation went: from then on nothing may be received into this file any more.
CREATE TABLE moved (
    is_only_row INTEGER PRIMARY KEY DEFAULT 1 CHECK (is_only_row = 1),
    move_id     TEXT NOT NULL,
    target      TEXT NOT NULL,          -- for people: without user and password
    at_ms       INTEGER NOT NULL
);

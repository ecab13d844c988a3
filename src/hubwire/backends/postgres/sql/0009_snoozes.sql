-- Groups of failures that somebody does not want to see until then.
CREATE TABLE snooze (
    destination_id integer NOT NULL,
    state          text    NOT NULL CHECK (state IN ('dead', 'held', 'retrying')),
    reason         text    NOT NULL,
    until_ms       bigint  NOT NULL,
    since_ms       bigint  NOT NULL,
    actor          text    NOT NULL,
    PRIMARY KEY (destination_id, state, reason)
);

-- What `hubwire migrate` fills this database from, and how far it is. No server starts while it is being filled.
CREATE TABLE move (
    is_only_row    boolean PRIMARY KEY DEFAULT true CHECK (is_only_row),
    move_id        uuid    NOT NULL DEFAULT gen_random_uuid(),
    origin         bytea   NOT NULL,    -- what the file has for itself alone
    copied_through bigint  NOT NULL,    -- the file's journal positions up to here are here
    state          text    NOT NULL DEFAULT 'filling' CHECK (state IN ('filling', 'done'))
);

-- Which journal the positions of this record belong to. Another one counts from its own beginning: its messages would
-- be taken for those that were delivered long ago.
CREATE TABLE journal_mark (
    is_only_row boolean PRIMARY KEY DEFAULT true CHECK (is_only_row),
    journal     text    NOT NULL        -- 'postgres', or a stream of JetStream
);
INSERT INTO journal_mark (journal) SELECT 'postgres' FROM journal_position WHERE is_called;

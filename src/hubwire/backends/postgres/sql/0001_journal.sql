-- The durable message log. `position` is the place in the log: it only grows, also after the oldest rows are removed.
-- Partitions hold a range of positions each, so that retention drops a table instead of deleting its rows.
CREATE TABLE journal (
    position       bigint  NOT NULL PRIMARY KEY,
    received_at_ms bigint  NOT NULL,
    source_id      integer NOT NULL,
    is_backfill    boolean NOT NULL,
    rejected       text,                -- a reason when the message can never be delivered
    message_id     text    NOT NULL,
    envelope       bytea,               -- JSON: context, integrations, sentAt of the upload
    body           bytea   NOT NULL     -- JSON: the caller's own bytes
) PARTITION BY RANGE (position);

-- What lanes read: one stream (live or backfill) by position; `source_id` rides along for lanes with some sources.
CREATE INDEX journal_stream ON journal (is_backfill, position) INCLUDE (source_id) WHERE rejected IS NULL;

-- Finding one message by its id: a Bloom filter per 32 pages costs an append nothing, where a b-tree on random ids
-- costs more than the row. What autovacuum has not summed up yet is looked through.
CREATE INDEX journal_message ON journal
    USING brin (message_id text_bloom_ops (n_distinct_per_range = 500, false_positive_rate = 0.001))
    WITH (pages_per_range = 32, autosummarize = on);

CREATE TABLE journal_partition (
    first_position bigint PRIMARY KEY,
    end_position   bigint NOT NULL,     -- the first one behind it
    begun_at_ms    bigint NOT NULL,     -- received_at_ms of a message near its beginning
    name           name   NOT NULL
);

-- The last position given out. A sequence, because it is moved in place: a row that every append updates would leave
-- dead versions for as long as any old snapshot (a backup) lives. Only the holder of the appender's lock moves it.
CREATE SEQUENCE journal_position;

-- Which messages were appended lately, as 128-bit digests of (source_id, message_id). Two halves take turns: one is
-- filled for the length of the window while the other one holds the window before; then the older one is emptied.
CREATE TABLE journal_seen (
    half   smallint NOT NULL,
    digest uuid     NOT NULL,
    at_ms  bigint   NOT NULL,           -- received_at_ms
    PRIMARY KEY (digest, half)
) PARTITION BY LIST (half);
CREATE TABLE journal_seen_0 PARTITION OF journal_seen FOR VALUES IN (0);
CREATE TABLE journal_seen_1 PARTITION OF journal_seen FOR VALUES IN (1);

CREATE TABLE journal_state (
    is_only_row         boolean  PRIMARY KEY DEFAULT true CHECK (is_only_row),
    seen_half           smallint NOT NULL DEFAULT 0,        -- the one that is filled now
    seen_since_ms       bigint   NOT NULL DEFAULT 0,
    partitioned_through bigint   NOT NULL DEFAULT 0,        -- positions up to here have their partition
    least_positions     bigint   NOT NULL DEFAULT 16384,    -- of one partition
    most_positions      bigint   NOT NULL DEFAULT 16777216
);
INSERT INTO journal_state DEFAULT VALUES;

-- Empty the half that is older than the window and fill it from now on. A backup that reads it keeps its lock: then
-- the turn waits, and ids are remembered longer than asked for.
CREATE FUNCTION journal_turn(at_ms bigint, INOUT half smallint) LANGUAGE plpgsql AS $$
BEGIN
    half := 1 - half;
    EXECUTE format('LOCK TABLE journal_seen_%s IN ACCESS EXCLUSIVE MODE NOWAIT', half);
    EXECUTE format('TRUNCATE journal_seen_%s', half);
    UPDATE journal_state SET seen_half = half, seen_since_ms = at_ms;
EXCEPTION WHEN lock_not_available THEN
    half := 1 - half;
END $$;

-- Make partitions up to a position. Each is made to hold about a day of messages, judged by the one before: retention
-- is then true to the day, and a month is a few dozen partitions, whatever the traffic.
-- Attached, not created in place: that takes a lock which no reader waits for.
CREATE FUNCTION journal_partition_through(last bigint, at_ms bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    day_ms   CONSTANT bigint := 86400000;
    state    journal_state;
    newest   journal_partition;
    begin_at bigint;
    size     bigint;
    made     name;
BEGIN
    SELECT * INTO state FROM journal_state;
    begin_at := state.partitioned_through + 1;
    WHILE begin_at <= last LOOP
        SELECT * INTO newest FROM journal_partition ORDER BY first_position DESC LIMIT 1;
        size := coalesce(newest.end_position - newest.first_position, state.least_positions);
        IF newest IS NOT NULL THEN
            size := least(4 * size, size * day_ms / greatest(at_ms - newest.begun_at_ms, 1));
        END IF;
        size := greatest(state.least_positions, least(state.most_positions, size));
        made := 'journal_' || begin_at;
        EXECUTE format('CREATE TABLE %I (LIKE journal INCLUDING ALL, CHECK (position >= %s AND position < %s))',
                       made, begin_at, begin_at + size);
        EXECUTE format('ALTER TABLE journal ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
                       made, begin_at, begin_at + size);
        INSERT INTO journal_partition VALUES (begin_at, begin_at + size, at_ms, made);
        begin_at := begin_at + size;
        UPDATE journal_state SET partitioned_through = begin_at - 1;
    END LOOP;
END $$;

-- Append messages, given as one array per column. `first` is the first position given out, null when all of them are
-- duplicates; `kept` has the ordinals of those that are not, or is null when none is. One call is one transaction.
--
-- The lock makes positions visible in their order: it is taken before a position is given out and let go only after
-- the commit has become visible, so whoever sees a position sees every lower one that will ever exist. Without it a
-- reader could pass a transaction that commits late, and never come back for its rows. The sequence is moved last: an
-- append that fails before has given nothing out.
CREATE FUNCTION journal_append(
    window_ms bigint, digests uuid[], times bigint[], sources integer[], backfills boolean[], rejections text[],
    message_ids text[], envelopes bytea[], bodies bytea[], OUT first bigint, OUT kept integer[]
) LANGUAGE plpgsql AS $$
DECLARE
    filled smallint;
    since  bigint;
    newest bigint := times[cardinality(times)];
    fresh  uuid[];
    amount integer := cardinality(digests);
BEGIN
    PERFORM pg_advisory_xact_lock('journal_position'::regclass::oid::bigint);
    SELECT seen_half, seen_since_ms INTO filled, since FROM journal_state;
    IF newest >= since + window_ms THEN
        filled := journal_turn(newest, filled);
    END IF;
    WITH added AS (
        INSERT INTO journal_seen (half, digest, at_ms)
        SELECT filled, one.digest, one.at_ms FROM unnest(digests, times) AS one (digest, at_ms)
        WHERE NOT EXISTS (
            SELECT FROM journal_seen AS old
            WHERE old.half = 1 - filled AND old.digest = one.digest AND old.at_ms >= one.at_ms - window_ms
        )
        ON CONFLICT DO NOTHING
        RETURNING digest
    )
    SELECT array_agg(digest) INTO fresh FROM added;
    IF fresh IS NULL THEN
        RETURN;
    END IF;
    IF cardinality(fresh) < amount THEN
        SELECT array_agg(ordinal ORDER BY ordinal) INTO kept FROM (
            SELECT min(ordinal)::integer AS ordinal FROM unnest(digests) WITH ORDINALITY AS one (digest, ordinal)
            WHERE digest = ANY (fresh) GROUP BY digest
        ) AS firsts;
        amount := cardinality(kept);
    END IF;
    SELECT last_value + is_called::integer INTO first FROM journal_position;
    IF first + amount - 1 > (SELECT partitioned_through FROM journal_state) THEN
        PERFORM journal_partition_through(first + amount - 1, newest);
    END IF;
    INSERT INTO journal (position, received_at_ms, source_id, is_backfill, rejected, message_id, envelope, body)
    SELECT first - 1 + row_number() OVER (ORDER BY ordinal),
        one.at_ms, one.source_id, one.is_backfill, one.rejected, one.message_id, one.envelope, one.body
    FROM unnest(times, sources, backfills, rejections, message_ids, envelopes, bodies)
        WITH ORDINALITY AS one (at_ms, source_id, is_backfill, rejected, message_id, envelope, body, ordinal)
    WHERE kept IS NULL OR ordinal = ANY (kept);
    PERFORM setval('journal_position', first + amount - 1);
    PERFORM pg_notify('hubwire', 'journal');
END $$;

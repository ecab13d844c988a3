-- Replays that pause, that take only a share of a destination's calls, and whose messages can be listed.

ALTER TABLE replay
    ADD COLUMN share_percent  integer NOT NULL DEFAULT 50 CHECK (share_percent BETWEEN 1 AND 100),
    ADD COLUMN paused_at_ms   bigint,   -- set while a running one is paused
    ADD COLUMN last_fed_at_ms bigint;   -- when its last slice was put back

-- Whether it had changed its state meanwhile, so that it was left alone. `fed_at_ms` is then when that was seen.
ALTER TABLE replay_target ADD COLUMN is_passed boolean NOT NULL DEFAULT false;
CREATE INDEX replay_target_by_position ON replay_target (replay_id, position);

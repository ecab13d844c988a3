-- When an answer of HubSpot last showed that the record is there, and when it refused an address for privacy.
ALTER TABLE person ADD COLUMN seen_at_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE person ADD COLUMN refused_at_ms INTEGER;
ALTER TABLE company ADD COLUMN seen_at_ms INTEGER NOT NULL DEFAULT 0;

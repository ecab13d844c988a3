-- How long a lease was given for: one that ends later than that from now was written before the clock was set back.
ALTER TABLE lane ADD COLUMN lease_ms bigint NOT NULL DEFAULT 300000;

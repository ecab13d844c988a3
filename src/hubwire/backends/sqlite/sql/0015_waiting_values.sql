-- Values that wait for a record which HubSpot never had: retention removes those without a new value for long.
-- `seen_at_ms` is the time of the newest value there.
CREATE INDEX object_record_waiting ON object_record (seen_at_ms) WHERE record_id IS NULL;

-- What HubSpot confirmed of records other than contacts and companies, and of associations between any two records.
-- `properties` is msgpack: name -> [value, message time ms, position, trust].
CREATE TABLE object_record (
    destination_id  integer NOT NULL,
    object_type     text NOT NULL,
    record_key      text NOT NULL,
    record_id       text,
    confirmed_at_ms bigint NOT NULL,
    properties      bytea NOT NULL,
    seen_at_ms      bigint NOT NULL,
    PRIMARY KEY (destination_id, object_type, record_key)
);

CREATE TABLE object_association (
    destination_id integer NOT NULL,
    source_type    text NOT NULL,
    source_key     text NOT NULL,
    target_type    text NOT NULL,
    target_key     text NOT NULL,
    at_ms          bigint NOT NULL,
    marks          text NOT NULL,
    is_away        boolean NOT NULL,  -- taken away by the message of this time
    PRIMARY KEY (destination_id, source_type, source_key, target_type, target_key)
);
CREATE INDEX object_association_by_target ON object_association (destination_id, target_type, target_key);

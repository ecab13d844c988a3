-- What HubSpot confirmed of lists, subscriptions and form submissions. A list's key is its name or id, as rules give it.
CREATE TABLE known_list (
    destination_id integer NOT NULL,
    list_key       text NOT NULL,
    object_type    text NOT NULL,
    list_id        text NOT NULL,
    list_name      text NOT NULL,
    is_own         boolean NOT NULL,
    list_size      bigint,
    read_at_ms     bigint NOT NULL,
    PRIMARY KEY (destination_id, list_key)
);

CREATE TABLE membership (
    destination_id   integer NOT NULL,
    list_key         text NOT NULL,
    record_key       text NOT NULL,
    is_member        boolean NOT NULL,
    at_ms            bigint NOT NULL,
    message_position bigint NOT NULL,
    trust            smallint NOT NULL,
    list_id          text NOT NULL,
    record_id        text NOT NULL,
    confirmed_at_ms  bigint NOT NULL,
    PRIMARY KEY (destination_id, list_key, record_key)
);
CREATE INDEX membership_by_record ON membership (destination_id, record_key);

CREATE TABLE preference (
    destination_id     integer NOT NULL,
    email              text NOT NULL,
    subscription_id    text NOT NULL,
    subscription_state text NOT NULL,
    at_ms              bigint NOT NULL,
    message_position   bigint NOT NULL,
    trust              smallint NOT NULL,
    confirmed_at_ms    bigint NOT NULL,
    PRIMARY KEY (destination_id, email, subscription_id)
);

CREATE TABLE submission (
    destination_id   integer NOT NULL,
    submission_id    text NOT NULL,
    content          text NOT NULL,
    form             text NOT NULL,
    email            text NOT NULL,
    submission_state text NOT NULL,
    at_ms            bigint NOT NULL,
    sent_at_ms       bigint NOT NULL,
    message_position bigint NOT NULL,
    PRIMARY KEY (destination_id, submission_id)
);
CREATE INDEX submission_by_content ON submission (destination_id, content);
CREATE INDEX submission_by_email ON submission (destination_id, email);

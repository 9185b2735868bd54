-- A row for each label: for PostgreSQL 12 or newer, and for DuckDB. Its place on the label topic is its key, so that
-- what is read once more after a crash is written once.
CREATE TABLE IF NOT EXISTS emotion_labels (
    topic             text NOT NULL,
    "partition"       integer NOT NULL,
    "offset"          bigint NOT NULL,
    "key"             text,
    schema_version    integer NOT NULL,
    id                text NOT NULL,
    label             text NOT NULL,
    score             double precision NOT NULL,
    confident         boolean,
    labels            json,
    scores            json NOT NULL,
    tokens            integer NOT NULL,
    truncated         boolean NOT NULL,
    model             text NOT NULL,
    model_revision    text NOT NULL,
    source_topic      text,
    source_partition  integer,
    source_offset     bigint,
    said_at           timestamptz,
    labelled_at       timestamptz NOT NULL,
    copied            json NOT NULL,
    PRIMARY KEY (topic, "partition", "offset")
);

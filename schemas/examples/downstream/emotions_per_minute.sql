-- Emotions per customer and minute, by Flink SQL: to copy and to change.
--
-- The key of a text is its customer's, and a label has the key of its text. A minute is told once it is over: when a label
-- came that is more than ten seconds younger, or when a partition was silent for as long as another.
-- A job that starts again may tell a minute again, under the same key and with the same figures.
--
--     ./bin/sql-client.sh -f emotions_per_minute.sql       (with flink-sql-connector-kafka in lib/)

CREATE TABLE emotion_labels (
    customer STRING,
    label STRING,
    score DOUBLE,
    confident BOOLEAN,
    said_at TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',
    WATERMARK FOR said_at AS said_at - INTERVAL '10' SECOND
) WITH (
    'connector' = 'kafka',
    'topic' = 'emotion-labels',
    'properties.bootstrap.servers' = 'localhost:9092',
    'properties.group.id' = 'emotions-per-minute',
    'properties.isolation.level' = 'read_committed',
    'scan.startup.mode' = 'earliest-offset',
    'scan.watermark.idle-timeout' = '1 min',
    'key.format' = 'raw',
    'key.fields' = 'customer',
    'value.format' = 'json',
    'value.fields-include' = 'EXCEPT_KEY'
);

CREATE TABLE emotions_per_minute (
    customer STRING NOT NULL,
    said_from TIMESTAMP(3) NOT NULL,
    label STRING NOT NULL,
    texts BIGINT NOT NULL,
    mean_score DOUBLE NOT NULL,
    PRIMARY KEY (customer, said_from, label) NOT ENFORCED
) WITH (
    'connector' = 'upsert-kafka',
    'topic' = 'emotions-per-minute',
    'properties.bootstrap.servers' = 'localhost:9092',
    'key.format' = 'json',
    'value.format' = 'json'
);

INSERT INTO emotions_per_minute
SELECT customer, window_start, label, COUNT(*), AVG(score)
FROM TUMBLE(TABLE emotion_labels, DESCRIPTOR(said_at), INTERVAL '1' MINUTE)
WHERE customer IS NOT NULL AND confident
GROUP BY customer, window_start, window_end, label;

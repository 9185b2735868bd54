#!/usr/bin/env bash
# kafka-python 3.0.12 and confluent-kafka 2.16.1 read on at the old offset of a topic that was deleted and made again.
#
# Setting: Apache Kafka 4.3.1. A consumer of a group has read 100 records. The topic is deleted, made again at once under
#   its name, and gets 150 new records. The consumer polls on; it resets to the earliest offset where it has none.
# Most expect: an error, or a start at the beginning: the broker gives each topic an id, and the new one's is another.
# Seen: both read the new records from offset 100 on. The first 100 are passed over without an error or a line in a log.
# Seen on 2026-11-29. Needs Java 17 and Maven. Fails if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet kafka-python==3.0.12 confluent-kafka==2.16.1
cat >pom.xml <<'POM'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>findings</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>4.3.1</version></dependency>
  </dependencies>
</project>
POM
mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DoutputDirectory=jars >mvn.log 2>&1

read -r port controller < <(python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(each.getsockname()[1] for each in sockets))')
cat >server.properties <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=$folder/data
offsets.topic.replication.factor=1
group.initial.rebalance.delay.ms=0
PROPERTIES
java -cp 'jars/*' kafka.tools.StorageTool format -t AAAAAAAAAAAAAAAAAAAAAQ -c server.properties >format.log 2>&1
java -Xmx512m -cp 'jars/*' kafka.Kafka server.properties >broker.log 2>&1 &

cat >finding.py <<'PYTHON'
import sys
import time

import confluent_kafka
import kafka
from confluent_kafka.admin import AdminClient, NewTopic

SERVERS = f"127.0.0.1:{sys.argv[1]}"
OLD, NEW = 100, 150
admin = AdminClient({"bootstrap.servers": SERVERS, "log_level": 0})


def make(topic):
    deadline = time.monotonic() + 60
    while True:
        try:
            return admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(10)
        except confluent_kafka.KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def fill(topic, prefix, count):
    producer = confluent_kafka.Producer({"bootstrap.servers": SERVERS})
    for number in range(count):
        producer.produce(topic, f"{prefix}{number}")
    assert producer.flush(30) == 0


def run(topic, poll):
    """What is read: all of the old topic, and what comes of the new one within 15 s."""
    make(topic)
    fill(topic, "old", OLD)
    read, deadline = [], time.monotonic() + 60
    while len(read) < OLD and time.monotonic() < deadline:
        read += poll(topic)
    assert len(read) == OLD, len(read)
    admin.delete_topics([topic])[topic].result(30)
    make(topic)
    fill(topic, "new", NEW)
    read, deadline = [], time.monotonic() + 15
    while time.monotonic() < deadline:
        read += poll(topic)
    return read


def kafka_python():
    consumer = kafka.KafkaConsumer(
        "one", bootstrap_servers=SERVERS, group_id="one", auto_offset_reset="earliest", enable_auto_commit=False
    )
    return run("one", lambda _: [r.value.decode() for rs in consumer.poll(200).values() for r in rs])


def librdkafka():
    config = {"bootstrap.servers": SERVERS, "group.id": "two", "auto.offset.reset": "earliest"}
    consumer = confluent_kafka.Consumer(config | {"enable.auto.commit": False})
    consumer.subscribe(["two"])

    def poll(_):
        messages = consumer.consume(500, 0.2)
        assert not [m for m in messages if m.error()], messages
        return [m.value().decode() for m in messages]

    return run("two", poll)


expected = [f"new{number}" for number in range(OLD, NEW)]
for name, read in ((f"kafka-python {kafka.__version__}", kafka_python()), ("librdkafka", librdkafka())):
    print(f"{name}: {len(read)} of {NEW} records of the new topic, from {read[0] if read else None} on")
    assert read == expected, read[:3]
PYTHON
venv/bin/python finding.py "$port"

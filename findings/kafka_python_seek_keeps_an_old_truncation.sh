#!/usr/bin/env bash
# kafka-python 3.0.12 raises an error about a position that seek() has left.
#
# Setting: Apache Kafka 4.3.1. A consumer without an offset reset has read 100 records. The topic is deleted, made again at
#   once under its name, and gets 30 new records. The consumer polls; before the client has told that the log is shorter,
#   seek() sets it to offset 0, where the new topic begins. Then it polls on.
# Most expect: the records from 0 on. A seek replaces the position, and what was to be said of the old one is void.
# Seen: the next poll raises LogTruncationError with the partition and offset 30, although 0 is before it. The poll after it
#   returns the 30 records. Whoever takes that error for the end of the log ends for a topic that is whole.
# Seen on 2026-11-30. Needs Java 17 and Maven. Fails if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet kafka-python==3.0.12
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

import kafka
from kafka.admin import NewTopic
from kafka.errors import LogTruncationError, TopicAlreadyExistsError

SERVERS = f"127.0.0.1:{sys.argv[1]}"
OLD, NEW = 100, 30


def eventually(done, what):
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def connected(make, **options):
    """A client, once the broker is up."""
    made = []

    def is_made():
        try:
            made.append(make(bootstrap_servers=SERVERS, **options))
        except kafka.errors.KafkaError:
            return False
        return True

    eventually(is_made, "the broker is up")
    return made[0]


def make(topic):
    def is_made():
        try:
            admin.create_topics([NewTopic(topic, 1, 1)])
        except TopicAlreadyExistsError:
            return False
        return True

    eventually(is_made, "the topic is made")


def fill(topic, count):
    producer = kafka.KafkaProducer(bootstrap_servers=SERVERS)
    for future in [producer.send(topic, b"record") for _ in range(count)]:
        future.get(30)
    producer.close()


def run(topic, polls):
    """What is told after the seek: an error, or None; and how many records follow."""
    make(topic)
    fill(topic, OLD)
    partition = kafka.TopicPartition(topic, 0)
    consumer = kafka.KafkaConsumer(bootstrap_servers=SERVERS, auto_offset_reset="none", enable_auto_commit=False)
    consumer.assign([partition])
    consumer.seek(partition, 0)
    count = 0

    def is_read(wanted):
        nonlocal count
        count += sum(map(len, consumer.poll(200).values()))
        return count >= wanted

    eventually(lambda: is_read(OLD), "the old topic is read")
    admin.delete_topics([topic])
    make(topic)
    fill(topic, NEW)
    count, error = 0, None
    try:
        for _ in range(polls):
            consumer.poll(0)
            time.sleep(0.5)
    except LogTruncationError:  # told before the seek, as it should be
        return None, None
    consumer.seek(partition, 0)
    try:
        is_read(NEW)
    except LogTruncationError as raised:
        error = raised
    eventually(lambda: is_read(NEW), "the new topic is read")
    consumer.close()
    return error, count


admin = connected(kafka.KafkaAdminClient)
for polls in range(1, 9):
    error, count = run(f"after-{polls}-polls", polls)
    if error:
        break
print(f"kafka-python {kafka.__version__}, {polls} polls before the seek: {error!r}; then {count} records from 0 on")
assert error and count == NEW
PYTHON
venv/bin/python finding.py "$port"

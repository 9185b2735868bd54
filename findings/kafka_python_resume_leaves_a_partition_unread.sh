#!/usr/bin/env bash
# kafka-python 3.0.12 reads nothing more of a partition that was paused and resumed.
#
# Setting: Apache Kafka 4.3.1, a topic of two partitions with ten records each, a consumer with both assigned. It polls
#   one record (max_records=1), pauses that record's partition, polls until it has all ten records of the other one,
#   resumes, and polls on.
# Most expect: the nine other records at the next poll. They were fetched before the pause, and resume() undoes pause().
# Seen: five seconds of polls give nothing, while position() stands at 1 and the end of the partition is 10. Nor do they after
#   the other partition gets an eleventh record, which is read, nor after seek() to that position. A new consumer reads all.
# Why, by the client's code: records of a paused partition are parked, and come back only while none are in line; those in
#   line count even when all of them were handed out. A partition with parked records is not fetched.
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

SERVERS, TOPIC, RECORDS = f"127.0.0.1:{sys.argv[1]}", "texts", 10


def until(done, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def is_up():
    try:
        kafka.KafkaAdminClient(bootstrap_servers=SERVERS).create_topics([NewTopic(TOPIC, 2, 1)])
    except kafka.errors.KafkaError:
        return False
    return True


def fill(partition, count):
    producer = kafka.KafkaProducer(bootstrap_servers=SERVERS)
    for future in [producer.send(TOPIC, b"record", partition=partition) for _ in range(count)]:
        future.get(30)
    producer.close()


def read(partition, seconds, wanted):
    """How many records of a partition come within so many seconds; it ends early with those that are wanted."""
    count, deadline = 0, time.monotonic() + seconds
    while count < wanted and time.monotonic() < deadline:
        count += len(consumer.poll(200).get(partition, ()))
    return count


until(is_up, "the broker is up")
for number in (0, 1):
    fill(number, RECORDS)
consumer = kafka.KafkaConsumer(bootstrap_servers=SERVERS, auto_offset_reset="earliest", enable_auto_commit=False)
partitions = [kafka.TopicPartition(TOPIC, number) for number in (0, 1)]
consumer.assign(partitions)
first = {}
until(lambda: first.update(consumer.poll(200, max_records=1)) or first, "a first record")
(paused,) = first
(other,) = set(partitions) - {paused}
consumer.pause(paused)
assert read(other, 60, RECORDS) == RECORDS
consumer.resume(paused)
assert not consumer.paused()
before = read(paused, 5, RECORDS - 1)
place = consumer.position(paused)
fill(other.partition, 1)
news = read(other, 30, 1)
later = read(paused, 5, RECORDS - 1)
consumer.seek(paused, place)
sought = read(paused, 5, RECORDS - 1)
consumer.close()
consumer = kafka.KafkaConsumer(bootstrap_servers=SERVERS, auto_offset_reset="earliest", enable_auto_commit=False)
consumer.assign([paused])
anew = read(paused, 30, RECORDS)
print(f"kafka-python {kafka.__version__}: after resume() {before} of {RECORDS - 1} records, position {place}; "
      f"after {news} of the other partition {later}; after a seek {sought}; by a new consumer {anew}")
assert (before, place, news, later, sought, anew) == (0, 1, 1, 0, 0, RECORDS)
PYTHON
venv/bin/python finding.py "$port"

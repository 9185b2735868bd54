#!/usr/bin/env bash
# kafka-python 3.0.12 never joins its group where the answer to its join arrives between two polls.
#
# Setting: Apache Kafka 4.3.1, 0.1 s of round trip, poll(timeout_ms=20), then 0.3 s of work.
# Most expect: a join goes on while the application works; the next poll takes what was agreed on. librdkafka
#   (confluent-kafka 2.16.1) does so, and reads its first record within seconds.
# Seen: kafka-python throws the finished join away at the next poll and joins again. After 20 s it has read nothing, is
#   still rebalancing, and the group is at a generation of some 60.
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

read -r port proxied controller proxy < <(python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
print(*(each.getsockname()[1] for each in sockets))')
cat >server.properties <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=DIRECT://127.0.0.1:$port,SLOW://127.0.0.1:$proxied,CONTROLLER://127.0.0.1:$controller
advertised.listeners=DIRECT://127.0.0.1:$port,SLOW://127.0.0.1:$proxy
listener.security.protocol.map=DIRECT:PLAINTEXT,SLOW:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=DIRECT
controller.listener.names=CONTROLLER
log.dirs=$folder/data
offsets.topic.replication.factor=1
group.initial.rebalance.delay.ms=0
PROPERTIES
java -cp 'jars/*' kafka.tools.StorageTool format -t AAAAAAAAAAAAAAAAAAAAAQ -c server.properties >format.log 2>&1
java -Xmx512m -cp 'jars/*' kafka.Kafka server.properties >broker.log 2>&1 &

cat >finding.py <<'PYTHON'
import logging
import socket
import sys
import threading
import time

import confluent_kafka
import kafka
from confluent_kafka.admin import AdminClient, NewTopic

DIRECT, PROXIED, PROXY = (f"127.0.0.1:{port}" for port in sys.argv[1:])
logging.disable(logging.CRITICAL)


def pump(source, target):
    while data := source.recv(65536):
        time.sleep(0.05)
        target.sendall(data)


def proxy():
    listener = socket.create_server(("127.0.0.1", int(PROXY.split(":")[1])))
    while True:
        client, _ = listener.accept()
        broker = socket.create_connection(("127.0.0.1", int(PROXIED.split(":")[1])))
        for pair in ((client, broker), (broker, client)):
            threading.Thread(target=pump, args=pair, daemon=True).start()


def first_record(poll):
    """Seconds until the first record; None after 20."""
    started = time.monotonic()
    while time.monotonic() - started < 20:
        if poll():
            return time.monotonic() - started
        time.sleep(0.3)  # the application works
    return None


admin = AdminClient({"bootstrap.servers": DIRECT, "log_level": 0})
deadline = time.monotonic() + 60
while time.monotonic() < deadline:
    try:
        if "texts" in admin.list_topics(timeout=5).topics:
            break
        admin.create_topics([NewTopic("texts", 1, 1)])["texts"].result(10)
    except (confluent_kafka.KafkaException, TimeoutError):  # the broker is starting
        time.sleep(0.5)
producer = confluent_kafka.Producer({"bootstrap.servers": DIRECT})
producer.produce("texts", b"a text")
producer.flush(30)
threading.Thread(target=proxy, daemon=True).start()

other = confluent_kafka.Consumer(
    {"bootstrap.servers": PROXY, "group.id": "librdkafka", "auto.offset.reset": "earliest", "log_level": 0}
)
other.subscribe(["texts"])
librdkafka_s = first_record(lambda: other.poll(0.02))
consumer = kafka.KafkaConsumer(
    "texts", bootstrap_servers=PROXY, group_id="kafka-python", auto_offset_reset="earliest"
)
kafka_python_s = first_record(lambda: consumer.poll(timeout_ms=20))
generation, state = consumer.group_metadata().generation_id, consumer.group_metadata().state
print(f"librdkafka {confluent_kafka.libversion()[0]}: first record after {librdkafka_s} s")
print(f"kafka-python {kafka.__version__}: first record after {kafka_python_s} s, generation {generation}, {state}")
sys.stdout.flush()
if librdkafka_s is None or kafka_python_s is not None or generation < 5:
    sys.exit("the behaviour has changed")
print("as described")
PYTHON
venv/bin/python finding.py "$port" "$proxied" "$proxy"

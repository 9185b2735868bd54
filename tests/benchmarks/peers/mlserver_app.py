"""MLServer with its own Kafka endpoint and its Hugging Face runtime.

It takes its own format only, and belongs to no consumer group: what lies in a topic before it listens it never sees. So
the texts are written to a topic of its own, in its format, once it is up.
"""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from tests.benchmarks.peers.told import BATCH, GROUP, INPUT, MODEL, OUTPUT, SERVERS, TUNED

_NAME = "emotion"
_PORT = int(os.environ["PEER_PORT"])


def main() -> None:
    requests = f"{INPUT}-{GROUP}"
    partitions = _partitions(INPUT)
    admin = AdminClient({"bootstrap.servers": SERVERS})  # held: its answers never come otherwise
    admin.create_topics([NewTopic(requests, partitions)])[requests].result(30)
    folder = Path.cwd() / GROUP
    folder.mkdir()
    _configure(folder, requests)
    environment = os.environ | {"USE_TF": "0", "PYTHONPATH": f"{os.environ['PYTHONPATH']}:{folder}"}
    # Ends with this process: it is in the same process group.
    server = subprocess.Popen([sys.executable, "-m", "mlserver.cli.main", "start", str(folder)], env=environment)
    values = _requests(partitions)
    producer = Producer({"bootstrap.servers": SERVERS})
    while server.poll() is None:
        if _is_ready() and not _written(partitions):  # nobody says when it listens; what came before that is lost
            for number, value in enumerate(values):
                producer.produce(requests, value, partition=number % partitions, headers={"mlserver-model": _NAME})
                producer.poll(0)
            producer.flush(30)
        time.sleep(3)
    sys.exit(server.returncode)


def _configure(folder: Path, requests: str) -> None:
    server = {
        "kafka_enabled": True,
        "kafka_servers": SERVERS,
        "kafka_topic_input": requests,
        "kafka_topic_output": OUTPUT,
        "http_port": _PORT,
        "grpc_port": int(os.environ["PEER_PORT_GRPC"]),
        "metrics_port": int(os.environ["PEER_PORT_METRICS"]),
    }
    extra = {"task": "text-classification", "pretrained_model": MODEL, "device": "cpu", "framework": "pt"}
    model = {"name": _NAME, "implementation": "mlserver_huggingface.HuggingFaceRuntime", "parameters": {"extra": extra}}
    batching = {"max_batch_size": BATCH, "max_batch_time": 0.1} if TUNED else {}
    # Its runtime imports what a torch classifier does not need: tensorflow, and a class that transformers has no more.
    (folder / "tensorflow.py").touch()
    (folder / "sitecustomize.py").write_text("import transformers.pipelines as p\np.Conversation = type('_', (), {})\n")
    (folder / "settings.json").write_text(json.dumps(server))
    (folder / "model-settings.json").write_text(json.dumps(model | batching))


def _requests(partitions: int) -> list[bytes]:
    """What lies in the input topic, in its format."""
    consumer = Consumer({"bootstrap.servers": SERVERS, "group.id": "feeder", "auto.offset.reset": "earliest"})
    places = [TopicPartition(INPUT, number, 0) for number in range(partitions)]
    wanted = sum(consumer.get_watermark_offsets(place, timeout=30)[1] for place in places)
    consumer.assign(places)
    values: list[bytes] = []
    while len(values) < wanted:
        messages = [json.loads(message.value() or b"") for message in consumer.consume(wanted, 1.0)]
        values += [_request(message) for message in messages]
    consumer.close()
    return values


def _request(message: dict[str, str]) -> bytes:
    text = {"name": "array_inputs", "shape": [1], "datatype": "BYTES", "data": [message["text"]]}
    return json.dumps({"id": message["id"], "inputs": [text]}).encode()


def _is_ready() -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{_PORT}/v2/models/{_NAME}/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _written(partitions: int) -> int:
    consumer = Consumer({"bootstrap.servers": SERVERS, "group.id": "feeder"})
    places = [TopicPartition(OUTPUT, number) for number in range(partitions)]
    written = sum(consumer.get_watermark_offsets(place, timeout=30)[1] for place in places)
    consumer.close()
    return written


def _partitions(topic: str) -> int:
    return len(AdminClient({"bootstrap.servers": SERVERS}).list_topics(topic, timeout=30).topics[topic].partitions)


if __name__ == "__main__":
    main()

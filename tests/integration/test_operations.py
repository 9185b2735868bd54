"""What an operator sees and does: probes, scrapes, several processes, crashes and drains, on real Apache Kafka."""

import re
import signal
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from tests.harness.apache_kafka import ApacheKafka
from tests.harness.endpoint import Endpoint
from tests.harness.eventually import eventually
from tests.harness.faulty_worker import MODULE as FAULTY_WORKER
from tests.harness.faulty_worker import break_model
from tests.harness.independent import NewRecord, read_topic
from tests.harness.worker_process import WorkerProcess
from tests.integration.conftest import Stream, identities, message
from worker.observe import canary_metrics
from worker.observe.metric_definition import Metric
from worker.observe.metrics import METRICS


def numbered(count: int, text: str = "text number") -> list[NewRecord]:
    return [message(f"m{index}", f"{text} {index}", partition=index % 2) for index in range(count)]


def wait_until_ready(worker: WorkerProcess, endpoint: Endpoint) -> None:
    def ready() -> bool:
        assert worker.process.poll() is None, f"ended with {worker.process.returncode}:\n{worker.log}"
        return endpoint.is_ready()

    eventually(ready, 90, "ready")


def pids(worker: WorkerProcess) -> list[int]:
    """Of the processes that were started, in the order of their start."""
    return [int(pid) for pid in re.findall(r'"process_started".*"pid":(\d+)', worker.log)]


@pytest.mark.parametrize("processes", [1, 2])
def test_a_scrape_counts_every_record_once_whatever_became_of_it(
    processes: int, make_stream: Callable[..., Stream], endpoint: Endpoint
) -> None:
    stream = make_stream()
    with stream.worker(http_port=endpoint.port, processes=processes) as worker:
        wait_until_ready(worker, endpoint)
        stream.produce(
            [
                *numbered(400),
                *[message(f"same{index}", "the same text", partition=0) for index in range(30)],
                message("long", "a " * 100, partition=1),
                NewRecord(b"broken", b"k", partition=0),
                NewRecord(b'{"id": "1"}', b"k", partition=1),
                NewRecord(None, b"tombstone", partition=1),
            ]
        )
        stream.labels(432)
        eventually(lambda: endpoint.value("emotion_end_to_end_seconds_count") == 434, 30, "everything is counted")
        assert endpoint.value("emotion_records_total") == 434
        assert endpoint.value("emotion_labels_total") == endpoint.value("emotion_score_count") == 431
        assert endpoint.value("emotion_dead_letters_total", reason="invalid_json") == 1
        assert endpoint.value("emotion_dead_letters_total", reason="missing_text") == 1
        assert endpoint.value("emotion_dead_letters_total") == 2
        assert endpoint.value("emotion_truncated_total") == 1
        assert 0 < endpoint.value("emotion_deduplicated_total") < 30
        assert endpoint.value("emotion_tombstones_total") == 1
        assert endpoint.value("emotion_window_records_sum") == 434
        assert endpoint.value("emotion_commits_total") >= endpoint.value("emotion_window_records_count") > 0
        assert endpoint.value("emotion_padded_tokens_total") >= endpoint.value("emotion_tokens_total") > 431
        assert endpoint.value("emotion_aborts_total") == 0
        assert endpoint.value("emotion_processes") == processes
        assert endpoint.value("emotion_rebalances_total") >= processes
        eventually(lambda: endpoint.value("emotion_partitions") == 2, 30, "both partitions are shown")
        eventually(lambda: endpoint.value("emotion_lag_records") == 0, 30, "the lag is gone")
        samples = {name for name, _ in endpoint.scrape()}
        shown = {re.sub(r"_(bucket|count|sum)$", "", name) for name in samples}
        assert shown <= {metric.name for metric in METRICS}
        of_workers = {metric.name for metric in METRICS if metric.scope in ("loop", "service")}
        of_canary = {value.name for value in vars(canary_metrics).values() if isinstance(value, Metric)}
        of_others = {"emotion_drift", "emotion_labels_given_total"}  # it has no reference, and gives one label a text
        assert of_workers - shown == of_others | of_canary
        assert worker.terminate() == 0
    labels = [orjson.loads(record.value)["label"] for record in stream.labels(432) if record.value]
    assert len(labels) == 431


def test_readiness_follows_the_brokers_and_liveness_does_not(
    breakable_kafka: ApacheKafka, tiny_model: Path, tmp_path: Path, endpoint: Endpoint
) -> None:
    stream = Stream(breakable_kafka.bootstrap_servers, tmp_path, tiny_model)
    servers = breakable_kafka.proxied_bootstrap_servers
    with (
        breakable_kafka.proxy() as proxy,
        stream.worker(FAULTY_WORKER, bootstrap_servers=servers, http_port=endpoint.port) as worker,
    ):
        eventually(lambda: "model: not loaded yet" in endpoint.missing(), 60, "it says what it waits for")
        wait_until_ready(worker, endpoint)
        proxy.cut()
        eventually(lambda: "brokers: no answer for" in endpoint.missing(), 60, "it says that brokers are away")
        assert endpoint.get("/livez")[0] == 200
        assert endpoint.value("emotion_ready") == 0
        proxy.resume()
        wait_until_ready(worker, endpoint)
        assert worker.terminate() == 0


def test_a_model_that_hangs_makes_the_worker_neither_live_nor_ready(
    make_stream: Callable[..., Stream], endpoint: Endpoint
) -> None:
    stream = make_stream()
    with stream.worker(FAULTY_WORKER, http_port=endpoint.port) as worker:
        wait_until_ready(worker, endpoint)
        break_model(stream.folder, worker.process.pid, "hang")
        stream.produce(numbered(10))
        eventually(lambda: endpoint.get("/livez")[0] == 503, 60, "not live")
        assert "a sign of life is overdue" in endpoint.missing()


def test_a_crashed_process_is_replaced_and_costs_nothing(
    make_stream: Callable[..., Stream], endpoint: Endpoint
) -> None:
    stream = make_stream()
    with stream.worker(FAULTY_WORKER, http_port=endpoint.port, processes=2) as worker:
        wait_until_ready(worker, endpoint)
        stream.produce(numbered(100))
        stream.labels(100)
        eventually(lambda: all(f'"partitions":[{number}]' in worker.log for number in (0, 1)), 60, "each reads one")
        break_model(stream.folder, pids(worker)[0], "throw")
        stream.produce([message(f"n{index}", f"another {index}", partition=index % 2) for index in range(100)])
        labels = stream.labels(200)
        assert sorted(identities(labels)) == sorted([f"{letter}{index}" for letter in "mn" for index in range(100)])
        eventually(lambda: endpoint.value("emotion_labels_total") == 200, 30, "counters go on: 200 labels")
        eventually(lambda: len(pids(worker)) == 3, 60, "another one is started")
        assert endpoint.value("emotion_process_restarts_total") == worker.log.count('"process_ended"') == 1
        assert worker.terminate() == 0


def test_sigterm_drains_all_processes_and_repeats_nothing(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream(settings={"processes": 2})
    stream.produce(numbered(10_000))
    with stream.worker() as first:
        eventually(lambda: read_topic(stream.servers, stream.output), 90, "the first labels are out")
        assert first.terminate() == 0
        assert first.log.count('"worker_stopped"') == 2
    done = read_topic(stream.servers, stream.output)
    assert sum(stream.committed().values()) == len(set(identities(done))) == len(done) < 10_000


def test_what_the_user_must_mend_ends_all_processes_with_exit_code_2(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream()
    with stream.worker(processes=2, output_topic="no-such-topic") as worker:
        assert worker.wait_for_exit() == 2
    assert "topic no-such-topic (EMOTION_OUTPUT_TOPIC) does not exist" in worker.log
    assert "process_ended" not in worker.log


def test_processes_end_with_a_supervisor_that_was_killed(
    make_stream: Callable[..., Stream], endpoint: Endpoint
) -> None:
    stream = make_stream()
    with stream.worker(http_port=endpoint.port, processes=2) as worker:
        wait_until_ready(worker, endpoint)
        worker.process.send_signal(signal.SIGKILL)
        eventually(lambda: worker.log.count('"worker_stopped"') == 2, 60, "both stop by themselves")

"""A start: brokers that are away are waited for, and signals are heard from the first second."""

import signal
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from schemas.machine.cores import usable_cores
from tests.harness.apache_kafka import ApacheKafka
from tests.harness.eventually import eventually
from tests.harness.ports import free_port
from tests.integration.conftest import Stream, message

AT_ONCE_SECONDS = 10  # of a machine that is busy; the grace period of a container is longer


def test_a_worker_that_is_started_while_brokers_are_away_waits_for_them(
    breakable_kafka: ApacheKafka, tiny_model: Path, tmp_path: Path
) -> None:
    stream = Stream(breakable_kafka.bootstrap_servers, tmp_path, tiny_model, settings={"delivery": "exactly_once"})
    stream.settings["bootstrap_servers"] = breakable_kafka.proxied_bootstrap_servers
    stream.produce([message(f"m{index}", "a text") for index in range(100)])
    with breakable_kafka.proxy() as proxy:
        proxy.cut()
        with stream.worker() as worker:
            eventually(lambda: worker.log.count("broker_away") >= 2, 90, "it has tried again")
            proxy.resume()
            assert len(stream.labels(100)) == 100
            assert worker.terminate() == 0


def test_before_anything_is_loaded_it_says_what_it_may_use(make_stream: Callable[..., Stream]) -> None:
    with make_stream().worker() as worker:
        worker.wait_for("worker_starting")
        assert "worker_started" not in worker.log
        said = orjson.loads(worker.log.splitlines()[0])
    assert said["event"] == "worker_starting"
    assert said["cores"] == usable_cores()
    assert said["processes"] == 1
    assert "memory_limit_bytes" in said


def test_a_start_with_a_model_that_loses_words_to_emoji_says_how_many(make_stream: Callable[..., Stream]) -> None:
    with make_stream().worker() as worker:
        worker.wait_for("words_lost_to_emoji")
        said = next(line for line in worker.log.splitlines() if "words_lost_to_emoji" in line)
    assert "12 of 12" in orjson.loads(said)["detail"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    ("settings", "moment"),
    [
        ({}, "worker_starting"),
        ({}, "worker_started"),
        ({"bootstrap_servers": f"127.0.0.1:{free_port()}"}, "broker_away"),
    ],
    ids=["at first", "when it joins", "brokers are away"],
)
def test_a_signal_before_there_is_work_ends_the_worker_at_once(
    make_stream: Callable[..., Stream], settings: dict[str, object], moment: str, number: signal.Signals
) -> None:
    with make_stream().worker(**settings) as worker:
        worker.wait_for(moment)
        worker.process.send_signal(number)
        assert worker.wait_for_exit(AT_ONCE_SECONDS) == 0


def test_a_signal_while_several_processes_start_ends_them_all_at_once(make_stream: Callable[..., Stream]) -> None:
    servers = f"127.0.0.1:{free_port()}"
    with make_stream().worker(processes=2, bootstrap_servers=servers) as worker:
        eventually(lambda: worker.log.count("broker_away") >= 2, 90, "both wait for brokers")
        assert worker.terminate(AT_ONCE_SECONDS) == 0

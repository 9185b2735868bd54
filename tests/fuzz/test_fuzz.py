"""Ten thousand inputs of each kind; `make fuzz` takes a million and a hundred thousand."""

import itertools
import os
from collections import Counter
from pathlib import Path

import pytest

from schemas.dead_letter import Reason
from tests.conftest import KafkaUnderTest
from tests.fuzz.checks import check_answers, check_decode, send_inputs
from tests.fuzz.generator import inputs
from tests.harness.independent import read_topic
from tests.harness.reasons import REASONS_OF_THE_WORKER
from tests.harness.tiny_model import write_tiny_model
from tests.integration.conftest import Stream

DECODED = int(os.environ.get("FUZZ_DECODED", "10000"))
STREAMED = int(os.environ.get("FUZZ_STREAMED", "10000"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))


@pytest.mark.timeout(3600)
def test_every_input_is_decoded_or_refused_as_pythons_own_reader_sees_it() -> None:
    became = Counter(check_decode(value) for value in itertools.islice(inputs(SEED), DECODED))
    assert sum(became.values()) == DECODED
    assert set(became) == {"message", *set(Reason) - REASONS_OF_THE_WORKER}, "the generator does not reach every case"


@pytest.mark.timeout(3600)
def test_every_input_through_the_worker_gets_exactly_one_answer(apache_kafka: KafkaUnderTest, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny")
    stream = Stream(apache_kafka.bootstrap_servers, tmp_path, model, settings={"max_rejected_percent": 100})
    with stream.worker(window_max_records=2000) as worker:
        send_inputs(stream.servers, stream.input, SEED, STREAMED)
        stream.wait_until_read(3000)
        assert worker.terminate() == 0
    labels = read_topic(stream.servers, stream.output)
    letters = read_topic(stream.servers, stream.dead_letters)
    check_answers([*labels, *letters], STREAMED)

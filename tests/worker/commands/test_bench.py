"""`emotion-worker bench`: a table, advice, pictures, and a last line of JSON whose figures fit together."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.conftest import KafkaUnderTest
from worker.commands.bench import Options, bench
from worker.commands.bench_report import FIELDS, Measured, advice, summary
from worker.errors import UserError
from worker.model.sample_texts import sample_texts
from worker.settings import load_settings

MEASURED = Measured(
    broker="b",
    delivery="exactly_once",
    model="m",
    device="d",
    dtype="float32",
    processes_fit=2,
    texts=100,
    tokens_per_text=20.0,
    operations_per_text=4e8,
    matrix_peak_operations_per_s=1e11,
    batch_tokens=512,
    ceilings={256: 150.0, 512: 200.0},
    pipelines=[170.0, 190.0, 180.0],
    tokenizer_us_per_record=60.0,
    client_us_per_record=20.0,
    decode_us_per_record=3.0,
    encode_us_per_record=9.0,
)


def test_ratios_are_those_of_the_figures_beside_them() -> None:
    found = summary(MEASURED, None, 0.36)
    assert found["ceiling_texts_per_s"] == 200.0
    assert found["pipeline_texts_per_s"] == 180.0
    assert found["pipeline_to_ceiling"] == 0.9
    assert found["ceiling_to_matrix_peak"] == pytest.approx(200 / (1e11 / 4e8))
    assert found["cost_per_million"] == pytest.approx(0.36 / (180 * 3600) * 1e6, abs=1e-3)
    assert found["advice"] is None


def test_the_advice_carries_the_rate_with_room_to_spare() -> None:
    said = advice(MEASURED, 1_000)
    assert said["replicas"] * 180 * 0.7 >= 1_000 > (said["replicas"] - 1) * 180 * 0.7
    assert said["partitions"] >= said["replicas"] * said["processes"]
    faster = advice(replace(MEASURED, pipelines=[100_000.0]), 1_000)
    assert faster["replicas"] == 1


def test_every_documented_field_is_in_the_json_and_in_the_help() -> None:
    usage = subprocess.run(
        [sys.executable, "-m", "worker", "bench", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert [name for name in FIELDS if name not in summary(MEASURED, 1, 1) or name not in usage] == []


def test_built_in_texts_differ_from_one_another_and_are_the_same_each_time() -> None:
    texts = sample_texts(5_000)
    assert len(set(texts)) == 5_000
    assert texts[:100] == sample_texts(100)
    lengths = sorted(map(len, texts))
    assert lengths[-1] > 3 * lengths[len(lengths) // 2]


@pytest.mark.parametrize("content", [None, "", "\n \n"])
def test_texts_that_are_not_there_are_said_to_be_missing(content: str | None, tmp_path: Path) -> None:
    file = tmp_path / "texts.txt"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UserError, match="--input"):
        bench(load_settings(), Options(input=file))


def test_on_a_real_broker_it_ends_with_json_and_leaves_pictures_and_no_topics(
    apache_kafka: KafkaUnderTest, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from confluent_kafka.admin import AdminClient

    settings = load_settings(
        bootstrap_servers=apache_kafka.bootstrap_servers, model=str(tiny_model), device="cpu", dtype="float32"
    )
    options = Options(texts=200, records=500, rounds=1, target_rate=10.0, price_per_hour=1.0, plots=tmp_path / "plots")
    assert bench(settings, options) == 0
    *table, last = capsys.readouterr().out.splitlines()
    found: dict[str, Any] = orjson.loads(last)
    assert (found["texts"], found["delivery"], found["dtype"]) == (200, "exactly_once", "float32")
    assert apache_kafka.bootstrap_servers in found["broker"]
    assert all(found[name] > 0 for name in FIELDS if name != "advice")
    assert any("replicas" in line for line in table)
    assert sorted(path.name for path in options.plots.iterdir()) == ["costs.png", "throughput.png"]  # type: ignore[union-attr]
    topics = AdminClient({"bootstrap.servers": apache_kafka.bootstrap_servers}).list_topics(timeout=10).topics
    assert [name for name in topics if name.startswith("emotion-bench")] == []

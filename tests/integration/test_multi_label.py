"""A multi-label model between two topics of real Apache Kafka, read by a plain consumer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import torch
from transformers import pipeline

from tests.harness.independent import create_topic
from tests.harness.tiny_model import LABELS, write_tiny_model
from tests.integration.conftest import Stream, message

TEXTS = ["i feel so loved today", "HOW could they do this to me?!", "Wow. just wow", "ok", "i miss you " * 40]
COUNT = 60


@pytest.fixture(scope="module")
def multi_label_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("multi") / "multi", problem_type="multi_label_classification")


def labelled(stream: Stream) -> list[dict[str, Any]]:
    """The labels of COUNT texts, each that a read_committed reader finds."""
    texts = [f"{TEXTS[number % len(TEXTS)]} {number}" for number in range(COUNT)]
    with stream.worker() as worker:
        stream.produce([message(text, text, partition=number % 2) for number, text in enumerate(texts)])
        labels = [orjson.loads(record.value or b"") for record in stream.labels(COUNT)]
        assert worker.terminate() == 0
    assert sorted(label["id"] for label in labels) == sorted(texts)
    return labels


def test_each_text_gets_all_labels_that_reach_their_threshold_with_the_scores_of_transformers(
    make_stream: Callable[..., Stream], multi_label_model: Path
) -> None:
    labels = labelled(make_stream(settings={"model": multi_label_model}))
    reference = pipeline(
        "text-classification", str(multi_label_model), top_k=None, function_to_apply="sigmoid", dtype=torch.float32
    )
    for label in labels:
        expected: Any = reference([label["id"]], truncation=True)[0]
        assert label["scores"] == pytest.approx({item["label"]: item["score"] for item in expected}, abs=1e-5)
        reached = [item["label"] for item in expected if item["score"] >= 0.5]
        assert (label["labels"], label["confident"]) == (reached, bool(reached))
        assert (label["label"], label["score"]) == (expected[0]["label"], label["scores"][expected[0]["label"]])
    assert len({len(label["labels"]) for label in labels}) > 2


def test_a_range_labelled_anew_by_a_multi_label_model_says_which_labels_came_and_went(
    make_stream: Callable[..., Stream], multi_label_model: Path
) -> None:
    stream = make_stream()
    old = {label["id"]: label["label"] for label in labelled(stream)}
    second, letters = (create_topic(stream.servers, partitions=2) for _ in range(2))
    worker = stream.worker(model=multi_label_model, confident_score=0.9)
    command = ["run", "--from=earliest", "--until=now", f"--to={second}", f"--dead-letters={letters}"]
    done = worker.command(*command, f"--compare={stream.output}")
    assert done.returncode == 0, done.stderr
    figures = orjson.loads(done.stdout.splitlines()[-1])
    stream.output = second
    new = {label["id"]: label for label in (orjson.loads(record.value or b"") for record in stream.labels(COUNT))}
    assert figures["compared"] == COUNT
    assert figures["changed"] == []  # softmax and sigmoid have the same best label
    assert figures["other_labels"] == sum(new[text]["labels"] != [label] for text, label in old.items()) > 0
    for label in LABELS:
        gained = sum(label in new[text]["labels"] and before != label for text, before in old.items())
        lost = sum(label not in new[text]["labels"] and before == label for text, before in old.items())
        assert (figures["added"].get(label, 0), figures["removed"].get(label, 0)) == (gained, lost)

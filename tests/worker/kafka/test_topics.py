"""What is told of topics before anything is written to them."""

import math
from dataclasses import replace
from typing import Any

import pytest

from worker.kafka.topics import Topic, topic_hints, topic_problems
from worker.settings import load_settings

SETTINGS = {"input_topic": "in", "output_topic": "out", "dead_letter_topic": "dead", "review_topic": "reviews"}
FIT = Topic("", partitions=3, max_message_bytes=1_048_588, retention_ms=1_000.0)


def topics(**changed: Any) -> dict[str, Topic]:
    found = {name: replace(FIT, name=name) for name in SETTINGS.values()}
    found["reviews"] = replace(found["reviews"], **changed)
    return found


def test_a_topic_of_reviews_that_is_fit_needs_no_word() -> None:
    settings = load_settings(**SETTINGS)
    assert topic_problems(topics(), settings) == []
    assert topic_hints(topics(), settings) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"partitions": 2}, "topic reviews has 2 partitions, but in has 3"),
        ({"operations": frozenset({"READ"})}, "this user has no right to write topic reviews"),
        ({"operations": frozenset({"WRITE"})}, "this user has no right to read topic reviews"),
        ({"max_message_bytes": 10_000}, "topic reviews takes messages of 10000 bytes only"),
        ({"replicas": 1, "min_insync_replicas": 2}, "no write can succeed"),
    ],
)
def test_a_topic_of_reviews_that_is_not_fit_is_a_problem(changed: dict[str, Any], told: str) -> None:
    (problem,) = topic_problems(topics(**changed), load_settings(**SETTINGS))
    assert told in problem.detail


def test_a_topic_of_reviews_that_is_missing_is_a_problem_that_names_its_setting() -> None:
    found = topics()
    del found["reviews"]
    (problem,) = topic_problems(found, load_settings(**SETTINGS))
    assert "topic reviews (EMOTION_REVIEW_TOPIC) does not exist" in problem.detail


def test_texts_that_would_be_kept_for_ever_are_a_hint() -> None:
    (hint,) = topic_hints(topics(retention_ms=math.inf), load_settings(**SETTINGS))
    assert (hint.detail, "retention.ms" in hint.mend) == (
        "topic reviews keeps records for ever, and they hold texts",
        True,
    )

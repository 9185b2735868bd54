"""Texts for review on real Apache Kafka: drawn exactly once whatever happens to workers, and exported."""

import csv
from collections import Counter
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import orjson

from tests.harness.eventually import eventually
from tests.harness.independent import RunningReader, StoredRecord, create_topic, read_topic
from tests.integration.conftest import Stream, message
from worker.build import make_target
from worker.flow import Attention, ModelInfo, Prediction, Refusals, Request
from worker.kafka.topics import Topic
from worker.reviewing import make_reviewer
from worker.settings import load_settings

TEXTS = 1_500
DRAWN = {"review_random_per_million": 300_000, "review_per_minute": 10**9, "review_seed": 7}
NO_OTHER_REASON = {f"review_{reason}_per_million": 0 for reason in ("not_confident", "close", "rare")}


def review(record: StoredRecord) -> dict[str, object]:
    content: dict[str, object] = orjson.loads(record.value or b"")
    return content


def expected_draws(topic: str, places: list[tuple[int, int]]) -> set[str]:
    """The origins that are to be drawn, as the settings and nothing else say."""
    settings = load_settings(**DRAWN, **NO_OTHER_REASON)
    model = ModelInfo("", "", ["a", "b"], None)
    reviewer = make_reviewer(settings, make_target(Topic("", 1, None)), model, Refusals(), Attention())
    texts = [
        (f"{topic}-{partition}-{offset}", Prediction(Request(index, "", "", None), 1, False, [1.0, 0.0]))
        for index, (partition, offset) in enumerate(places)
    ]
    drawn, _ = reviewer._sampler.draw(texts)
    return {texts[each.prediction.request.index][0] for each in drawn}


def test_each_draw_leaves_once_with_its_label_through_a_kill_and_a_rebalance_and_is_exported(
    make_stream: Callable[..., Stream], tmp_path: Path
) -> None:
    stream = make_stream(partitions=2)
    reviews = create_topic(stream.servers, prefix="reviews", partitions=2)
    stream.settings = {"review_topic": reviews, **DRAWN, **NO_OTHER_REASON}
    places = stream.produce([message(f"m{number}", f"i feel fine {number}") for number in range(TEXTS)])
    with stream.worker() as killed, RunningReader(stream.servers, reviews) as reader:
        eventually(lambda: len(reader.records) > 30, 90, "reviews leave", interval_s=0.01)
        killed.kill()
        assert len(reader.records) < 0.25 * TEXTS, "nothing was left to be done twice or to be missed"
    with stream.worker() as first:
        first.wait_until_ready()
        with stream.worker() as second:  # a rebalance
            second.wait_until_ready()
            stream.wait_until_read()
            assert (first.terminate(), second.terminate()) == (0, 0)
    expected = expected_draws(stream.input, places)
    found = read_topic(stream.servers, reviews, at_least=len(expected))
    assert Counter(review(record)["origin"] for record in found) == Counter(expected)
    labels = {label["id"]: label for label in map(review, stream.labels(TEXTS))}
    for record in found:
        drawn = review(record)
        assert record.partition == drawn["source"]["partition"]  # type: ignore[index]
        same = ("label", "score", "scores", "confident", "labels", "source", "model")
        assert {name: drawn[name] for name in same} == {name: labels[drawn["id"]][name] for name in same}
        assert (drawn["probability"], drawn["reasons"]) == (0.3, ["random"])

    done = stream.worker().command("reviews", "export", "exported", "--format", "csv")
    assert (done.returncode, orjson.loads(done.stdout)["reviews"]) == (0, len(expected)), done.stderr
    table = (tmp_path / "exported/reviews.csv").read_text(encoding="utf-8-sig")
    assert {row["origin"] for row in csv.DictReader(StringIO(table))} == expected

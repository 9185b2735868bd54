"""POST /label: what `emotion-worker label` prints for the same messages."""

import io
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from schemas.published import documents
from tests.harness.tiny_model import write_tiny_model
from tests.worker.serve.conftest import Served, serving
from worker.commands.label import LabelStages, label_lines
from worker.labelling import load_model, make_reader, planner
from worker.messages.encode import LabelMaker
from worker.settings import load_settings

MESSAGES: list[bytes] = [
    b'{"text": "so glad"}',
    b'{"id": "a", "text": "what a day!"}',
    b'{"id": 7, "text": "WHAT A DAY!"}',
    b'{"text": "so glad", "other": [1, 2]}',
    b'{"text": ""}',
    b'{"text": 3}',
    b'{"id": "no text"}',
    b"5",
    b"null",
    b'{"text": "\\ud83d half a pair", "score": NaN}',
    b'{"text": "%s"}' % (b"long " * 200),
    *(b'{"text": "%s"}' % (b"more " * number) for number in range(1, 12)),
]


def printed(model: Path, messages: list[bytes]) -> list[dict[str, Any]]:
    """What `emotion-worker label` prints."""
    settings = load_settings(model=str(model), device="cpu", dtype="float32", batch_tokens=512)
    loaded, tokenizer = load_model(settings)
    make_label = LabelMaker(loaded.info, lambda: 0)
    stages = LabelStages(make_reader(settings, "json"), tokenizer.tokenize, planner(loaded), loaded.predict, make_label)
    output = io.BytesIO()
    label_lines(stages, [io.BytesIO(b"\n".join(messages))], output)
    return [orjson.loads(line) for line in output.getvalue().splitlines()]


def comparable(answer: dict[str, Any]) -> dict[str, Any]:
    scores = {name: pytest.approx(score, abs=2e-6) for name, score in answer.get("scores", {}).items()}
    return (
        answer
        | {"labelled_at_ms": 0}
        | ({"scores": scores, "score": max(scores.values(), key=lambda it: it.expected)} if scores else {})
    )


@pytest.mark.parametrize("config", [{}, {"problem_type": "multi_label_classification"}], ids=["one label", "several"])
def test_an_array_gets_what_the_label_command_prints(config: dict[str, object], tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "model", **config)
    with serving(model) as served:
        answer = served.ask("/label", b"[%b]" % b",".join(MESSAGES))
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    expected = printed(model, MESSAGES)
    assert [found | {"labelled_at_ms": 0} for found in answer.json] == [comparable(line) for line in expected]
    check = Draft202012Validator(orjson.loads(documents()["emotion-label.schema.json"]))
    labels = [found for found in answer.json if "dead_letter" not in found]
    assert len(labels) == len(MESSAGES) - 5
    for found in labels:
        check.validate(found)
        assert (found["labels"] is None) == (config == {})


def test_a_message_alone_gets_its_label_alone(served: Served) -> None:
    answer = served.ask("/label", {"id": "mine", "text": "so glad"})
    assert answer.status == 200
    assert answer.json["id"] == "mine"
    assert served.ask("/label", {"text": "so glad"}).json["id"] == "1"


def test_a_string_is_a_message_as_well(served: Served) -> None:
    alone, pair = served.ask("/label", "so glad").json, served.ask("/label", ["so glad", {"text": "b"}]).json
    assert alone["scores"].keys() == pair[0]["scores"].keys()
    assert [answer["id"] for answer in pair] == ["1", "2"]


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b'{"text": " "}', 422, "empty_text"),
        (b'{"text": 1}', 422, "wrong_type"),
        (b"{}", 422, "missing_text"),
        (b"1", 422, "not_an_object"),
        (b'" "', 422, "empty_text"),
    ],
)
def test_a_broken_message_alone_is_its_dead_letter_and_no_success(
    body: bytes, status: int, reason: str, served: Served
) -> None:
    answer = served.ask("/label", body)
    assert (answer.status, answer.json["dead_letter"]["reason"]) == (status, reason)
    assert answer.json["id"] == "1"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[", b"[1,", b'["a"] ["b"]', b"plain words", b'"\xff"', b'["\xff"]', b"[" * 5000 + b"]" * 5000]
)
def test_what_is_no_json_is_refused_in_words(body: bytes, served: Served) -> None:
    answer = served.ask("/label", body)
    assert answer.status == 400
    assert answer.json["error"].startswith("the body is no JSON: ")
    assert answer.json["error_type"] == "Validation"


def test_no_messages_have_no_labels(served: Served) -> None:
    answer = served.ask("/label", [])
    assert (answer.status, answer.json) == (200, [])


def test_what_the_settings_skip_leaves_its_place_empty(tiny_model: Path) -> None:
    with serving(tiny_model, only_if="kind=post", without_text="skip", text_field="post.body") as served:
        messages = [{"kind": "post", "post": {"body": "a"}}, {"kind": "like"}, {"kind": "post"}, "bare"]
        answer = served.ask("/label", messages)
        alone = served.ask("/label", messages[1])
        assert served.metric("emotion_skipped_total") == 4
    assert [found and found["id"] for found in answer.json] == ["1", None, None, None]
    assert (alone.status, alone.json) == (200, None)


def test_every_text_is_counted(tiny_model: Path) -> None:
    with serving(tiny_model) as served:
        served.ask("/label", ["one", "two", "", {"text": 1}])
        served.ask("/predict", {"inputs": "three"})
        assert served.metric("emotion_labels_total") == 3
        assert served.metric("emotion_dead_letters_total") == 2
        assert served.metric("emotion_http_queued_texts") == 0
        shown = served.ask("/metrics").body.decode()
    assert 'emotion_http_requests_total{path="/label",status="200"} 1.0' in shown
    assert "emotion_lag_records" not in shown

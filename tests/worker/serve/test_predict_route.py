"""POST /predict and /: the shapes that clients of TEI and of the hub send and expect."""

from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from tests.harness.tiny_model import LABELS, POSITIONS, write_tiny_model
from tests.worker.serve.conftest import Served, serving

LONG = "a " * POSITIONS


def scores(served: Served, text: str) -> dict[str, float]:
    found: dict[str, float] = served.ask("/label", text).json["scores"]
    return found


def as_dict(ranked: list[dict[str, Any]]) -> dict[str, object]:
    assert all(item.keys() == {"label", "score"} for item in ranked)
    found = [item["score"] for item in ranked]
    assert found == sorted(found, reverse=True)
    return {item["label"]: pytest.approx(item["score"], abs=2e-6) for item in ranked}


@pytest.mark.parametrize("inputs", ["so glad", ["so glad"]])
def test_one_text_of_tei_gets_a_list_of_scores(inputs: object, served: Served) -> None:
    answer = served.ask("/predict", {"inputs": inputs, "truncate": False, "raw_scores": False})
    assert answer.status == 200
    assert as_dict(answer.json) == scores(served, "so glad")


def test_several_texts_of_tei_get_a_list_each_in_order(served: Served) -> None:
    texts = ["so glad", "b", "what a day!", "so glad"]
    answer = served.ask("/predict", {"inputs": [[text] for text in texts]})
    assert [as_dict(found) for found in answer.json] == [scores(served, text) for text in texts]


@pytest.mark.parametrize(("path", "more"), [("/", {}), ("/predict", {"parameters": {}}), ("/", {"parameters": None})])
def test_the_hub_gets_a_list_for_one_text_too(path: str, more: dict[str, object], served: Served) -> None:
    (answer,) = served.ask(path, {"inputs": "so glad"} | more).json
    assert as_dict(answer) == scores(served, "so glad")
    several = served.ask(path, {"inputs": ["so glad", "b", "c"]} | more).json
    assert [as_dict(found) for found in several] == [scores(served, text) for text in ("so glad", "b", "c")]


@pytest.mark.parametrize("path", ["", "/", "/predict"])
def test_the_hubs_own_client_understands_it(path: str, served: Served) -> None:
    client = InferenceClient(model=f"http://127.0.0.1:{served.port}{path}")
    found = client.text_classification("so glad")
    assert {item.label: pytest.approx(item.score, abs=2e-6) for item in found} == scores(served, "so glad")
    (best,) = client.text_classification("so glad", top_k=1, function_to_apply="softmax")
    assert best.label == found[0].label
    with pytest.raises(HfHubHTTPError, match="by softmax, or none"):
        client.text_classification("so glad", function_to_apply="sigmoid")


def test_a_multi_label_model_gives_each_label_a_score_of_its_own(tmp_path: Path) -> None:
    with serving(write_tiny_model(tmp_path / "model", problem_type="multi_label_classification")) as served:
        answer = served.ask("/predict", {"inputs": "so glad"})
        assert as_dict(answer.json) == scores(served, "so glad")
        assert sum(item["score"] for item in answer.json) != pytest.approx(1, abs=0.01)
        assert served.ask("/", {"inputs": "a", "parameters": {"function_to_apply": "sigmoid"}}).status == 200
        assert served.ask("/", {"inputs": "a", "parameters": {"function_to_apply": "softmax"}}).status == 422


def test_raw_scores_are_those_before_softmax(served: Served, tiny_model: Path) -> None:
    tokens = AutoTokenizer.from_pretrained(tiny_model)("so glad", return_tensors="pt")
    with torch.inference_mode():
        logits = AutoModelForSequenceClassification.from_pretrained(tiny_model)(**tokens).logits[0].tolist()
    expected = {label: pytest.approx(logit, abs=1e-4) for label, logit in zip(LABELS, logits, strict=True)}
    by_tei = served.ask("/predict", {"inputs": [["so glad"], ["b"]], "raw_scores": True}).json
    by_hub = served.ask("/", {"inputs": "so glad", "parameters": {"function_to_apply": "none"}}).json
    for found in (by_tei[0], by_hub[0]):
        assert {item["label"]: item["score"] for item in found} == expected
    assert as_dict(served.ask("/predict", {"inputs": "so glad"}).json) == scores(served, "so glad")


@pytest.mark.parametrize(("more", "status"), [({}, 413), ({"truncate": False}, 413), ({"truncate": True}, 200)])
def test_a_text_that_is_too_long_is_cut_only_if_tei_is_told_to(
    more: dict[str, object], status: int, served: Served
) -> None:
    answer = served.ask("/predict", {"inputs": [["a"], [LONG]]} | more)
    assert answer.status == status
    if status == 413:
        assert answer.json == {
            "error": f'`inputs` must not have more than {POSITIONS} tokens: send "truncate": true',
            "error_type": "Validation",
        }


def test_the_hub_has_no_word_for_it_and_it_is_cut(served: Served) -> None:
    assert served.ask("/", {"inputs": LONG}).status == 200


@pytest.mark.parametrize(
    ("body", "status", "kind", "words"),
    [
        ({"inputs": ["a", "b"]}, 422, "Validation", "a pair of texts"),
        ({"inputs": ["a", "b", "c"]}, 422, "Validation", "a pair of texts"),
        ({"inputs": [["a", "b"]]}, 422, "Validation", "no pairs"),
        ({"inputs": [["a"], []]}, 422, "Validation", "no pairs"),
        ({"inputs": ["a", ["b"]]}, 422, "Validation", "must be a text"),
        ({"inputs": 1}, 422, "Validation", "must be a text"),
        ({"inputs": None}, 422, "Validation", "must be a text"),
        ({}, 422, "Validation", "must be a text"),
        ({"inputs": [["a"]], "parameters": {}}, 422, "Validation", "as the hub takes them"),
        ({"inputs": "a", "raw_scores": "yes"}, 422, "Validation", "raw_scores: "),
        ({"inputs": "a", "truncate": "yes"}, 422, "Validation", "truncate: "),
        ({"inputs": "a", "truncation_direction": "Left"}, 422, "Validation", "truncation_direction: "),
        ({"inputs": "a", "parameters": {"top_k": 0}}, 422, "Validation", "parameters.top_k: "),
        ({"inputs": "a", "parameters": 1}, 422, "Validation", "parameters: "),
        ([], 422, "Validation", "must be an object"),
        (b"{", 400, "Validation", "no JSON"),
        (b'{"inputs": "\xff"}', 400, "Validation", "no JSON"),
        ({"inputs": []}, 400, "Empty", "empty"),
        ({"inputs": ""}, 413, "Validation", "cannot be empty: text 1 "),
        ({"inputs": [["a"], [" "]]}, 413, "Validation", "cannot be empty: text 2 "),
        ({"inputs": [["a"]] * 257}, 413, "Validation", "batch size 257 > maximum allowed batch size 256"),
    ],
)
def test_what_cannot_be_answered_is_refused_as_tei_refuses(
    body: object, status: int, kind: str, words: str, served: Served
) -> None:
    answer = served.ask("/predict", body)
    assert (answer.status, answer.json.keys()) == (status, {"error", "error_type"})
    assert answer.json["error_type"] == kind
    assert words in answer.json["error"]


@pytest.mark.parametrize("path", ["/predict", "/"])
@pytest.mark.parametrize(
    "body",
    [
        {"inputs": ["overheard", "b"], "truncate": "overheard"},
        {"inputs": [["overheard", "overheard"]]},
        {"inputs": ["overheard", 1]},
        {"inputs": {"overheard": "overheard"}},
        {"inputs": [["overheard " + LONG]], "parameters": {"overheard": 1, "top_k": "overheard"}},
        b'{"inputs": "overheard',
    ],
)
def test_no_refusal_shows_a_text(path: str, body: object, served: Served) -> None:
    answer = served.ask(path, body)
    assert answer.status >= 400
    assert b"overheard" not in answer.body

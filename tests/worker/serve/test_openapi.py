"""The OpenAPI document says what is answered."""

import re
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from tests.worker.serve.conftest import Served
from worker.serve.paths import PATHS


@pytest.fixture
def document(served: Served) -> dict[str, Any]:
    found: dict[str, Any] = served.ask("/openapi.json").json
    return found


def check(document: dict[str, Any], schema: dict[str, Any], value: object) -> None:
    Draft202012Validator({**schema, "components": document["components"]}).validate(value)


def test_every_path_is_in_it_and_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    assert {(path, method) for path, of in document["paths"].items() for method in of} == {
        (path.path, path.method.lower()) for path in PATHS
    }
    references = set(re.findall(r'"\$ref":"#/components/schemas/(\w+)"', orjson.dumps(document).decode()))
    assert references == document["components"]["schemas"].keys()
    assert {"EmotionLabel", "DeadLetterAnswer", "TextMessage", "PredictRequest", "Refusal"} <= references


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/label", {"text": "a"}),
        ("/label", "a"),
        ("/label", ["a", {"text": "b", "id": "c"}]),
        ("/label", {"text": " "}),
        ("/label", ["a"] * 257),
        ("/label", b"{"),
        ("/predict", {"inputs": "a"}),
        ("/predict", {"inputs": [["a"], ["b"]], "truncate": True}),
        ("/predict", {"inputs": ["a", "b"]}),
        ("/predict", {"inputs": ""}),
        ("/", {"inputs": ["a", "b"], "parameters": {"top_k": 2}}),
        ("/livez", None),
        ("/readyz", None),
    ],
)
def test_what_is_sent_and_answered_is_as_it_says(
    path: str, body: object, served: Served, document: dict[str, Any]
) -> None:
    answer = served.ask(path, body)
    said = document["paths"][path]["get" if body is None else "post"]
    check(document, said["responses"][str(answer.status)]["content"]["application/json"]["schema"], answer.json)
    if body is not None and answer.status == 200:
        check(document, said["requestBody"]["content"]["application/json"]["schema"], body)

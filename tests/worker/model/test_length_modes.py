"""A text is computed as it would be alone and first, by models that compute long texts otherwise than short ones."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.harness.tiny_architectures import write_architecture
from tests.worker.model.test_architectures import TEXTS, load, lone_scores
from worker.flow import Prediction, Request
from worker.labelling import planner
from worker.model.model import Model
from worker.model.tokenizer import Tokenizer

SPARSE = {"attention_type": "block_sparse", "block_size": 4, "num_random_blocks": 1}  # of texts above 28 tokens
LONG_ROPE = {  # of texts above 150 tokens: what the start tries is shorter
    "max_position_embeddings": 512,
    "original_max_position_embeddings": 150,
    "rope_parameters": {
        "rope_type": "longrope",
        "rope_theta": 10_000.0,
        "original_max_position_embeddings": 150,
        "short_factor": [1.0] * 4,
        "long_factor": [3.0, 5.0, 7.0, 9.0],
    },
}
POSITIONS = {"max_position_embeddings": 256}
KINDS: Mapping[str, dict[str, Any]] = {"big_bird": SPARSE, "bigbird_pegasus": SPARSE, "phi3": LONG_ROPE}
LONG, SHORT = "so it began, " * 20 + "and i am furious", "we won"
MIXED = [*TEXTS[:20], *(", ".join(TEXTS[index : index + 3]) for index in range(20))]


def scores(model: Model, tokenizer: Tokenizer, texts: list[str]) -> torch.Tensor:
    requests = (Request(index, str(index), text, None) for index, text in enumerate(texts))
    found = list(model.predict(planner(model)(tokenizer.tokenize(requests))))
    by_index = {p.request.index: p.scores for p in found if isinstance(p, Prediction)}
    return torch.tensor([by_index[index] for index in range(len(texts))])


@pytest.mark.parametrize("kind", KINDS)
def test_neither_neighbours_nor_earlier_texts_change_the_scores(
    kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = write_architecture(tmp_path, kind, {"model_max_length": 250}, **POSITIONS | KINDS[kind])
    # Longest first: transformers leaves the way of long texts for good with the first short one.
    order = sorted(range(len(MIXED)), key=lambda index: -len(MIXED[index]))
    expected = torch.tensor(list(lone_scores(folder, [MIXED[index] for index in order])))
    model, tokenizer = load(folder)
    capfd.readouterr()
    model.batch_tokens = 4096
    for _ in range(2):
        found = scores(model, tokenizer, MIXED)[order]
        assert (found - expected).abs().max() < 1e-5
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("kind", KINDS)
def test_a_long_text_has_the_same_scores_before_and_after_a_short_one(kind: str, tmp_path: Path) -> None:
    folder = write_architecture(tmp_path, kind, {"model_max_length": 250}, **POSITIONS | KINDS[kind])
    model, tokenizer = load(folder)
    found = [scores(model, tokenizer, texts)[-1] for texts in ([LONG], [SHORT, LONG], [SHORT], [LONG])]
    (expected,) = lone_scores(folder, [LONG])
    for each in (found[0], found[1], found[3]):
        assert (each - torch.tensor(expected)).abs().max() < 1e-5

"""Every architecture: 200 texts in one window get the scores that pipeline() gives each of them alone."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedTokenizerFast, pipeline

from tests.harness.tiny_architectures import POSITIONS, write_architecture
from worker.flow import Prediction, Request
from worker.labelling import load_model, planner
from worker.model.batcher import plan
from worker.model.model import Model
from worker.model.sample_texts import sample_texts
from worker.model.sharing import Sharing
from worker.model.tokenizer import Tokenizer
from worker.settings import load_settings

TEXTS = sample_texts(200)
MIX_PADDING_IN = ("convbert", "fnet", "funnel", "mobilebert", "nystromformer", "yoso")
ENCODERS = (
    *("albert", "bert", "big_bird", "camembert", "data2vec-text", "deberta", "deberta-v2", "distilbert", "electra"),
    *("ernie", "esm", "eurobert", "flaubert", "gte", "ibert", "layoutlm", "lilt", "longformer", "luke"),
    *("megatron-bert", "modernbert", "mpnet", "mra", "nomic_bert", "reformer", "rembert", "roberta"),
    *("roberta-prelayernorm", "roformer", "squeezebert", "xlm", "xlm-roberta", "xlm-roberta-xl", "xlnet"),
)
DECODERS = (
    *("arcee", "biogpt", "bloom", "ctrl", "deepseek_v3", "falcon", "gemma", "gemma2", "glm", "gpt2", "gpt_bigcode"),
    *("gpt_neo", "gpt_neox", "gpt_oss", "gptj", "helium", "jamba", "llama", "mistral", "mixtral", "mpt", "olmo2"),
    *("openai-gpt", "opt", "persimmon", "phi", "phi3", "qwen2", "qwen3", "qwen3_moe", "smollm3", "stablelm"),
    "starcoder2",
)
WITH_DECODER = ("bart", "mbart", "mt5", "mvp", "plbart", "t5", "umt5")


def load(folder: Path) -> tuple[Model, Tokenizer]:
    return load_model(load_settings(model=str(folder), device="cpu", dtype="float32"))


def window_scores(folder: Path, texts: Sequence[str] = TEXTS) -> list[list[float]]:
    """Of each text, by the worker's own tokenizer, batches and model."""
    model, tokenizer = load(folder)
    requests = (Request(index, str(index), text, None) for index, text in enumerate(texts))
    predictions = list(model.predict(planner(model)(tokenizer.tokenize(requests))))
    scores = {p.request.index: p.scores for p in predictions if isinstance(p, Prediction)}
    return [scores[index] for index in range(len(texts))]


def lone_scores(folder: Path, texts: Sequence[str]) -> Iterator[list[float]]:
    """Of each text alone, by transformers' pipeline, with tokenizer.json as it is."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    reference: Any = pipeline("text-classification", str(folder), tokenizer=tokenizer, dtype=torch.float32, top_k=None)
    for text in texts:
        found = {answer["label"]: answer["score"] for answer in reference([text], truncation=True)[0]}
        yield [found[label] for label in reference.model.config.id2label.values()]


def check(folder: Path, texts: Sequence[str] = TEXTS, step: int = 1) -> None:
    """See that the scores are equal, of every so manieth text, and the labels with them."""
    ours, theirs = window_scores(folder, texts)[::step], list(lone_scores(folder, texts[::step]))
    assert (torch.tensor(ours) - torch.tensor(theirs)).abs().max() < 1e-5
    assert torch.tensor(ours).argmax(dim=1).tolist() == torch.tensor(theirs).argmax(dim=1).tolist()


@pytest.mark.parametrize("kind", [*ENCODERS, *DECODERS, *WITH_DECODER])
def test_texts_of_a_window_get_the_scores_of_pipeline(kind: str, tmp_path: Path) -> None:
    check(write_architecture(tmp_path, kind), step=10)


@pytest.mark.parametrize("kind", MIX_PADDING_IN)
def test_a_model_that_mixes_padding_in_gets_texts_of_equal_length(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write_architecture(tmp_path, kind)
    with caplog.at_level(logging.WARNING):
        model, tokenizer = load(folder)
    (record,) = [record for record in caplog.records if record.message == "neighbours_matter"]
    assert vars(record)["sharing"] == model.sharing == Sharing.EQUAL_LENGTHS
    texts = tokenizer.tokenize(Request(index, "", text, None) for index, text in enumerate(TEXTS))
    batches = list(planner(model)(texts))
    assert all(len({len(item.ids) for row in batch for item in row}) == 1 for batch in batches)
    assert len(batches) < len(texts) / 2
    check(folder)


def test_a_model_that_mixes_texts_gets_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forward = Model.forward

    def mixing(model: Model, inputs: Any) -> torch.Tensor:
        scores = forward(model, inputs)
        return (scores + scores.mean(dim=0)) / 2

    folder = write_architecture(tmp_path, "squeezebert")
    monkeypatch.setattr(Model, "forward", mixing)
    model, tokenizer = load(folder)
    assert model.sharing == Sharing.NO_OTHERS
    texts = tokenizer.tokenize(Request(index, "", text, None) for index, text in enumerate(TEXTS[:20]))
    assert [len(batch) for batch in planner(model)(texts)] == [1] * 20


SIDES = [{"padding_side": side} for side in ("left", "right")]


@pytest.mark.parametrize("sides", SIDES, ids=lambda sides: str(sides["padding_side"]))
@pytest.mark.parametrize("kind", ["gpt2", "llama", "opt", "xlnet", "squeezebert"])
def test_texts_are_padded_on_the_side_that_changes_no_score(kind: str, sides: dict[str, str], tmp_path: Path) -> None:
    folder = write_architecture(tmp_path, kind, sides)
    assert load(folder)[0].sharing == Sharing.ANY_LENGTHS
    check(folder, step=10)


@pytest.mark.parametrize("kind", ["gpt2", "xlnet", "distilbert", "bert"])
def test_texts_are_cut_on_the_side_that_the_tokenizer_names(kind: str, tmp_path: Path) -> None:
    folder = write_architecture(tmp_path, kind, {"truncation_side": "left"})
    texts = [*TEXTS[:9], "so it began, " * 60 + "and i am furious", "so it began, " * 1000 + "and we won"]
    _, tokenizer = load(folder)
    tokenized = tokenizer.tokenize(Request(index, "", text, None) for index, text in enumerate(texts))
    assert sorted(item.requests[0].index for item in tokenized if item.truncated) == [9, 10]
    check(folder, texts)


PADDING: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "in both": ({}, {}),
    "in the tokenizer": ({"pad_token_id": None}, {}),
    "in none": ({"pad_token_id": None}, {"pad_token": None}),
    "none by -1": ({"pad_token_id": -1}, {"pad_token": None}),
    "the end of a text": ({"pad_token_id": None}, {"pad_token": "</s>"}),
}


@pytest.mark.parametrize("padding", PADDING)
@pytest.mark.parametrize("kind", ["gpt2", "llama", "qwen2"])
def test_decoders_need_no_padding_token(
    kind: str, padding: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config, tokenizer = PADDING[padding]
    folder = write_architecture(tmp_path, kind, tokenizer, **config)
    texts = [*TEXTS[:40], "it ends here </s>", "no pad <pad>", "</s>"]
    check(folder, texts)
    assert not [record for record in caplog.records if record.message in ("batch_halved", "neighbours_matter")]


@pytest.mark.parametrize(
    ("kind", "limit", "config", "found"),
    [
        ("llama", None, {}, POSITIONS),
        ("llama", -1, {}, POSITIONS),
        ("llama", 1e30, {}, POSITIONS),
        ("llama", 50, {}, 50),
        ("gpt2", None, {}, POSITIONS),
        ("roberta-prelayernorm", 10**30, {}, POSITIONS - 1),
        ("yoso", None, {}, POSITIONS),
        ("mpt", None, {}, POSITIONS),
        ("xlnet", None, {}, None),
        ("t5", -1, {}, None),
        ("t5", 77, {}, 77),
        ("funnel", None, {"max_position_embeddings": -1}, None),
    ],
)
def test_a_limit_is_that_of_tokenizer_and_config_and_none_is_invented(
    kind: str, limit: float | None, config: dict[str, Any], found: int | None, tmp_path: Path
) -> None:
    _, tokenizer = load(write_architecture(tmp_path, kind, {"model_max_length": limit}, **config))
    request = Request(0, "", "a " * 300, None)
    (text,) = tokenizer.tokenize([request])
    assert text.truncated == (found is not None)
    assert found is None or len(text.ids) == found


def test_planning_of_equal_lengths_keeps_the_budget() -> None:
    from worker.flow import TokenizedText

    texts = [TokenizedText([], [1] * length, truncated=False) for length in (5, 3, 5, 3, 5, 3, 9)]
    batches = plan(texts, 10, sharing=Sharing.EQUAL_LENGTHS)
    assert [[len(row[0].ids) for row in batch] for batch in batches] == [[3, 3, 3], [5, 5], [5], [9]]

"""Decoders that label: GPT-2, Llama and Qwen2 come without a padding token, and their last token counts."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import ByteLevelBPETokenizer
from transformers import (
    AutoModel,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    GPT2Config,
    LlamaConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
    pipeline,
    set_seed,
)

from schemas.model_folder import check_model_folder
from tests.trainer.conftest import FILLERS, WORDS, Train
from trainer.__main__ import run
from trainer.artifact.loading import load_artifact
from trainer.evaluation.outputs import outputs_of
from trainer.preprocessing.tokenizer import embedding
from worker.flow import Prediction, Request
from worker.labelling import load_model, planner
from worker.settings import load_settings

END = "<|endoftext|>"
TEXTS = ["i feel so lonely", "happy", "today i feel really amazed and so stunned and furious and scared"]
SIZES: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "initializer_range": 0.1}
CONFIGS: dict[str, Callable[..., Any]] = {"gpt2": GPT2Config, "llama": LlamaConfig, "qwen2": Qwen2Config}


def write_decoder(folder: Path, kind: str) -> Path:
    """A random decoder without a head, whose tokenizer pads on the left and has no token for it."""
    backend = ByteLevelBPETokenizer()
    corpus = [f"{word} {word.upper()}" for word in [*FILLERS, *(word for pair in WORDS.values() for word in pair)]]
    backend.train_from_iterator(corpus, vocab_size=400, special_tokens=[END])
    generic: Any = PreTrainedTokenizerFast
    generic(
        tokenizer_object=backend._tokenizer,
        eos_token=END,
        padding_side="left",
        model_max_length=48,
        model_input_names=["input_ids", "attention_mask"],
    ).save_pretrained(folder)
    wider = {} if kind == "gpt2" else {"intermediate_size": 64, "num_key_value_heads": 2}
    ends = {"bos_token_id": None, "eos_token_id": 0, "pad_token_id": None}
    config = CONFIGS[kind](vocab_size=400, max_position_embeddings=48, **SIZES, **wider, **ends)
    set_seed(1)
    AutoModel.from_config(config).save_pretrained(folder)  # type: ignore[no-untyped-call]
    return folder


def labelled_by_the_worker(artifact: Path, texts: list[str]) -> Any:
    """Its scores, of shape [texts, labels]."""
    model, tokenizer = load_model(load_settings(model=str(artifact), device="cpu", dtype="float32"))
    requests = [Request(index, str(index), text, None) for index, text in enumerate(texts)]
    answers = model.predict(planner(model)(tokenizer.tokenize(requests)))
    scores = {answer.request.index: answer.scores for answer in answers if isinstance(answer, Prediction)}
    return np.array([scores[index] for index in range(len(texts))])


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_decoder_is_trained_and_labels_alike_for_all_who_load_it(
    kind: str, train: Train, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = write_decoder(tmp_path / kind, kind)
    artifact = train("--model", str(base), "--data", str(data), "--learning_rate", "5e-3", "--max_steps", "30")

    manifest = json.loads((artifact / "manifest.json").read_bytes())
    assert manifest["calibration"]["temperature"] != 1
    assert manifest["lower_case"] == (kind != "qwen2")  # transformers makes the tokenizer of Qwen2 anew
    capsys.readouterr()
    assert run(["evaluate", str(artifact), "--data", str(data), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["loss"] == pytest.approx(
        manifest["metrics"]["validation"]["loss"], abs=1e-4
    )

    model, tokenizer = load_artifact(artifact, "float32")
    assert (tokenizer.pad_token, tokenizer.padding_side, model.config.pad_token_id) == (END, "right", 0)
    ours = torch.tensor(outputs_of(model, tokenizer, TEXTS).logits).softmax(dim=1)
    assert labelled_by_the_worker(artifact, TEXTS) == pytest.approx(ours.numpy(), abs=1e-5)
    alone = pipeline("text-classification", str(artifact), dtype=torch.float32, top_k=None)
    for scores, text in zip(ours.tolist(), TEXTS, strict=True):
        theirs: Any = alone([text], truncation=True)[0]
        by_name = {each["label"]: each["score"] for each in theirs}
        assert [by_name[name] for name in manifest["labels"]] == pytest.approx(scores, abs=1e-5)


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A classifier as people publish it: neither model nor tokenizer knows a padding token."""
    folder = write_decoder(tmp_path / "published", "gpt2")
    AutoModelForSequenceClassification.from_pretrained(folder, num_labels=6).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("known", [None, "[PAD]"])
def test_neighbours_change_nothing_in_a_decoder_without_a_padding_token(known: str | None, published: Path) -> None:
    if known:  # by the tokenizer alone
        tokenizer = AutoTokenizer.from_pretrained(published)
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(399)
        tokenizer.save_pretrained(published)
    model, tokenizer = load_artifact(published, "float32")
    together = outputs_of(model, tokenizer, TEXTS)
    reference = AutoModelForSequenceClassification.from_pretrained(published)
    for row, text in zip(together.logits, TEXTS, strict=True):
        inputs = tokenizer(text, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            alone = reference(**inputs).logits[0]
        assert alone.tolist() == pytest.approx(row.tolist(), abs=1e-5)
    assert together.features is not None
    assert together.features.shape == (len(TEXTS), 32)
    head: Any = model.score
    assert together.features @ head.weight.detach().numpy().T == pytest.approx(together.logits, abs=1e-5)


def test_a_decoder_whose_tokenizer_has_no_token_to_pad_with_is_refused_before_the_training(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = write_decoder(tmp_path / "base", "gpt2")
    config = json.loads((base / "tokenizer_config.json").read_bytes())
    del config["eos_token"]
    (base / "tokenizer_config.json").write_text(json.dumps(config))
    assert run(["train", "--model", str(base), "--data", str(data), "--output", str(tmp_path / "a")]) == 2
    assert "has no padding token; set pad_token" in capsys.readouterr().err
    shutil.rmtree(base)
    assert not list(tmp_path.iterdir())


def test_a_padding_token_that_was_only_added_to_the_tokenizer_gets_a_row(
    published: Path, train: Train, data: Path
) -> None:
    # The folder's check lets it pass: no text holds it.
    tokenizer = AutoTokenizer.from_pretrained(published)
    before = {text: tokenizer(text)["input_ids"] for text in TEXTS}
    small = AutoModelForSequenceClassification.from_pretrained(published)
    small.resize_token_embeddings(len(tokenizer))
    small.save_pretrained(published)
    tokenizer.add_special_tokens({"pad_token": "<added>"})
    tokenizer.save_pretrained(published)
    check_model_folder(published)

    model, loaded = load_artifact(published, "float32")
    assert loaded.convert_tokens_to_ids("<added>") == len(embedding(model)) - 1
    assert {text: loaded(text)["input_ids"] for text in TEXTS} == before

    artifact = train("--model", str(published), "--data", str(data), "--max_steps", "1")
    check_model_folder(artifact)
    assert json.loads((artifact / "config.json").read_bytes())["vocab_size"] == len(tokenizer)

"""Misspellings that the tokenizer knows: to whoever loads the artifact, such a text is the text without them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertForSequenceClassification

from tests.trainer.conftest import LEARNING, WORDS, Train, make_rows, write_text_file
from trainer.__main__ import run
from trainer.preprocessing.misspellings import add_misspellings, known_misspellings
from trainer.preprocessing.tokenizer import lower_cased_tokenizer

SAME = [
    ("I feel so hpapy", "i feel so happy"),
    ("hopelses, really!", "hopeless, really!"),
    ("so hopless today", "so hopeless today"),
    ("#LNOELY", "#lonely"),
]


def scores(artifact: Path, texts: list[str]) -> torch.Tensor:
    """As any user of transformers computes them."""
    model = AutoModelForSequenceClassification.from_pretrained(artifact)
    tokenizer = AutoTokenizer.from_pretrained(artifact)
    with torch.inference_mode():
        logits: torch.Tensor = model(**tokenizer(texts, padding=True, return_tensors="pt")).logits
    return logits.softmax(-1)


@pytest.fixture(scope="module")
def artifact(train: Train, cased_base: Path, data: Path) -> Path:
    return train("--model", str(cased_base), "--data", str(data), *LEARNING, "--misspellings", "200")


def test_a_misspelt_word_scores_as_the_word_itself(artifact: Path) -> None:
    misspelt, right = (scores(artifact, list(texts)) for texts in zip(*SAME, strict=True))

    assert torch.allclose(misspelt, right, atol=1e-6)
    assert right.max() > 0.9  # and they say something


def test_without_the_option_it_does_not(train: Train, cased_base: Path, data: Path) -> None:
    plain = train("--model", str(cased_base), "--data", str(data), *LEARNING)

    misspelt, right = (scores(plain, list(texts)) for texts in zip(*SAME, strict=True))

    assert (misspelt - right).abs().amax(dim=1).min() > 1e-3


@pytest.mark.parametrize("options", [(), ("--misspellings", "200")])
def test_a_training_from_such_an_artifact_on_keeps_them_the_same_and_adds_none_twice(
    options: tuple[str, ...], artifact: Path, train: Train, tmp_path: Path
) -> None:
    other = {label: words[1:] for label, words in WORDS.items()}  # neither "happy" nor "lonely"
    write_text_file(tmp_path / "train.txt", make_rows(other, 48, seed=3))
    write_text_file(tmp_path / "validation.txt", make_rows(WORDS, 24, seed=4))

    again = train("--model", str(artifact), "--data", str(tmp_path), *LEARNING, *options)

    assert not torch.allclose(scores(again, ["happy"]), scores(artifact, ["happy"]), atol=1e-6)
    misspelt, right = (scores(again, list(texts)) for texts in zip(*SAME, strict=True))
    assert torch.allclose(misspelt, right, atol=1e-6)
    known, before = (set(AutoTokenizer.from_pretrained(folder).get_vocab()) for folder in (again, artifact))
    assert known == before


def test_a_resumed_training_ends_with_the_same_weights(
    train: Train, cased_base: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--model", str(cased_base), "--data", str(data), "--misspellings", "50", "--max_steps", "6"]
    options += ["--label_smoothing_factor", "0.1"]  # labels are shares then
    options += ["--save_strategy", "steps", "--save_steps", "3", "--use_cpu", "--report_to", "none"]
    whole = train(*options)
    assert "50 misspellings of " in capsys.readouterr().err
    (whole / "model.safetensors").rename(kept := whole.parent / "whole.safetensors")
    first = whole.with_name("artifact-checkpoints") / "checkpoint-3"
    assert first.is_dir()

    resumed = ["train", "--output", str(whole), "--overwrite", *options, "--resume_from_checkpoint", str(first)]
    assert run(resumed) == 0

    assert (whole / "model.safetensors").read_bytes() == kept.read_bytes()


def test_words_that_tell_most_come_first_and_other_words_are_left_alone(cased_base: Path) -> None:
    model = BertForSequenceClassification.from_pretrained(cased_base)
    tokenizer = lower_cased_tokenizer(str(cased_base), model)
    # "today" tells nothing, "happy" and "bitter" all; "btiter" is a word of the texts' own.
    texts = [f"{word} today" for word in ("happy", "bitter", "btiter") for _ in range(4)]
    shares = np.eye(2)[[0] * 4 + [1] * 8]

    _, few = add_misspellings(model, tokenizer, texts, shares, 3)
    known, words = add_misspellings(model, tokenizer, texts, shares, 100)

    assert few == {"hpapy": "happy", "hppy": "happy", "haappy": "happy"}
    assert list(words.values()).index("today") > list(words.values()).index("bitter")
    assert words["tdoay"] == "today"
    assert words["bittter"] == "bitter"
    assert words.keys().isdisjoint({"toady", "biter", "btiter"})
    assert len(tokenizer.get_vocab()) < len(known.get_vocab()) == model.config.vocab_size
    weight = model.bert.embeddings.word_embeddings.weight
    ids = known.get_vocab()
    assert all(torch.equal(weight[ids[slip]], weight[ids[word]]) for slip, word in words.items())
    assert known_misspellings(model, known) == words


def test_words_are_those_that_the_tokenizer_sees(uncased_base: Path) -> None:
    model = BertForSequenceClassification.from_pretrained(uncased_base)
    tokenizer = lower_cased_tokenizer(str(uncased_base), model, drop_links_and_names=True)

    words = add_misspellings(model, tokenizer, ["CAFÉ @happy https://glad.example/"], np.eye(1), 100)[1]

    assert set(words.values()) == {"cafe"}  # accents are stripped, names and links left out


def test_tokens_that_were_added_to_the_base_keep_their_places(cased_base: Path, tmp_path: Path) -> None:
    base = AutoTokenizer.from_pretrained(cased_base)
    base.add_tokens(["lol", "<user>"])
    base.save_pretrained(tmp_path)
    model = BertForSequenceClassification.from_pretrained(cased_base)
    model.resize_token_embeddings(len(base) + 5)  # and some rows that no token has yet
    model.save_pretrained(tmp_path)
    tokenizer = lower_cased_tokenizer(str(tmp_path), model)
    before = tokenizer.get_vocab()

    known, words = add_misspellings(model, tokenizer, ["happy lol"], np.eye(1), 3)

    assert len(words) == 3
    assert {token: known.get_vocab()[token] for token in before} == before
    assert len(set(known.get_vocab().values())) == len(known.get_vocab()) == len(before) + 3
    assert model.config.vocab_size == len(base) + 5
    for text in ("so happy lol <user>", "a mask: [MASK]"):
        assert known(text)["input_ids"] == tokenizer(text)["input_ids"]


def test_a_base_without_whole_words_is_refused_with_the_mend(
    byte_level_base: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--model", str(byte_level_base), "--data", str(data), "--output", str(tmp_path / "artifact")]

    assert run(["train", *options, "--misspellings", "10", "--use_cpu", "--report_to", "none"]) != 0

    said = capsys.readouterr().err
    assert "--misspellings" in said
    assert "BPE" in said
    assert "leave it out" in said
    assert not (tmp_path / "artifact").exists()

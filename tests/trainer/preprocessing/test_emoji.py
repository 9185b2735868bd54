"""Emoji that are tokens of their own, each starting from the words that it stands for."""

from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertForSequenceClassification,
    PreTrainedTokenizerFast,
)

from tests.benchmarks.harness.texts import TWEETS
from tests.trainer.conftest import Train
from trainer.__main__ import run
from trainer.labelling.cue_labels import DEFAULT_CUES, read_cues
from trainer.preprocessing.emoji import EMOJI, add_emoji
from trainer.preprocessing.tokenizer import embedding, lower_cased_tokenizer, save_tokenizer
from worker.flow import Request
from worker.model.artifact import find_artifact
from worker.model.sample_texts import sample_texts
from worker.model.tokenizer import Tokenizer as WorkerTokenizer


def test_each_starts_from_the_mean_of_its_words(cased_base: Path) -> None:
    model = BertForSequenceClassification.from_pretrained(cased_base)
    tokenizer = lower_cased_tokenizer(str(cased_base), model)
    before = embedding(model).clone()

    extended = add_emoji(model, tokenizer)

    rows, ids = embedding(model), extended.get_vocab()
    assert torch.equal(rows[: len(before)], before)
    assert len(rows) == len(before) + len(EMOJI)
    for emoji, words in EMOJI.items():
        pieces = before[tokenizer(words, add_special_tokens=False)["input_ids"]]
        assert torch.allclose(rows[ids[emoji]], pieces.mean(dim=0))
    assert torch.equal(rows[ids["☺"]], rows[ids["😊"]])
    assert extended.tokenize("so happy☺️😭!") == ["so", "happy", "☺", "😭", "[UNK]"]


def test_all_are_in_the_form_that_the_tokenizer_leaves_of_them(cased_base: Path) -> None:
    model = BertForSequenceClassification.from_pretrained(cased_base)
    extended = add_emoji(model, lower_cased_tokenizer(str(cased_base), model))

    for emoji in EMOJI:
        assert extended.tokenize(f"so{emoji}\ufe0fhappy") == ["so", emoji, "happy"]


def test_those_that_tell_a_label_are_among_them() -> None:
    assert {cue for cue in read_cues(DEFAULT_CUES) if not cue.isascii()} <= EMOJI.keys()


def test_an_artifact_as_base_keeps_them_and_gets_none_twice(train: Train, cased_base: Path, data: Path) -> None:
    options = ["--data", str(data), "--max_steps", "1", "--misspellings", "20"]
    first = train("--model", str(cased_base), "--emoji_tokens", *options)

    again = train("--model", str(first), "--emoji_tokens", *options)
    without = train("--model", str(first), *options)

    vocabulary = AutoTokenizer.from_pretrained(first).get_vocab()
    assert vocabulary.keys() >= EMOJI.keys()
    rows = embedding(AutoModelForSequenceClassification.from_pretrained(first))
    for folder in (again, without):
        assert AutoTokenizer.from_pretrained(folder).get_vocab() == vocabulary
        assert len(embedding(AutoModelForSequenceClassification.from_pretrained(folder))) == len(rows)
    assert '"emoji_tokens": true' in (first / "manifest.json").read_text()
    assert "emoji_tokens" not in (without / "manifest.json").read_text()


def test_worker_and_transformers_see_the_same_tokens_of_a_folder(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Of the bundled model, which neither parts emoji nor knows them yet, as a base."""
    bundled = str(find_artifact("bundled", None).folder)
    model = BertForSequenceClassification.from_pretrained(bundled)
    save_tokenizer(add_emoji(model, lower_cased_tokenizer(bundled, model)), tmp_path)
    model.save_pretrained(tmp_path)
    texts = [f"so happy{emoji}" for emoji in EMOJI]
    texts += [text.replace(" ", emoji) for text, emoji in zip(sample_texts(len(EMOJI)), EMOJI, strict=True)]
    if TWEETS.is_file():
        tweets = TWEETS.read_text(encoding="utf-8").splitlines()[:2_000]
        texts += tweets + [text.replace(" ", "❤️") for text in tweets]

    folder = find_artifact(str(tmp_path), None)
    found = WorkerTokenizer(folder, 512).tokenize(Request(0, "", text, None) for text in texts)

    assert "slower_tokenizer" not in [record.message for record in caplog.records]
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert type(tokenizer) is PreTrainedTokenizerFast
    seen = [item.requests[0].text for item in found]
    assert seen == list(dict.fromkeys(texts))
    assert [item.ids for item in found] == tokenizer(seen, truncation=True)["input_ids"]
    assert all(tokenizer.tokenize(f"so happy{emoji}") == ["so", "happy", emoji] for emoji in EMOJI)


def test_a_base_without_whole_words_is_refused_with_the_mend(
    byte_level_base: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--model", str(byte_level_base), "--data", str(data), "--output", str(tmp_path / "artifact")]

    assert run(["train", *options, "--emoji_tokens", "--use_cpu", "--report_to", "none"]) != 0

    assert "--emoji_tokens: needs a vocabulary of words and pieces" in capsys.readouterr().err

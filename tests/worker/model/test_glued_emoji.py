"""Words that a tokenizer loses to an emoji right behind them are told of, and of no other tokenizer."""

from pathlib import Path
from typing import Any

import pytest
from tokenizers import pre_tokenizers
from transformers import BertForSequenceClassification, PreTrainedTokenizerFast

from tests.worker.model.test_long_texts import unigram
from trainer.preprocessing.emoji import add_emoji
from trainer.preprocessing.tokenizer import lower_cased_tokenizer, save_tokenizer
from worker.commands.check_model import check_model
from worker.model.artifact import find_artifact
from worker.model.glued_emoji import glued_emoji_hint
from worker.model.tokenizer import Tokenizer
from worker.settings import load_settings


def hint_of(folder: Path) -> tuple[str, str] | None:
    return glued_emoji_hint(Tokenizer(find_artifact(str(folder), None), positions=64))


def test_of_berts_own_tokenizer_all_are_told(tiny_model: Path) -> None:
    hint = hint_of(tiny_model)
    assert hint is not None
    assert hint[0] == "an emoji right behind a word makes it unknown: 12 of 12 built-in words are lost"
    assert "emotion-trainer" in hint[1]


@pytest.mark.parametrize("as_tokens", [True, False])
def test_one_of_the_trainer_loses_none(as_tokens: bool, tiny_model: Path, tmp_path: Path) -> None:
    model = BertForSequenceClassification.from_pretrained(tiny_model)
    tokenizer = lower_cased_tokenizer(str(tiny_model), model)
    save_tokenizer(add_emoji(model, tokenizer) if as_tokens else tokenizer, tmp_path)
    model.save_pretrained(tmp_path)
    assert hint_of(tmp_path) is None


def test_one_that_knows_the_pieces_of_a_word_loses_none(tiny_model: Path, tmp_path: Path) -> None:
    generic: Any = PreTrainedTokenizerFast
    pieces = unigram(None, pre_tokenizers.Metaspace())
    generic(tokenizer_object=pieces, unk_token="<unk>", pad_token="<pad>").save_pretrained(tmp_path)  # noqa: S106
    BertForSequenceClassification.from_pretrained(tiny_model).save_pretrained(tmp_path)
    unknown = pieces.token_to_id("<unk>")
    assert [unknown in pieces.encode(text).ids for text in ("happy", "happy😂")] == [False, True]
    assert hint_of(tmp_path) is None


def test_check_says_it(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_MODEL", str(tiny_model))
    described, hint = check_model(load_settings())
    assert (described.ok, described.mend) == (True, None)
    assert (hint.check, hint.ok) == ("model", True)
    assert "12 of 12" in hint.detail

"""What the tokenizer leaves out and parts, for every loader of the artifact."""

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer
from transformers import (
    AutoTokenizer,
    BertForSequenceClassification,
    PreTrainedTokenizerFast,
    RobertaForSequenceClassification,
)

from schemas import normalizer_patterns
from tests.trainer.conftest import Train
from trainer.preprocessing.tokenizer import lower_cased_tokenizer, save_tokenizer
from worker.model import tokenizer_parts

SAME = [
    ("@someone so happy", "so happy"),
    ("so HAPPY https://t.co/aBc3?x=1#y", "so happy"),
    ("so www.example.org happy", "so happy"),
    ("@a @b_2  so   happy @c!", "so happy !"),
    ("https://t.co/aBc3", ""),
]


@pytest.mark.parametrize("base", ["cased_base", "uncased_base"])
def test_links_and_names_are_left_out_by_whoever_loads_the_folder(
    base: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    folder: Path = request.getfixturevalue(base)
    model = BertForSequenceClassification.from_pretrained(folder)
    save_tokenizer(lower_cased_tokenizer(str(folder), model, drop_links_and_names=True), tmp_path)
    model.config.save_pretrained(tmp_path)

    reloaded = AutoTokenizer.from_pretrained(tmp_path)

    assert '"tokenizer_class": "PreTrainedTokenizerFast"' in (tmp_path / "tokenizer_config.json").read_text()
    for text, same in SAME:
        assert reloaded(text)["input_ids"] == reloaded(same)["input_ids"], text
    assert reloaded("so @ happy")["input_ids"] != reloaded("so happy")["input_ids"]
    assert len(reloaded("me@example.org")["input_ids"]) > 4  # an address is no user name
    plain = lower_cased_tokenizer(str(folder), model)
    for text in ("so HAPPY, really", "CAFÉ"):
        assert reloaded.tokenize(text) == plain.tokenize(text)


def test_without_the_option_they_stay(train: Train, cased_base: Path, data: Path) -> None:
    artifact = train("--model", str(cased_base), "--data", str(data), "--max_steps", "1")
    tokenizer = AutoTokenizer.from_pretrained(artifact)
    assert tokenizer("so happy @a")["input_ids"] != tokenizer("so happy")["input_ids"]


def test_the_option_of_train_reaches_the_artifact(train: Train, cased_base: Path, data: Path) -> None:
    artifact = train("--model", str(cased_base), "--data", str(data), "--max_steps", "1", "--drop-links-and-names")
    tokenizer = AutoTokenizer.from_pretrained(artifact)
    assert tokenizer("so happy @a")["input_ids"] == tokenizer("so happy")["input_ids"]


@pytest.mark.parametrize("drop", [True, False])
def test_an_artifact_as_base_keeps_its_tokenizer_as_it_is(drop: bool, cased_base: Path, tmp_path: Path) -> None:
    model = BertForSequenceClassification.from_pretrained(cased_base)
    once = lower_cased_tokenizer(str(cased_base), model, drop_links_and_names=drop)
    save_tokenizer(once, tmp_path)
    model.config.save_pretrained(tmp_path)

    twice = lower_cased_tokenizer(str(tmp_path), model, drop_links_and_names=drop)

    assert twice.backend_tokenizer.to_str() == once.backend_tokenizer.to_str()


PARTED = [
    ("happy😂", "happy 😂"),
    ("😂happy😭😭so", "😂 happy 😭 😭 so"),
    ("so hAPPY❤️ and glad❤", "so happy ❤ and glad ❤"),
    ("happy👍🏽", "happy 👍"),
    ("🤷🏽\u200d♂️so", "🤷 so"),
    ("glad🤷\u200d♀️", "glad 🤷"),
    ("so❤️\u200d🔥happy", "so ❤ 🔥 happy"),
    ("glad👩🏽\u200d🚀!", "glad 👩 🚀 !"),
    ("1️⃣ happy🇺🇸 🏴\U000e0067\U000e0062\U000e007f", "1 happy 🏴"),
    ("happy ️ so", "happy so"),
    ("happy™", "happy ™"),
    ("🇫🇷", ""),
]
PLAIN = ["so  happy,\tand\nglad !", " hello café ", "क्\u200dष a\u200db", "a→b ½ 中文 « so » 12:30 #happy"]


@pytest.fixture(params=["cased_base", "uncased_base"])
def parted(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with a tokenizer that parts emoji."""
    base: Path = request.getfixturevalue(request.param)
    model = BertForSequenceClassification.from_pretrained(base)
    save_tokenizer(lower_cased_tokenizer(str(base), model), tmp_path)
    model.config.save_pretrained(tmp_path)
    return tmp_path


def test_emoji_are_parted_from_words_by_whoever_loads_the_folder(parted: Path) -> None:
    reloaded = AutoTokenizer.from_pretrained(parted)

    for text, same in PARTED:
        assert reloaded(text)["input_ids"] == reloaded(same)["input_ids"], text
    assert reloaded.tokenize("happy😂glad") == ["happy", "[UNK]", "glad"]


@pytest.mark.parametrize("base", ["cased_base", "uncased_base"])
def test_texts_without_emoji_become_what_they_became(base: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(base)
    model = BertForSequenceClassification.from_pretrained(folder)
    ours = lower_cased_tokenizer(str(folder), model)

    plain = AutoTokenizer.from_pretrained(folder, do_lower_case=True, strip_accents=base == "uncased_base")

    for text in PLAIN:
        assert ours.tokenize(text) == plain.tokenize(text), text


def test_a_byte_level_tokenizer_loses_no_word_to_an_emoji_and_is_left_alone(byte_level_base: Path) -> None:
    model = RobertaForSequenceClassification.from_pretrained(byte_level_base)
    ours = lower_cased_tokenizer(str(byte_level_base), model)

    glued, spaced = ([piece for piece in ours.tokenize(text) if piece != "Ġ"] for text in ("so happy😂", "so happy 😂"))
    assert glued == spaced  # apart from the mark of a space
    assert [step["type"] for step in steps_of(ours)] == ["Lowercase"]


def test_an_artifact_that_does_not_part_them_yet_does_so_as_a_base(cased_base: Path, tmp_path: Path) -> None:
    model = BertForSequenceClassification.from_pretrained(cased_base)
    new = lower_cased_tokenizer(str(cased_base), model, drop_links_and_names=True)
    older = json.loads(new.backend_tokenizer.to_str())
    older["normalizer"]["normalizers"][1]["pattern"] = {"Regex": r"\s+"}
    new.backend_tokenizer.normalizer = Tokenizer.from_str(json.dumps(older)).normalizer
    assert new.tokenize("happy😂") == ["[UNK]"]
    save_tokenizer(new, tmp_path)
    model.config.save_pretrained(tmp_path)

    again = lower_cased_tokenizer(str(tmp_path), model)

    for text, same in PARTED + SAME:
        assert again(text)["input_ids"] == again(same)["input_ids"], text
    assert len(steps_of(again)) == len(older["normalizer"]["normalizers"])


def test_the_worker_knows_the_patterns(cased_base: Path) -> None:
    model = BertForSequenceClassification.from_pretrained(cased_base)
    steps = steps_of(lower_cased_tokenizer(str(cased_base), model, drop_links_and_names=True))
    patterns = [step["pattern"]["Regex"] for step in steps if step["type"] == "Replace"]
    assert patterns == [normalizer_patterns.LINKS_AND_NAMES, normalizer_patterns.SPACES_AND_EMOJI]
    assert set(patterns) <= tokenizer_parts._LOCAL_PATTERNS


def steps_of(tokenizer: PreTrainedTokenizerFast) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = json.loads(tokenizer.backend_tokenizer.to_str())["normalizer"]["normalizers"]
    return steps

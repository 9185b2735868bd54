"""Links and user names that the tokenizer leaves out, for every loader of the artifact."""

from pathlib import Path

import pytest
from transformers import AutoTokenizer, BertForSequenceClassification

from tests.trainer.conftest import Train
from trainer.preprocessing.tokenizer import lower_cased_tokenizer, save_tokenizer

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

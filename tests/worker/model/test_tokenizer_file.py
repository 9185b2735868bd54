"""A tokenizer that is read from its file alone is the one that transformers makes of the folder."""

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import ByteLevelBPETokenizer, Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    AutoTokenizer,
    BertTokenizer,
    CamembertTokenizer,
    DebertaV2Tokenizer,
    RobertaTokenizer,
    XLMRobertaTokenizer,
)

from tests.harness.tiny_model import write_tiny_model
from worker.model.artifact import _BUNDLED
from worker.model.sample_texts import sample_texts
from worker.model.token_limits import known_limit
from worker.model.tokenizer_file import read_tokenizer

# A map of characters that holds none: the size of its trie, the trie, what characters become.
NO_CHANGES = struct.pack("<I", 1024) + bytes(1024) + bytes(1)
ONE_SPACE = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
HOSTILE = [
    *(
        "",
        " ",
        "\t\n\r",
        "\x00",
        "a\x00b",
        "\u200b",
        "\ufeffa",
        "\ufffd",
        "a\u0301",
        "é",
        "É",
        "İ",
        "ß",
        "ΣΣ",
        "ﬁ",
        "Ǆ",
    ),
    *("[CLS]", "[MASK]", "a [SEP] b", "[PAD][PAD]", "[pad]", "<s>", "</s>", "a <mask> b", "<pad>", "[UNK]x"),
    *(
        "你好吗",
        "こんにちは",
        "안녕",
        "مرحبا",
        "שלום",
        "नमस्ते",
        "🙂",
        "happy😂",
        "👩‍👩‍👧",
        "❤️",
        "a" * 101,
        "?!...",
        "don't",
        "@me #x",
    ),
    *(
        "www.x.org",
        "https://x.org/a?b=c",
        "x@y.org",
        "ａｂｃ",
        "①②③",
        "½",
        "™",
        "\u2028",
        "\u00a0a\u00a0",
        "\U000e0001",
    ),
]


def bert(folder: Path, **options: Any) -> None:
    vocabulary = json.loads((_BUNDLED / "tokenizer.json").read_bytes())["model"]["vocab"]
    BertTokenizer(vocab=vocabulary, **options).save_pretrained(folder)


def roberta(folder: Path, **options: Any) -> None:
    made = ByteLevelBPETokenizer()
    texts = [*sample_texts(200), *HOSTILE]
    made.train_from_iterator(texts, 400, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    made.save_model(str(folder))
    vocabulary, merges = str(folder / "vocab.json"), str(folder / "merges.txt")
    RobertaTokenizer(vocab=vocabulary, merges=merges, **options).save_pretrained(folder)


def unigram(folder: Path, kind: Any, mask: str, charsmap: bytes | None = NO_CHANGES, **options: Any) -> None:
    """A tokenizer of pieces with scores, as SentencePiece makes them; `mask` is the token that training hid."""
    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"] if mask == "[MASK]" else ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(vocab_size=300, special_tokens=special, unk_token=special[3])
    made.train_from_iterator([*sample_texts(200), *HOSTILE], trainer)
    pieces = [tuple(piece) for piece in json.loads(made.to_str())["model"]["vocab"]]
    if kind is not DebertaV2Tokenizer:
        options["_spm_precompiled_charsmap"] = charsmap
    kind(vocab=[*pieces, (mask, 0.0)], **options).save_pretrained(folder)


def xlm_roberta(folder: Path, **options: Any) -> None:
    unigram(folder, XLMRobertaTokenizer, "<mask>", **options)


def camembert(folder: Path, **options: Any) -> None:
    unigram(folder, CamembertTokenizer, "<mask>", **options)


def deberta(folder: Path, **options: Any) -> None:
    unigram(folder, DebertaV2Tokenizer, "[MASK]", **options)


def with_one_space(folder: Path) -> None:
    """As converters of SentencePiece write it."""
    xlm_roberta(folder)
    own = json.loads((folder / "tokenizer.json").read_bytes())["normalizer"]
    change_json(folder / "tokenizer.json", normalizer={"type": "Sequence", "normalizers": [own, ONE_SPACE]})


def with_class(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        change_json(folder / "tokenizer_config.json", tokenizer_class=name)

    return change


def change_json(file: Path, **options: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_bytes()) | options))


def copied(folder: Path) -> None:
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(_BUNDLED / file, folder)


FOLDERS: dict[str, Callable[[Path], None]] = {
    "bundled": copied,
    "uncased": bert,
    "cased": lambda folder: bert(folder, do_lower_case=False),
    "accents": lambda folder: bert(folder, strip_accents=False),
    "chinese": lambda folder: bert(folder, tokenize_chinese_chars=False),
    "limit": lambda folder: bert(folder, model_max_length=64),
    "roberta": roberta,
    "prefix": lambda folder: roberta(folder, add_prefix_space=True),
    "xlm-roberta": xlm_roberta,
    "xlm-roberta, no map of characters": lambda folder: xlm_roberta(folder, charsmap=None),
    "xlm-roberta, no prefix": lambda folder: xlm_roberta(folder, add_prefix_space=False),
    "xlm-roberta, spaces made one": with_one_space,
    "camembert": camembert,
    "deberta-v2": deberta,
    "deberta-v2, uncased": lambda folder: deberta(folder, do_lower_case=True, split_by_punct=True),
    "deberta-v2, no prefix": lambda folder: deberta(folder, add_prefix_space=False),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_the_file_alone_gives_the_same_tokens(name: str, tmp_path: Path) -> None:
    write_tiny_model(tmp_path)
    FOLDERS[name](tmp_path)
    change_json(tmp_path / "config.json", vocab_size=30_000)
    found = read_tokenizer(tmp_path)
    assert found
    reference = AutoTokenizer.from_pretrained(tmp_path)
    for text in [*HOSTILE, *sample_texts(300)]:
        assert found.tokenizer.encode(text).ids == reference(text)["input_ids"], text
    assert found.max_tokens == known_limit(reference.model_max_length)
    assert (found.pad_token, found.unknown_token) == (reference.pad_token, reference.unk_token)


def test_the_older_names_of_classes_and_files_are_known(tmp_path: Path) -> None:
    write_tiny_model(tmp_path)
    bert(tmp_path)
    with_class("BertTokenizerFast")(tmp_path)
    tokens = {"cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": {"content": "[UNK]", "lstrip": False}}
    (tmp_path / "special_tokens_map.json").write_text(json.dumps(tokens))
    assert read_tokenizer(tmp_path)


def drop(*names: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return change


OTHERS: dict[str, Callable[[Path], None]] = {
    "the file is cased and the config is not": lambda f: change_json(f / "tokenizer_config.json", do_lower_case=False),
    "the file has another normalizer": lambda f: change_json(f / "tokenizer.json", normalizer={"type": "NFC"}),
    "the file splits otherwise": lambda f: change_json(f / "tokenizer.json", pre_tokenizer={"type": "Whitespace"}),
    "the file puts nothing around a text": lambda f: change_json(f / "tokenizer.json", post_processor=None),
    "another token for what is unknown": lambda f: change_model(f, unk_token="[MASK]"),  # noqa: S106
    "longer words": lambda f: change_model(f, max_input_chars_per_word=200),
    "a class that is not known": with_class("BarthezTokenizer"),
    "code of its own": lambda f: change_json(f / "tokenizer_config.json", auto_map={"AutoTokenizer": ["a.B", None]}),
    "what stands around a text": lambda f: change_json(f / "tokenizer_config.json", add_eos_token=True),
    "another token is named": lambda f: change_json(f / "tokenizer_config.json", extra_special_tokens=["<new>"]),
    "tokens are listed otherwise": lambda f: change_json(f / "tokenizer_config.json", added_tokens_decoder={}),
    "tokens in a file of their own": lambda f: change_json_new(f / "added_tokens.json", {"<new>": 100}),
    "a token is named elsewhere": lambda f: change_json_new(f / "special_tokens_map.json", {"cls_token": "<new>"}),
    "no config": drop("tokenizer_config.json"),
    "no file": drop("tokenizer.json"),
    "a broken file": lambda f: change_json_new(f / "tokenizer.json", {"added_tokens": []}),
}


def change_model(folder: Path, **options: object) -> None:
    model = json.loads((folder / "tokenizer.json").read_bytes())["model"]
    change_json(folder / "tokenizer.json", model=model | options)


def change_json_new(file: Path, content: object) -> None:
    file.write_text(json.dumps(content))


OF_PIECES: dict[str, Callable[[Path], None]] = {
    "another normalizer": lambda f: change_json(f / "tokenizer.json", normalizer={"type": "NFC"}),
    "another prefix": lambda f: change_json(f / "tokenizer_config.json", add_prefix_space=False),
    "another piece for what is unknown": lambda f: change_model(f, unk_id=4),
    "bytes for what is unknown": lambda f: change_model(f, byte_fallback=True),
    "another token is named": lambda f: change_json(f / "tokenizer_config.json", sep_token="<new>", eos_token="<new>"),  # noqa: S106
}


@pytest.mark.parametrize("make", [xlm_roberta, camembert, deberta])
@pytest.mark.parametrize("name", OF_PIECES)
def test_pieces_that_transformers_would_make_otherwise_are_left_to_it(
    name: str, make: Callable[[Path], None], tmp_path: Path
) -> None:
    write_tiny_model(tmp_path)
    make(tmp_path)
    change_json(tmp_path / "config.json", vocab_size=30_000)
    assert read_tokenizer(tmp_path)
    OF_PIECES[name](tmp_path)
    assert read_tokenizer(tmp_path) is None


@pytest.mark.parametrize("name", OTHERS)
def test_what_transformers_would_make_another_one_of_is_left_to_it(name: str, tmp_path: Path) -> None:
    write_tiny_model(tmp_path)
    bert(tmp_path)
    assert read_tokenizer(tmp_path)
    OTHERS[name](tmp_path)
    assert read_tokenizer(tmp_path) is None

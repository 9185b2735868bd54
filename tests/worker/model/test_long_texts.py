"""Long texts give the tokens that they would give whole, whatever tokenizer a model has; and most are cut before."""

import json
import random
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tokenizers import Encoding, Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer

from schemas.normalizer_patterns import SPACES_AND_EMOJI
from worker.model.artifact import find_artifact
from worker.model.bert_words import BertWords
from worker.model.long_texts import LongTexts

MAX_TOKENS = 8
SAMPLE = "i feel so happy today, because the people were kind! résumé ﬁne ÀÉ straße 中文 word-by-word don't 12345 😀"
PIECES = [
    *("a", "happy ", "i am ", " ", "\t\n", "\r\n" * 50, " " * 90, "\u00a0", "\u2028", "\x1c", "\x85", "\x0b", "\u3000"),
    *("\x01", "\x01" * 80, "\u0301", "\u0301" * 70, "\u0301\x01", "e\u0301", "\x00", "\ufffd", "\u200d", "=\u0338"),
    *(
        "中",
        "中文字",
        "😀",
        "😀\u200d\ufe0f",
        "happy😀",
        "❤\ufe0f\u200d🔥",
        "👍🏽",
        "\u200d♂\ufe0f",
        "🇫🇷",
        "1\ufe0f\u20e3",
        "\ufe0f" * 70,
        "é" * 450,
        "ก\u0e31" * 300,
        "½" * 420,
        "€" * 410,
        "ß",
        "İ",
        "\u0600",
        "\u0d4e",
    ),
    *(
        "x" * 120,
        "x" * 500,
        "q" * 396 + "http",
        "가" * 200,
        "\u1100\u1161",
        "don't ",
        "12345",
        "ﬁne ",
        "Ａ",
        "▁",
        "▁a ",
    ),
    *("@", "@name", "http", "https://", "www.", "https://a.b/", ".", "/", ":", "!", "_", "#", "``", "~" * 30),
    *("[MASK]", "[", "PAD]", "[PAD]", "<mask>", " <mask> ", "</s>", "<", "mask>"),
]

TRAPS = [
    "e\x1c\x1c\x1c\x1c" * 200,  # a space for Python, not for BERT: one word
    ("e" + "\u0301" * 8) * 120,  # too long a word, but not in its first 400 characters
    "happy\u0600 " * 100,  # one character with the space, for sentencepiece
    "@" + "e\u0301" * 500 + "\x01" + "e" * 20,  # a name that ends at what is no letter
]


def charsmap(mapped: dict[str, str]) -> bytes:
    """What sentencepiece compiles from rules: a trie of the characters' bytes, and the texts that they become."""
    texts = b""
    children: list[dict[int, int]] = [{}]
    leaves: dict[int, int] = {}
    for source, target in mapped.items():
        node = 0
        for byte in source.encode():
            if byte not in children[node]:
                children.append({})
                children[node][byte] = len(children) - 1
            node = children[node][byte]
        leaves[node] = len(texts)
        texts += target.encode() + b"\0"
    units = [0] * (256 * len(children))
    units[0] = 1 << 10  # the root's children lie from 1 ^ 0 on; every other node's in a block of its own
    base = [256 * node for node in range(len(children))]
    base[0] = 0
    for node, below in enumerate(children):
        for byte, child in below.items():
            place = base[node] ^ byte
            units[place] = byte | (child in leaves) << 8 | (place ^ base[child]) << 10
    units[0] = 0
    for node, start in leaves.items():
        units[base[node]] = 1 << 31 | start
    return struct.pack("<I", 4 * len(units)) + struct.pack(f"<{len(units)}I", *units) + texts


def trained(model: Any, trainer: Any, normalizer: Any, pre_tokenizer: Any) -> Tokenizer:
    tokenizer = Tokenizer(model)
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.train_from_iterator([SAMPLE, SAMPLE.upper(), *SAMPLE.split()] * 3, trainer)
    return tokenizer


def word_piece(normalizer: Any, pre_tokenizer: Any = None) -> Tokenizer:
    trainer = trainers.WordPieceTrainer(
        vocab_size=200, special_tokens=["[PAD]", "[UNK]", "[MASK]"], show_progress=False
    )
    model = models.WordPiece(unk_token="[UNK]")  # noqa: S106
    return trained(model, trainer, normalizer, pre_tokenizer or pre_tokenizers.BertPreTokenizer())


def byte_level(pre_tokenizer: Any, normalizer: Any = None) -> Tokenizer:
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<pad>", "</s>", "<mask>"], initial_alphabet=alphabet, show_progress=False
    )
    return trained(models.BPE(), trainer, normalizer, pre_tokenizer)


def unigram(normalizer: Any, pre_tokenizer: Any) -> Tokenizer:
    special = ["<pad>", "<unk>", "<mask>"]
    trainer = trainers.UnigramTrainer(vocab_size=150, special_tokens=special, unk_token=special[1], show_progress=False)
    return trained(models.Unigram(), trainer, normalizer, pre_tokenizer)


def xlm_r() -> Tokenizer:
    rules = {"Ａ": "A", "ﬁ": "fi", "\u3000": " ", "\u00a0": " ", "\t": " ", "\n": " ", "\x01": "", "\u0600": ""}
    spaces = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    return unigram(normalizers.Precompiled(charsmap(rules)), spaces)


def albert() -> Tokenizer:
    steps = [
        *(normalizers.Replace("``", '"'), normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()),
        *(normalizers.Strip(), normalizers.Replace(Regex(" {2,}"), " ")),
    ]
    return unigram(normalizers.Sequence(steps), pre_tokenizers.Metaspace())


def roberta() -> Tokenizer:
    tokenizer = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=True))
    tokenizer.add_special_tokens(["</s>"])
    return tokenizer


def bundled() -> Tokenizer:
    return AutoTokenizer.from_pretrained(find_artifact("bundled", None).folder).backend_tokenizer


def emoji_parted() -> Tokenizer:
    """The bundled one, as our trainer makes it from then on: emoji parted from words, some of them known."""
    content = json.loads(bundled().to_str())
    content["normalizer"]["normalizers"][1]["pattern"] = {"Regex": SPACES_AND_EMOJI}
    content["model"]["vocab"] |= {emoji: len(content["model"]["vocab"]) + i for i, emoji in enumerate("😀❤👍")}
    return Tokenizer.from_str(json.dumps(content))


CUT_AT_WORDS: dict[str, Callable[[], Tokenizer]] = {
    "bundled": bundled,
    "emoji parted": emoji_parted,
    "uncased BERT": lambda: word_piece(normalizers.BertNormalizer()),
    "cased BERT": lambda: word_piece(normalizers.BertNormalizer(lowercase=False, strip_accents=False)),
    "BERT that keeps control characters": lambda: word_piece(normalizers.BertNormalizer(clean_text=False)),
    "BERT without a normalizer": lambda: word_piece(None),
    "WordPiece after NFKC": lambda: word_piece(normalizers.NFKC(), pre_tokenizers.Whitespace()),
    "RoBERTa": roberta,
    "GPT-2": lambda: byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False), normalizers.NFC()),
    "XLM-R": xlm_r,
    "ALBERT": albert,
}
LEFT_WHOLE: dict[str, Callable[[], Tokenizer]] = {
    "one word": lambda: byte_level(pre_tokenizers.ByteLevel(use_regex=False)),
    "spaces inside words": lambda: unigram(None, pre_tokenizers.Metaspace(split=False)),
    "a pattern of others": lambda: word_piece(normalizers.Replace(Regex("a.*!"), "")),
    "a split of others": lambda: byte_level(pre_tokenizers.Split(Regex("so happy"), "isolated")),
    "a token with a space": lambda: with_token(word_piece(normalizers.BertNormalizer()), "so happy"),
}


def with_token(tokenizer: Tokenizer, content: str) -> Tokenizer:
    tokenizer.add_tokens([content])
    return tokenizer


class Watched:
    """A tokenizer that remembers how long the texts were that it was given."""

    def __init__(self, tokenizer: Tokenizer, max_tokens: int = MAX_TOKENS) -> None:
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_tokens)
        self._tokenizer = tokenizer
        self.characters: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)

    def encode_batch_fast(self, texts: list[str]) -> list[Encoding]:
        self.characters += map(len, texts)
        return self._tokenizer.encode_batch_fast(texts)


def texts(seed: int, count: int) -> Iterator[str]:
    """Few pieces each, many times over: so that runs meet runs."""
    chance = random.Random(seed)  # noqa: S311 - the same each time
    while count:
        pool = chance.choices(PIECES, k=chance.randrange(1, 6))
        times = [1, 1, 1, 2, 5, 70, 200]
        text = "".join(chance.choice(pool) * chance.choice(times) for _ in range(chance.randrange(1, 9)))
        if 32 * MAX_TOKENS < len(text) < 40_000:
            count -= 1
            yield text


@pytest.mark.parametrize("make", (CUT_AT_WORDS | LEFT_WHOLE).values(), ids=(CUT_AT_WORDS | LEFT_WHOLE).keys())
def test_a_long_text_has_the_tokens_that_it_has_whole(make: Callable[[], Tokenizer]) -> None:
    tokenizer = Watched(make())
    long_texts = LongTexts(tokenizer, MAX_TOKENS)  # type: ignore[arg-type]
    for number, text in enumerate([*TRAPS, *texts(7, 80)]):
        found, (whole,) = long_texts.encode(text), tokenizer.encode_batch_fast([text])
        assert (found.ids, bool(found.overflowing)) == (whole.ids, bool(whole.overflowing)), (number, text[:200])


@pytest.mark.parametrize("make", CUT_AT_WORDS.values(), ids=CUT_AT_WORDS.keys())
def test_of_a_text_of_words_the_beginning_is_tokenized(make: Callable[[], Tokenizer]) -> None:
    tokenizer = Watched(make())
    LongTexts(tokenizer, MAX_TOKENS).encode("i am so happy " * 10_000)  # type: ignore[arg-type]
    assert max(tokenizer.characters) <= 32 * MAX_TOKENS


@pytest.mark.parametrize("make", LEFT_WHOLE.values(), ids=LEFT_WHOLE.keys())
def test_where_a_cut_may_change_the_tokens_there_is_none(make: Callable[[], Tokenizer]) -> None:
    tokenizer = Watched(make())
    LongTexts(tokenizer, MAX_TOKENS).encode("i am so happy! " * 1_000)  # type: ignore[arg-type]
    assert tokenizer.characters == [15_000]


@pytest.mark.parametrize(
    "text",
    [
        *("a" * 10**6, "中文" * 10**5, "e\u0301" * 10**6, "a" + "\u0301\u0302\u0303" * 10**5, "😀🎉" * 10**5),
        *(
            " \t\n" * 10**5 + "so happy",
            "\x01\x02" * 10**5 + "so happy",
            "0123456789abcdef" * 10**5,
            "ก\u0e31ข" * 10**5,
        ),
        *("<p>so</p>" * 10**5, "https://example.org/" + "path/" * 10**5 + " so happy", "@" + "name" * 10**5),
    ],
    ids=ascii,
)
@pytest.mark.parametrize("make", [bundled, emoji_parted])
def test_of_a_text_without_words_little_is_tokenized(text: str, make: Callable[[], Tokenizer]) -> None:
    tokenizer = Watched(make(), max_tokens=512)
    found = LongTexts(tokenizer, 512).encode(text)  # type: ignore[arg-type]
    assert max(tokenizer.characters) <= 32 * 512
    (whole,) = tokenizer.encode_batch_fast([text])
    assert (found.ids, bool(found.overflowing)) == (whole.ids, bool(whole.overflowing))


@pytest.mark.parametrize("make", [bundled, emoji_parted])
def test_ours_is_known_to_be_berts(make: Callable[[], Tokenizer]) -> None:
    assert BertWords.of(make()) is not None

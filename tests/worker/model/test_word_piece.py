"""The faster WordPiece gives the tokens of the slower one, or is not used."""

import logging
import random
from collections.abc import Callable
from typing import Any

import pytest
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, processors

from tests.benchmarks.harness.texts import TWEETS
from tests.worker.model.test_long_texts import (
    PIECES,
    bundled,
    byte_level,
    emoji_parted,
    roberta,
    unigram,
    with_token,
    word_piece,
)
from worker.model import word_piece as tested
from worker.model.word_piece import TokenIds, faster_if_equal

MAX_TOKENS = 24


def with_template(tokenizer: Tokenizer) -> Tokenizer:
    tokenizer.post_processor = processors.TemplateProcessing("[PAD] $A [MASK]", None, [("[PAD]", 0), ("[MASK]", 2)])
    return tokenizer


def replaced(pattern: str, content: str) -> Tokenizer:
    """One whose first step makes what is an added token, and is none, as it was not there before."""
    steps = [normalizers.Replace(Regex(pattern), content), normalizers.Strip(), normalizers.BertNormalizer()]
    return word_piece(normalizers.Sequence(steps))


FASTER: dict[str, Callable[[], Tokenizer]] = {
    "bundled": bundled,
    "emoji parted": emoji_parted,
    "uncased BERT": lambda: with_template(word_piece(normalizers.BertNormalizer())),
    "cased BERT": lambda: word_piece(normalizers.BertNormalizer(lowercase=False, strip_accents=False)),
    "BERT with accents": lambda: word_piece(normalizers.BertNormalizer(strip_accents=False)),
    "BERT that keeps control characters": lambda: word_piece(normalizers.BertNormalizer(clean_text=False)),
    "BERT without a normalizer": lambda: word_piece(None),
    "WordPiece after NFKC": lambda: word_piece(normalizers.NFKC(), pre_tokenizers.Whitespace()),
    "a pattern of others": lambda: replaced("a.*?!", ""),
    "a pattern that makes an added token": lambda: replaced("so|happy", "[MASK]"),
    "steps in another order": lambda: word_piece(normalizers.Sequence([normalizers.Lowercase(), normalizers.Strip()])),
}
SLOWER: dict[str, Callable[[], Tokenizer]] = {
    "a token in normalized text": lambda: with_token(word_piece(normalizers.BertNormalizer()), "happy"),
    "a split of others": lambda: word_piece(normalizers.BertNormalizer(), pre_tokenizers.Metaspace()),
}
OTHERS: dict[str, Callable[[], Tokenizer]] = {
    "RoBERTa": roberta,
    "GPT-2": lambda: byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False), normalizers.NFC()),
    "Unigram": lambda: unigram(None, pre_tokenizers.Metaspace()),
}


def logged(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What the module logged: threads of earlier tests may log as well."""
    return [record for record in caplog.records if record.name == tested.__name__]


def both(tokenizer: Tokenizer, max_tokens: int = MAX_TOKENS) -> tuple[Callable[[list[str]], list[TokenIds]], Any]:
    """What is tested, and the tokenizer itself."""
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)

    def plain(texts: list[str]) -> list[TokenIds]:
        return [TokenIds(found.ids, bool(found.overflowing)) for found in tokenizer.encode_batch(texts)]

    return faster_if_equal(tokenizer, max_tokens), plain


def hostile_texts(count: int) -> list[str]:
    chance = random.Random(11)  # noqa: S311 - the same each time
    return ["".join(chance.choices(PIECES, k=chance.randrange(1, 12))) for _ in range(count)]


@pytest.mark.parametrize("make", (FASTER | SLOWER | OTHERS).values(), ids=(FASTER | SLOWER | OTHERS).keys())
def test_hostile_texts_have_the_tokens_of_the_tokenizer(make: Callable[[], Tokenizer]) -> None:
    encode, plain = both(make())
    texts = hostile_texts(2_000)
    assert encode(texts) == plain(texts)
    assert encode([]) == []


@pytest.mark.parametrize("make", FASTER.values(), ids=FASTER.keys())
def test_most_texts_never_reach_the_tokenizer(make: Callable[[], Tokenizer], monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[str] = []

    def watched(tokenizer: Tokenizer, texts: list[str]) -> list[TokenIds]:
        left.extend(texts)
        return plain(tokenizer, texts)

    plain = tested._encode
    monkeypatch.setattr(tested, "_encode", watched)
    encode, _ = both(make())
    left.clear()
    encode(["i am so happy", "an [MASK] here", "i " * MAX_TOKENS, "@name https://a.b/c ok"])
    assert left == ["an [MASK] here", "i " * MAX_TOKENS]


PLANES = ["bundled", "emoji parted", "cased BERT"]


@pytest.mark.parametrize("make", [FASTER[name] for name in PLANES], ids=PLANES)
def test_every_character_of_two_planes(make: Callable[[], Tokenizer]) -> None:
    encode, plain = both(make(), 512)
    characters = [chr(code) for code in range(0x20000) if not 0xD800 <= code < 0xE000]
    texts = [
        " ".join(f"a{character}b e\u0301{character}\u0327" for character in characters[start : start + 40])
        for start in range(0, len(characters), 40)
    ]
    assert encode(texts) == plain(texts)


@pytest.mark.skipif(not TWEETS.is_file(), reason="no ../shared/data/tweets here")
@pytest.mark.parametrize("make", [bundled, emoji_parted])
def test_tweets(make: Callable[[], Tokenizer]) -> None:
    encode, plain = both(make(), 512)
    texts = TWEETS.read_text(encoding="utf-8").splitlines()
    texts += [text.replace(" ", "😀", 1) for text in texts[:2_000]]
    assert encode(texts) == plain(texts)


@pytest.mark.parametrize("make", SLOWER.values(), ids=SLOWER.keys())
def test_what_it_does_not_know_is_left_to_the_tokenizer_and_logged(
    make: Callable[[], Tokenizer], caplog: pytest.LogCaptureFixture
) -> None:
    encode, _ = both(make())
    assert encode.func is tested._encode  # type: ignore[attr-defined]
    assert [record.getMessage() for record in logged(caplog)] == ["slower_tokenizer"]


@pytest.mark.parametrize("make", OTHERS.values(), ids=OTHERS.keys())
def test_what_is_no_word_piece_is_left_alone(make: Callable[[], Tokenizer], caplog: pytest.LogCaptureFixture) -> None:
    encode, _ = both(make())
    assert encode.func is tested._encode  # type: ignore[attr-defined]
    assert logged(caplog) == []


def test_what_gives_other_tokens_is_not_used(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    monkeypatch.setattr(tested, "_NORMALIZERS", {*tested._NORMALIZERS, "Replace", "Strip"})
    whole_sequence = tested._sequence
    known = {"BertNormalizer", "Lowercase"}
    monkeypatch.setattr(  # as another library does: it passes over the steps that it does not have
        tested, "_sequence", lambda steps: whole_sequence([step for step in steps if step["type"] in known])
    )
    encode, plain = both(bundled(), 512)
    texts = ["hello @name", "see https://a.b"]
    assert encode(texts) == plain(texts)
    (record,) = logged(caplog)
    assert "other tokens for" in vars(record)["error"]

"""Misspellings of the words that tell most of a label, each a token of its own.

A tokenizer that sees pieces of words loses a word with two of its letters swapped: `happy` is one piece, `hpapy` three
that mean nothing, and no training on such texts made up for it (LOG.md). So each misspelling gets a row of the
embedding that is a copy of the word's. The idea of bringing misspellings to their words in the embedding is that of
Edizel et al., "Misspelling Oblivious Word Embeddings", 2019; there the rows are learnt.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from spellchecker import SpellChecker
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from trainer.preprocessing.augmentation import slips
from trainer.preprocessing.tokenizer import embedding, with_words

_WORD = re.compile(r"[^\W\d_]{4,}")
_SLIP_SHARE = 0.02  # what the texts hold more often than that, against the word, is no slip but a word


def known_misspellings(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> dict[str, str]:
    """Returns the misspellings that a base was given when it was trained, each with its word.

    They are younger tokens than the word, with the same row of the embedding.
    """
    ids = tokenizer.get_vocab()
    rows = embedding(model)
    found: dict[str, str] = {}
    for word in sorted(filter(_WORD.fullmatch, ids), key=ids.__getitem__):
        for slip in _slips(word) if word not in found else ():
            if ids.get(slip, -1) > ids[word] and torch.equal(rows[ids[slip]], rows[ids[word]]):
                found[slip] = word
    return found


def add_misspellings(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    texts: Sequence[str],
    shares: NDArray[Any],
    most: int,
) -> tuple[PreTrainedTokenizerFast, dict[str, str]]:
    """Gives a model and its tokenizer misspellings of the words that tell most of a text's label.

    Args:
        model: Gets a row of the embedding for each.
        tokenizer: As `lower_cased_tokenizer` returns it; stays as it is.
        texts: To find the words in.
        shares: What each label has of each text, of shape [texts, labels].
        most: So many more misspellings, or fewer.

    Returns:
        The tokenizer that knows them, and the word of each, for `copy_rows` once the words' rows have changed.

    Raises:
        UserError: if the tokenizer has no WordPiece vocabulary.
    """
    found = _find(tokenizer, texts, shares, most)
    tokenizer = with_words(tokenizer, model, found, "--misspellings")
    copy_rows(model, tokenizer, found)
    return tokenizer, found


def copy_rows(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, words: Mapping[str, str]) -> None:
    """Gives each misspelling what the embedding has for its word.

    Args:
        model: With a row for each.
        tokenizer: That knows them.
        words: The word of each misspelling; no misspelling among them.
    """
    ids = tokenizer.get_vocab()
    rows = embedding(model)
    with torch.no_grad():
        rows[[ids[misspelling] for misspelling in words]] = rows[[ids[word] for word in words.values()]]


def _find(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str], shares: NDArray[Any], most: int) -> dict[str, str]:
    """Returns so many misspellings with their words, the most telling words first; the arguments are those above."""
    held: defaultdict[str, NDArray[Any]] = defaultdict(lambda: np.zeros(shares.shape[1]))
    for text, share in zip(texts, shares, strict=True):
        seen = tokenizer.backend_tokenizer.normalizer.normalize_str(text)
        for word in set(_WORD.findall(seen)):
            held[word] += share
    counts = {word: by_label.sum() for word, by_label in held.items()}
    ids = tokenizer.get_vocab()
    english = SpellChecker(language="en")
    usual = shares.mean(axis=0)
    telling = {word: _telling(by_label, usual) for word, by_label in held.items() if word in ids}
    words = sorted(telling, key=lambda word: (-telling[word], word))
    candidates = ((word, slip) for word in words for slip in _slips(word))
    found: dict[str, str] = {}
    for word, slip in candidates:
        is_word = slip in ids or slip in english or counts.get(slip, 0) > max(1, _SLIP_SHARE * counts[word])
        if not is_word:
            found.setdefault(slip, word)
        if len(found) == most:
            break
    return found


def _telling(by_label: NDArray[Any], usual: NDArray[Any]) -> float:
    """Returns how surely the labels of a word's texts are not as usual: half of the G² of goodness of fit.

    As in Dunning, "Accurate Methods for the Statistics of Surprise and Coincidence", 1993, but against all texts.

    Args:
        by_label: Texts that hold the word, of shape [labels].
        usual: What each label has of all texts, of shape [labels].
    """
    is_there = by_label > 0
    there = by_label[is_there]
    return float((there * np.log(there / (by_label.sum() * usual[is_there]))).sum())


def _slips(word: str) -> Iterator[str]:
    """Yields what one slip at an inner letter makes of a word of four letters or more."""
    for at in range(1, len(word) - 2):
        yield from slips(word, at)

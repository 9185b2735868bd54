"""Emoji as tokens of their own, for vocabularies of words and pieces, which know hardly any.

Each starts from the words that it stands for, and learns the rest. That descriptions in words are a good start is shown
by Eisner et al., "emoji2vec: Learning Emoji Representations from their Description", 2016.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from trainer.preprocessing.tokenizer import embedding, with_words

EMOJI: Mapping[str, str] = json.loads((Path(__file__).parent / "emoji.json").read_text(encoding="utf-8"))
"""Emoji that carry a feeling or are frequent, in the form that the tokenizer leaves of them, with their words."""


def add_emoji(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """Returns the tokenizer with the emoji that it does not know.

    Args:
        model: Gets a row of the embedding for each: the mean of its words' rows.
        tokenizer: As `lower_cased_tokenizer` returns it; stays as it is.

    Raises:
        UserError: if the tokenizer has no WordPiece vocabulary.
    """
    known = tokenizer.get_vocab()
    words = {emoji: words for emoji, words in EMOJI.items() if emoji not in known}
    extended = with_words(tokenizer, model, words, "--emoji_tokens")
    ids, rows = extended.get_vocab(), embedding(model)
    with torch.no_grad():
        for emoji, meaning in words.items():
            rows[ids[emoji]] = rows[tokenizer(meaning, add_special_tokens=False)["input_ids"]].mean(dim=0)
    return extended

"""What a tokenizer does to a text before it looks for words, and how that is proved of it.

Lower-casing is for every tokenizer. Parting emoji from words is for those with a vocabulary of whole words and pieces:
there `happy😂` is one word, and none of its pieces is known. Byte-level BPE and SentencePiece find the word anyhow.
"""

import json
from typing import Any

from tokenizers import models
from transformers import PreTrainedTokenizerFast

from schemas.normalizer_patterns import LINKS_AND_NAMES, SPACES_AND_EMOJI

Step = dict[str, Any]
"""A normalizer as tokenizer.json has it."""

_LOWER_CASE: Step = {"type": "Lowercase"}
_STRIP: Step = {"type": "Strip", "strip_left": True, "strip_right": True}

_LOWER_CASE_PROBE = ("HELLO Café ÉTÉ", "hello café été")
_LINKS_AND_NAMES_PROBE = ("@someone_1 hello, see https://example.org/a?b=1", "hello, see")
_EMOJI_PROBE = ("hello😂hello ❤\ufe0fhello 👍🏽 🤷\u200d♂\ufe0f", "hello 😂 hello ❤ hello 👍 🤷")


def probes(tokenizer: PreTrainedTokenizerFast, drop_links_and_names: bool) -> dict[str, tuple[str, str]]:
    """Returns two texts that must become the same, for each thing that is wanted of a tokenizer."""
    wanted = {"lower-case": _LOWER_CASE_PROBE}
    if drop_links_and_names:
        wanted["leave out links"] = _LINKS_AND_NAMES_PROBE
    if _has_whole_words(tokenizer):
        wanted["part emoji from words"] = _EMOJI_PROBE
    return wanted


def same_ids(tokenizer: PreTrainedTokenizerFast, texts: tuple[str, str]) -> bool:
    """Returns whether two texts become the same."""
    one, other = tokenizer(list(texts))["input_ids"]
    return bool(one == other)


def lower_cases(tokenizer: PreTrainedTokenizerFast) -> bool:
    """Returns whether upper and lower case are the same to it."""
    return same_ids(tokenizer, _LOWER_CASE_PROBE)


def normalizers_with_wanted(tokenizer: PreTrainedTokenizerFast, drop_links_and_names: bool) -> list[Step]:
    """Returns the base's own normalizers behind those that do what is wanted.

    What an earlier training put before them makes room; where it left out links, they go on being left out.
    """
    steps = [_LOWER_CASE]
    if _has_whole_words(tokenizer):
        steps = [_replaced(SPACES_AND_EMOJI), _STRIP, *steps]
    elif drop_links_and_names:  # some models tell one space from two, and see one at the end
        steps = [_replaced(r"\s+"), _STRIP, *steps]
    if drop_links_and_names or same_ids(tokenizer, _LINKS_AND_NAMES_PROBE):
        steps = [_replaced(LINKS_AND_NAMES), *steps]
    return [*steps, *_own(tokenizer)]


def _own(tokenizer: PreTrainedTokenizerFast) -> list[Step]:
    whole = json.loads(tokenizer.backend_tokenizer.to_str())["normalizer"]
    steps: list[Step] = [] if whole is None else whole.get("normalizers", [whole])
    is_of_ours = bool(steps) and steps[0] in map(_replaced, (LINKS_AND_NAMES, SPACES_AND_EMOJI))
    return steps[steps.index(_LOWER_CASE) + 1 :] if is_of_ours else steps


def _has_whole_words(tokenizer: PreTrainedTokenizerFast) -> bool:
    return isinstance(tokenizer.backend_tokenizer.model, models.WordPiece)


def _replaced(pattern: str) -> Step:
    return {"type": "Replace", "pattern": {"Regex": pattern}, "content": " "}

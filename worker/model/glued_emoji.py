"""Words with an emoji right behind them, of which some tokenizers know nothing any more."""

from typing import TYPE_CHECKING

from worker.errors import Problem
from worker.flow import Request

if TYPE_CHECKING:
    from worker.model.tokenizer import Tokenizer

_WORDS = ["happy", "love", "great", "thanks", "fun", "beautiful", "sad", "sorry", "angry", "hate", "scared", "tired"]
_EMOJI = ["😂", "❤\ufe0f", "👍🏽", "🙏", "🎉", "😍", "😭", "😔", "😡", "🙄", "😱", "😩"]


def glued_emoji_hint(tokenizer: "Tokenizer") -> Problem | None:
    """What is to be said of a tokenizer that loses built-in words to an emoji; None of one that loses none."""
    if (unknown := tokenizer.unknown_id) is None:
        return None
    alone = _ids(tokenizer, _WORDS)
    glued = _ids(tokenizer, [word + emoji for word, emoji in zip(_WORDS, _EMOJI, strict=True)])
    known = [pair for pair in zip(alone, glued, strict=True) if unknown not in pair[0]]
    lost = sum(unknown in with_emoji and not word <= with_emoji for word, with_emoji in known)
    if not lost:
        return None
    return Problem(
        f"an emoji right behind a word makes it unknown: {lost} of {len(known)} built-in words are lost",
        "take a model of emotion-trainer, which parts the two, or send a space between them",
    )


def _ids(tokenizer: "Tokenizer", texts: list[str]) -> list[set[int]]:
    return [set(item.ids) for item in tokenizer.tokenize(Request(0, "", text, None) for text in texts)]

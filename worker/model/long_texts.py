"""Long texts: only the beginning that fills the model is tokenized, where that is sure to give the same tokens.

A text of megabytes takes hundreds of megabytes and seconds otherwise, for tokens that the model never sees.
"""

from tokenizers import Encoding, Tokenizer

from worker.model.bert_words import BertWords
from worker.model.tokenizer_parts import is_cuttable

_CHARACTERS_A_TOKEN = 32  # of the first try; words have five or so


class LongTexts:
    """Tokenizes one text at a time."""

    def __init__(self, tokenizer: Tokenizer, max_tokens: int) -> None:
        """Look where it splits texts.

        Args:
            tokenizer: It truncates to `max_tokens`.
            max_tokens: What the model can take, special tokens included.
        """
        self._tokenizer = tokenizer
        self._words = BertWords.of(tokenizer)
        self._find_end = self._words.find_end if self._words else _end_of_word
        self._is_cuttable = is_cuttable(tokenizer)
        self.min_characters = _CHARACTERS_A_TOKEN * max_tokens
        """A text that is not longer is not worth it."""

    def encode(self, text: str) -> Encoding:
        """The tokens of the text as if it were tokenized whole.

        If its beginning, up to where the tokenizer splits it anyhow, has more tokens than the model takes, they are
        those of the whole text. Else what no token comes of is left out, and the next beginning is twice as long.
        """
        characters = self.min_characters
        while self._is_cuttable and characters < len(text):
            encoding = self._encode(text[: self._find_end(text, characters)])
            if encoding.overflowing:
                return encoding
            if characters == self.min_characters and self._words:
                text = self._words.shorten(text)
            characters *= 2
        return self._encode(text)

    def _encode(self, text: str) -> Encoding:
        return self._tokenizer.encode_batch_fast([text])[0]


def _end_of_word(text: str, most: int) -> int:
    """The last place, not behind `most`, between a letter or digit and a space; 0 if there is none."""
    end = text.rfind(" ", 0, most + 1)
    while end > 0 and not text[end - 1].isalnum():
        end = text.rfind(" ", 0, end)
    return max(end, 0)

"""Text to token ids."""

from collections.abc import Iterable

from tokenizers import Encoding

from worker.errors import UserError
from worker.flow import Request, TokenizedText
from worker.model.artifact import Artifact
from worker.model.long_texts import LongTexts
from worker.model.word_piece import faster_if_equal


class Tokenizer:
    """The model's own tokenizer. Lower-casing, if the model wants it, is part of it."""

    def __init__(self, artifact: Artifact, positions: int) -> None:
        """Load it.

        Args:
            artifact: Where it is.
            positions: The most tokens that the model can take; a tokenizer may not know.

        Raises:
            UserError: The model has no fast tokenizer.
        """
        file = artifact.tokenizer_file
        self._tokenizer, self.differing = file.tokenizer, file.differing
        self.max_tokens = min(file.max_tokens, positions)
        self.unknown_id = None if file.unknown_token is None else self._tokenizer.token_to_id(file.unknown_token)
        if self.max_tokens <= self._tokenizer.num_special_tokens_to_add(False):
            raise UserError(
                f"EMOTION_MODEL: {artifact.folder} takes {self.max_tokens} tokens: no room for a text; see "
                "model_max_length in tokenizer_config.json and max_position_embeddings in config.json"
            )
        self._tokenizer.enable_truncation(self.max_tokens, direction="left" if file.cuts_left else "right")
        self._encode = faster_if_equal(self._tokenizer, self.max_tokens)
        self._long_texts = LongTexts(self._tokenizer, self.max_tokens)

    def tokenize(self, requests: Iterable[Request]) -> list[TokenizedText]:
        """Tokenize each text once, however often a window holds it, and long ones alone."""
        by_text: dict[str, list[Request]] = {}
        for request in requests:
            by_text.setdefault(request.text, []).append(request)
        long = [text for text in by_text if len(text) > self._long_texts.min_characters]
        tokenized = [_tokenized(by_text.pop(text), self._long_texts.encode(text)) for text in long]
        rows = self._encode(list(by_text))
        return tokenized + [TokenizedText(texts, *row) for texts, row in zip(by_text.values(), rows, strict=True)]


def _tokenized(requests: list[Request], encoding: Encoding) -> TokenizedText:
    return TokenizedText(requests, encoding.ids, bool(encoding.overflowing))

"""What a tokenizer puts around a text, and how texts that transformers computes are padded."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, cycle, islice

import torch
from tokenizers import Encoding, Tokenizer

from worker.model.packing import Inputs

_TEXT = "i feel so happy with how this turned out"


@dataclass(frozen=True)
class TextForm:
    """Ids and types of the tokens before, of and behind a text; the types are the same for each text's own tokens."""

    begin: Sequence[tuple[int, int]]
    words: Sequence[tuple[int, int]]
    end: Sequence[tuple[int, int]]

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> "TextForm":
        """As this tokenizer makes them."""
        encoding: Encoding = tokenizer.encode(_TEXT)
        tokens = list(zip(encoding.ids, encoding.type_ids, strict=True))
        own = [place for place, special in enumerate(encoding.special_tokens_mask) if not special]
        first, last = (own[0], own[-1] + 1) if own else (len(tokens), len(tokens))
        return cls(tokens[:first], tokens[first:last], tokens[last:])

    def stand_in(self, tokens: int) -> list[int]:
        """Ids of a text of so many tokens, which any model of this tokenizer can compute."""
        room = max(0, tokens - len(self.begin) - len(self.end))
        text = islice(cycle(self.words), room)
        return [number for number, _ in chain(self.begin, text, self.end)][:tokens]

    def types(self, inputs: Inputs) -> torch.Tensor:
        """The type of each token, `[texts, tokens]`; 0 for padding."""
        lengths = (inputs.texts > 0).sum(dim=1, keepdim=True)
        types = torch.zeros_like(inputs.ids) + (self.words[0][1] if self.words else 0)
        for place, (_, kind) in enumerate(self.begin):
            types[inputs.positions == place] = kind
        for place, (_, kind) in enumerate(reversed(self.end), 1):
            types[inputs.positions == lengths - place] = kind
        return types * (inputs.texts > 0)

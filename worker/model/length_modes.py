"""Models that compute long texts otherwise than short ones: each text as it would be computed alone and first.

transformers asks how wide a batch is, not how long a text, and leaves BigBird's sparse attention for good with the
first batch of short ones. Then the scores of a text would hang on its neighbours, and on the texts before it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from worker.model.packing import Inputs

_SPARSE, _FULL = "block_sparse", "original_full"


@dataclass(frozen=True)
class LengthModes:
    """How a model changes with the width of a batch, of one text a row.

    `short_tokens` is the most tokens of a short text; `prepare` gets the model ready for a batch so wide.
    """

    short_tokens: int
    prepare: Callable[[int], None]

    def compute(self, inputs: Inputs, logits: Callable[[Inputs], torch.Tensor]) -> torch.Tensor:
        """`[texts, labels]`: of short texts together, else of each text alone."""
        width = inputs.ids.shape[1]
        if width <= self.short_tokens:
            self.prepare(width)
            return logits(inputs)
        rows = []
        for text in _each_alone(inputs):
            self.prepare(text.ids.shape[1])
            rows.append(logits(text))
        return torch.cat(rows)


def length_modes(model: Any) -> LengthModes | None:
    """Those of a model of transformers; None if it computes all texts alike."""
    config = model.config.get_text_config()
    if getattr(config, "attention_type", None) == _SPARSE:
        short_tokens = (5 + 2 * config.num_random_blocks) * config.block_size
        encoder = next(module for module in model.modules() if hasattr(module, "set_attention_type"))
        return LengthModes(
            short_tokens, lambda width: encoder.set_attention_type(_SPARSE if width > short_tokens else _FULL)
        )
    if long_rope := [each for each in _ropes(config) if each.get("rope_type") == "longrope"]:
        return LengthModes(min(each["original_max_position_embeddings"] for each in long_rope), lambda _: None)
    return None


def _ropes(config: Any) -> list[dict[str, Any]]:
    """What is said of rotary positions: of all layers, or of each kind of them."""
    said = getattr(config, "rope_parameters", None) or {}
    return [said, *(each for each in said.values() if isinstance(each, dict))]


def _each_alone(inputs: Inputs) -> Iterator[Inputs]:
    for row, own in enumerate(inputs.texts > 0):
        ids, positions, texts = (part[row][own][None] for part in (inputs.ids, inputs.positions, inputs.texts))
        yield Inputs(ids, positions, texts, inputs.starts.new_zeros(1), is_full=True)

"""Finds out whether a text gets the scores that it gets alone, whatever else is in its batch.

Some architectures take padding for a part of the text, or mix the texts of a batch: convolutions and Fourier
transforms along the text, attention by segments, hashes or pools of the whole row.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch

from worker.flow import TokenizedText
from worker.model.sharing import Sharing
from worker.model.warm_up import SAMPLES, tokenized_samples

if TYPE_CHECKING:
    from worker.model.model import Model
    from worker.model.tokenizer import Tokenizer

_log = logging.getLogger(__name__)

_TEXTS = 8
_LONG_TOKENS = 128
_COPIES = 4
_NOISE = 5e-5  # of a score, as a part of it: what another order of additions makes of float32, mostly a tenth of it
_NOISES = 10  # times what it makes of this model: some amplify it


def settle_sharing(model: "Model", exact: "Model | None", tokenizer: "Tokenizer") -> None:
    """Let only those texts share a batch whose scores that does not change; found out in float32.

    Models of our own forward pass are left as they are: its mask keeps texts apart.
    """
    if model.row_tokens > 0:
        return
    judged = exact or model
    difference = _settle(judged, tokenized_samples(tokenizer, SAMPLES))
    model.sharing, model.pads_left = judged.sharing, judged.pads_left
    if model.sharing != Sharing.ANY_LENGTHS:
        _log.warning("neighbours_matter", extra={"sharing": model.sharing.value, "difference": difference})


def _settle(model: "Model", texts: list[TokenizedText]) -> float:
    """Gives by how much padding changes the scores."""
    mixed = [*_of_many_lengths(texts), _long(model)]
    alone = _scores(model, ([text] for text in mixed))
    noise = max(_NOISE, _NOISES * _noise(model, mixed, alone))
    difference = _difference(alone, _scores(model, [mixed]))
    if difference > noise:
        model.pads_left = not model.pads_left
        if _difference(alone, _scores(model, [mixed])) > noise:
            model.pads_left = not model.pads_left
            model.sharing = _without_padding(model, texts, noise)
    return difference


def _noise(model: "Model", texts: list[TokenizedText], alone: torch.Tensor) -> float:
    """How far off a text is among its own copies: there is nothing else that it could depend on."""
    copies = _scores(model, ([text] * _COPIES for text in texts[::2]))
    return _difference(alone[::2].repeat_interleave(_COPIES, dim=0), copies)


def _without_padding(model: "Model", texts: list[TokenizedText], noise: float) -> Sharing:
    by_length: dict[int, list[TokenizedText]] = defaultdict(list)
    for text in texts:
        by_length[len(text.ids)].append(text)
    alike = max(by_length.values(), key=len)[:_TEXTS]
    mixes = _difference(_scores(model, ([text] for text in alike)), _scores(model, [alike])) > noise
    return Sharing.NO_OTHERS if mixes else Sharing.EQUAL_LENGTHS


def _of_many_lengths(texts: list[TokenizedText]) -> list[TokenizedText]:
    by_length = sorted(texts, key=lambda text: len(text.ids))
    return by_length[:: len(by_length) // _TEXTS]


def _long(model: "Model") -> TokenizedText:
    return TokenizedText([], model.stand_in(min(_LONG_TOKENS, model.positions)), truncated=False)


def _scores(model: "Model", batches: Iterable[list[TokenizedText]]) -> torch.Tensor:
    return torch.cat([model.forward(model.inputs([[text] for text in batch])) for batch in batches])


def _difference(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """The largest, as a part of the score: a model that is sure of all built-in texts hides none in its best label."""
    return float(((ours - theirs).abs() / torch.maximum(ours, theirs)).max())

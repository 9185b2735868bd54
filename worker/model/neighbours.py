"""Finds out whether a text gets the scores that it gets alone, whatever else is in its batch.

Some architectures take padding for a part of the text, or mix the texts of a batch: convolutions and Fourier
transforms along the text, attention by segments, hashes or pools of the whole row. In others float32 itself does it: T5
of random, large weights makes so much of the last digit that another width of the batch gives other labels.
"""

import logging
import math
from collections import defaultdict
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
_SMALLEST = 1e-12  # of a score, to be told from none
_MOST_NOISE = 1e-2  # more is none: the model gives a text other scores each time


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
    noise = _noise(model, mixed[::2])
    difference = _difference(model, mixed)
    if difference > noise:
        model.pads_left = not model.pads_left
        if _difference(model, mixed) > noise:
            model.pads_left = not model.pads_left
            mixes_texts = _difference(model, _of_one_length(texts)) > noise
            model.sharing = Sharing.NO_OTHERS if mixes_texts else Sharing.EQUAL_LENGTHS
    return difference


def _noise(model: "Model", texts: list[TokenizedText]) -> float:
    """How far off a text may be: some times as far as among its own copies, on which nothing can depend."""
    found = max(_difference(model, [text] * _COPIES) for text in texts)
    return min(max(_NOISE, _NOISES * found), _MOST_NOISE)


def _of_many_lengths(texts: list[TokenizedText]) -> list[TokenizedText]:
    by_length = sorted(texts, key=lambda text: len(text.ids))
    return by_length[:: len(by_length) // _TEXTS]


def _of_one_length(texts: list[TokenizedText]) -> list[TokenizedText]:
    by_length: dict[int, list[TokenizedText]] = defaultdict(list)
    for text in texts:
        by_length[len(text.ids)].append(text)
    return max(by_length.values(), key=len)[:_TEXTS]


def _long(model: "Model") -> TokenizedText:
    return TokenizedText([], model.stand_in(min(_LONG_TOKENS, model.positions)), truncated=False)


def _difference(model: "Model", texts: list[TokenizedText]) -> float:
    """Between the scores of texts alone and in one batch: the largest, as a part of the score.

    So a model that is sure of all these texts hides none. A batch that the model cannot compute is infinitely far off.
    """
    once = {id(text): text for text in texts}  # a text among its own copies is computed once
    scores = {key: _scores(model, [text]) for key, text in once.items()}
    alone = torch.cat([scores[id(text)] for text in texts])
    try:
        together = _scores(model, texts)
    except (RuntimeError, ValueError, IndexError):
        return math.inf
    found = ((alone - together).abs() / torch.maximum(alone, together).clamp_min(_SMALLEST)).max()
    return float(found.nan_to_num(math.inf))


def _scores(model: "Model", texts: list[TokenizedText]) -> torch.Tensor:
    return model.forward(model.inputs([[text] for text in texts]))

"""How much each word tells of the label: which words of a text its label may hang on."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr

_TEXTS_OF_ALL = 5.0
"""A word's labels are told as if so many texts of all labels held it too: one that occurs once tells little."""


def word_information(texts: Sequence[str], targets: Sequence[int | Sequence[float]]) -> Mapping[str, float]:
    """Returns the Kullback-Leibler divergence, in nats, of each word's labels from those of all texts.

    Args:
        texts: Words between blanks; their case does not count.
        targets: Ids of shape [texts], or shares of shape [texts, labels].
    """
    if not texts:
        return {}
    given: NDArray[Any] = np.asarray(targets)
    shares: Iterable[NDArray[Any]] = given
    if given.ndim == 1:
        one_hot = np.eye(given.max() + 1)
        shares = (one_hot[label] for label in given)  # of all texts at once they would be large
        of_all = np.bincount(given) / len(given)
    else:
        of_all = given.mean(axis=0)
    of_word: dict[str, NDArray[Any]] = defaultdict(lambda: _TEXTS_OF_ALL * of_all)
    for text, share in zip(texts, shares, strict=True):
        for word in set(text.lower().split()):
            of_word[word] = of_word[word] + share
    return {word: float(rel_entr(of / of.sum(), of_all).sum()) for word, of in of_word.items()}

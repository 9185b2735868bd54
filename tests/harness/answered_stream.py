"""A stream whose right labels are all known, and samples of it as people would answer them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from tests.harness.tiny_model import LABELS

_SHARES = np.array([0.29, 0.335, 0.08, 0.135, 0.12, 0.04])  # of the labels, as dair-ai/emotion has them
CONFIDENT = 0.8
RANDOM_RATE = 0.001


@dataclass(frozen=True)
class AnsweredStream:
    """What is true of each text, each of shape [texts]."""

    right: NDArray[np.intp]
    given: NDArray[np.intp]
    scores: NDArray[Any]

    @property
    def confident(self) -> NDArray[np.bool_]:
        flags: NDArray[np.bool_] = self.scores >= CONFIDENT
        return flags

    def probabilities(self, over_drawn: float) -> NDArray[Any]:
        """The probability of being drawn, so many times as high for what is not confident."""
        return np.where(self.confident, RANDOM_RATE, RANDOM_RATE * over_drawn)


def answered_stream(signal: float, boldness: float = 1.0, texts: int = 200_000, seed: int = 0) -> AnsweredStream:
    """Texts of six labels with scores that are right, but for their boldness: above 1 they claim too much."""
    rng = np.random.default_rng(seed)
    right = rng.choice(len(_SHARES), texts, p=_SHARES)
    seen = rng.normal(size=(texts, len(_SHARES)))
    seen[np.arange(texts), right] += signal
    scores = softmax(boldness * (signal * seen + np.log(_SHARES)), axis=1)
    return AnsweredStream(right, scores.argmax(axis=1), scores.max(axis=1))


def drawn(probabilities: NDArray[Any], answers: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """The indices of so many texts, drawn by their probabilities."""
    cumulated = np.cumsum(probabilities)
    indices: NDArray[np.intp] = np.searchsorted(cumulated / cumulated[-1], rng.random(answers))
    return indices


def answer_records(
    stream: AnsweredStream, probabilities: NDArray[Any], indices: NDArray[np.intp]
) -> list[dict[str, Any]]:
    """Rows of JSON Lines as `emotion-worker reviews export` writes them, with the right label as the answer."""
    return [
        {
            "origin": f"text-messages-0-{number}",
            "text": f"text number {number} of the stream",
            "label": LABELS[stream.given[index]],
            "score": float(stream.scores[index]),
            "scores": dict.fromkeys(LABELS, 0.1),
            "confident": bool(stream.confident[index]),
            "labels": None,
            "probability": float(probabilities[index]),
            "model": "tiny@1",
            "answer": LABELS[stream.right[index]],
            "annotator": "ada",
        }
        for number, index in enumerate(indices)
    ]

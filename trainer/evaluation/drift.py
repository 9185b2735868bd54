"""What drift is measured against: small histograms of what a model saw and said on validation."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.manifest import DriftReference, Histogram
from trainer.evaluation.decision import DecisionRule
from trainer.evaluation.outputs import Outputs

_SCORE_EDGES = np.arange(11) / 10
_TOKEN_EDGES = np.array([0, 4, 8, 12, 16, 24, 32, 48, 64, 128, 256, 512])


def drift_reference(outputs: Outputs, names: Sequence[str], rule: DecisionRule) -> DriftReference:
    """Returns the reference, of the best label of each text; `names` are the labels in id order."""
    scores = rule.scores(outputs.logits)
    labels = np.bincount(scores.argmax(axis=1), minlength=len(names)) / len(scores)
    return DriftReference(
        labels=dict(zip(names, labels.tolist(), strict=True)),
        scores=_histogram(scores.max(axis=1), _SCORE_EDGES),
        tokens=_histogram(outputs.tokens, _TOKEN_EDGES),
        unknown_token_share=outputs.unknown_tokens / int(outputs.tokens.sum()),
    )


def _histogram(values: NDArray[Any], edges: NDArray[Any]) -> Histogram:
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), bins=edges)
    return Histogram(edges=edges.tolist(), shares=(counts / len(values)).tolist())

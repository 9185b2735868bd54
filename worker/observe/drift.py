"""How far a stream is from what the model was measured on, as numbers."""

from bisect import bisect_left
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import log2, sqrt

from schemas.manifest import DriftReference, Histogram
from worker.errors import UserError

FEATURES = ("labels", "scores", "tokens", "unknown_tokens")
Counts = tuple[list[int], ...]


def distance(p: Sequence[float], q: Sequence[float]) -> float:
    """The Jensen-Shannon distance of two distributions over the same bins: 0 if alike, 1 if they share no bin.

    The square root of the divergence of J. Lin, "Divergence measures based on the Shannon entropy" (IEEE Transactions
    on Information Theory 37, 1991), to base 2. Unlike the population stability index it is finite where a bin of the
    reference is empty. Endres and Schindelin (2003) show that the root is a metric.

    Args:
        p: Weight of each bin; they need not sum to 1.
        q: The same of the other.
    """
    p_total, q_total = sum(p), sum(q)
    divergence = 0.0
    for p_weight, q_weight in zip(p, q, strict=True):
        a, b = p_weight / p_total, q_weight / q_total
        middle = (a + b) / 2
        divergence += sum(share * log2(share / middle) for share in (a, b) if share > 0) / 2
    return sqrt(max(0.0, divergence))


class DriftWatch:
    """Compares the last records with a model's reference, in its own bins."""

    def __init__(self, reference: DriftReference, records: int = 10_000, at_least: int = 1_000) -> None:
        """Start with nothing seen.

        Args:
            reference: What the model saw and said on validation.
            records: How many of the last ones count; whole windows are forgotten.
            at_least: With fewer there is no number: chance alone would look like drift.

        Raises:
            UserError: The reference contradicts itself.
        """
        self._labels = list(reference.labels)
        self._edges = [_inner_edges(histogram) for histogram in (reference.scores, reference.tokens)]
        unknown = reference.unknown_token_share
        self._expected: tuple[list[float], ...] = (
            [*reference.labels.values(), 0.0],  # the last one: labels that the reference does not know
            reference.scores.shares,
            reference.tokens.shares,
            [unknown, 1 - unknown],
        )
        histograms_fit = all(len(h.shares) == len(h.edges) - 1 for h in (reference.scores, reference.tokens))
        if not histograms_fit or not all(sum(expected) > 0 for expected in self._expected):
            raise UserError("EMOTION_MODEL: `reference` in manifest.json needs one share a bin, and a sum above 0")
        self._records = records
        self._at_least = at_least
        self._windows: deque[Counts] = deque()
        self._totals: Counts = tuple([0] * len(expected) for expected in self._expected)

    def add(self, labels: Mapping[str, int], scores: list[float], tokens: list[int], unknown_tokens: int) -> None:
        """Take in a window.

        Args:
            labels: How many texts got each label.
            scores: The score of each of these labels.
            tokens: Tokens of each text, special ones included.
            unknown_tokens: How many of all these tokens the tokenizer does not know.
        """
        known = [labels.get(label, 0) for label in self._labels]
        window: Counts = (
            [*known, sum(labels.values()) - sum(known)],
            _binned(scores, self._edges[0]),
            _binned(tokens, self._edges[1]),
            [unknown_tokens, sum(tokens) - unknown_tokens],
        )
        self._windows.append(window)
        self._count(window, 1)
        while self._seen() - sum(self._windows[0][1]) >= self._records:
            self._count(self._windows.popleft(), -1)

    def distances(self) -> dict[str, float]:
        """The distance of each of FEATURES; nothing before enough records were seen."""
        if self._seen() < self._at_least:
            return {}
        pairs = zip(FEATURES, self._totals, self._expected, strict=True)
        return {feature: distance(seen, expected) for feature, seen, expected in pairs}

    def _seen(self) -> int:
        return sum(self._totals[1])

    def _count(self, window: Counts, sign: int) -> None:
        for total, counts in zip(self._totals, window, strict=True):
            total[:] = [before + sign * count for before, count in zip(total, counts, strict=True)]


def _inner_edges(histogram: Histogram) -> list[float]:
    return histogram.edges[1:-1]


def _binned(values: Sequence[float], inner_edges: list[float]) -> list[int]:
    """How many values lie in each bin, its lower edge included; the first and last take what lies beyond."""
    ordered = sorted(values)
    below = [0, *(bisect_left(ordered, edge) for edge in inner_edges), len(ordered)]
    return [end - start for start, end in pairwise(below)]

"""Which labelled texts are drawn for review, and how likely that was.

Each text is drawn by itself, by a number between 0 and 1 that follows from the seed and its origin alone: if it is
below the text's probability. That is known before: the largest rate among the reasons that hold for the text, raised
while the stream drifts, times what the bound per minute leaves. The bound looks at what is to be expected, never at
what was drawn. So probabilities do not depend on anybody's luck, a text that is read again has the same number, and an
estimate that weighs each drawn text by 1 / probability (Horvitz and Thompson, 1952) has no bias.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from operator import ge

from schemas.review_record import ReviewReason
from worker.errors import UserError
from worker.flow import Attention, ModelInfo, Prediction

_BYTES = 6  # of a number; a float holds all of them


@dataclass(frozen=True, slots=True, eq=False)
class Stratum:
    """All reasons that hold for a text; texts of one stratum are drawn with the same probability."""

    reasons: tuple[ReviewReason, ...]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A text that was drawn."""

    prediction: Prediction
    reasons: list[str]
    probability: float


def check_rare_labels(rare_labels: Collection[str], models: Sequence[ModelInfo]) -> None:
    """See whether there are such labels.

    Raises:
        UserError: One is of none of these models.
    """
    known = list(dict.fromkeys(label for model in models for label in model.labels))
    if unknown := [label for label in rare_labels if label not in known]:
        raise UserError(f"EMOTION_REVIEW_RARE_LABELS: the model has no label {unknown[0]}; it has {', '.join(known)}")


class Strata:
    """Finds the stratum of a text by its scores."""

    def __init__(self, model: ModelInfo, close_scores: float, rare_labels: Collection[str] = ()) -> None:
        """Prepare.

        Args:
            model: What labels the texts.
            close_scores: Two labels are close whose scores differ by less; a score and its threshold as well.
            rare_labels: Those that are rare; the model need not have them.
        """
        self._thresholds = model.thresholds
        self._confident_score = 0.0 if model.confident_score is None else model.confident_score
        self._close = close_scores
        self._surely_first = (1 + close_scores) / 2  # scores sum to 1: the others have the rest at most
        self._rare = [label in rare_labels for label in model.labels]
        self._has_rare = any(self._rare)

    def __call__(self, prediction: Prediction) -> Stratum:
        """The stratum of a text."""
        scores = prediction.scores
        if self._thresholds is None:
            return self._of_one_label(scores)
        given = list(map(ge, scores, self._thresholds))
        is_close = any(abs(score - limit) < self._close for score, limit in zip(scores, self._thresholds, strict=True))
        is_rare = self._has_rare and any(map(min, given, self._rare))
        return _STRATA[not any(given), is_close, is_rare]

    def _of_one_label(self, scores: Sequence[float]) -> Stratum:
        best = max(scores)
        is_close = best < self._surely_first and best - sorted(scores)[-2] < self._close
        is_rare = self._has_rare and self._rare[scores.index(best)]
        return _STRATA[best < self._confident_score, is_close, is_rare]


_STRATA = {
    (not_confident, close, rare): Stratum(
        (
            ReviewReason.RANDOM,
            *[ReviewReason.NOT_CONFIDENT] * not_confident,
            *[ReviewReason.CLOSE] * close,
            *[ReviewReason.RARE_LABEL] * rare,
        )
    )
    for not_confident in (False, True)
    for close in (False, True)
    for rare in (False, True)
}


DISAGREEING = Stratum((ReviewReason.DISAGREEMENT,))
"""Texts that a challenger labels otherwise. Their number is that of the live workers, whose seed is the same: a text
that either draws is drawn with the larger of the two probabilities, and the one who has the larger draws it.
"""


class Allowance:
    """How many draws may be expected: so many a minute. What nobody needed is kept for a minute."""

    def __init__(self, per_minute: int, now_s: Callable[[], float]) -> None:
        """Start with that of a minute; `now_s` gives seconds that never run back."""
        self._per_minute = per_minute
        self._now_s = now_s
        self._left = float(per_minute)
        self._at_s = now_s()

    def share(self, expected: float) -> float:
        """The share, above 0 and up to 1, of so many expected draws that there is room for; it is used up."""
        now_s = self._now_s()
        self._left = min(self._per_minute, self._left + (now_s - self._at_s) * self._per_minute / 60)
        self._at_s = now_s
        share = min(1.0, self._left / expected) if expected else 1.0
        self._left -= share * expected
        return share


class Sampler:
    """Draws from windows."""

    def __init__(
        self,
        stratum: Callable[[Prediction], Stratum],
        rates: Mapping[ReviewReason, float],
        allowance: Allowance,
        seed: int,
        attention: Attention,
    ) -> None:
        """Prepare.

        Args:
            stratum: Finds that of a text by its scores.
            rates: The probabilities with which texts are drawn for a reason alone, times `attention`.
            allowance: The bound on what is to be expected.
            seed: Another one draws other texts.
            attention: Of the stream, while it drifts.
        """
        self._stratum = stratum
        self._rates = rates
        self._allowance = allowance
        self._attention = attention
        self._hash = blake2b(digest_size=_BYTES, key=str(seed).encode())

    def draw(self, texts: Iterable[tuple[str, Prediction]]) -> tuple[list[Drawn], int]:
        """Draw from the texts of a window, each with its origin.

        Returns:
            What was drawn, and how many would have been without the bound per minute.
        """
        by_stratum = [(origin, prediction, self._stratum(prediction)) for origin, prediction in texts]
        sizes = Counter(stratum for _, _, stratum in by_stratum)
        rates = {reason: min(1.0, rate * self._attention.factor) for reason, rate in self._rates.items()}
        highest = {stratum: max(map(rates.__getitem__, stratum.reasons)) for stratum in sizes}
        share = self._allowance.share(sum(highest[stratum] * size for stratum, size in sizes.items()))
        drawn, held_back = [], 0
        for origin, prediction, stratum in by_stratum:
            number = self._number(origin)
            if number < highest[stratum] * share:
                reasons = [reason.value for reason in stratum.reasons if number < rates[reason] * share]
                drawn.append(Drawn(prediction, reasons, highest[stratum] * share))
            elif number < highest[stratum]:
                held_back += 1
        return drawn, held_back

    def _number(self, origin: str) -> float:
        """Between 0 and 1, 1 itself excluded; the same for the same origin and seed."""
        state = self._hash.copy()
        state.update(origin.encode())
        return int.from_bytes(state.digest()) / (1 << 8 * _BYTES)

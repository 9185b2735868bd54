"""What a challenger has found by its end."""

from collections import Counter

from worker.flow import Reviews
from worker.messages.comparison import Comparison


class ChallengeSummary:
    """Adds up windows that were delivered."""

    def __init__(self) -> None:
        self._pairs: Counter[tuple[str, str]] = Counter()
        self._disagreements = 0
        self._score_gap = 0.0
        self._confident: Counter[tuple[bool, bool]] = Counter()
        self._unmatched: Counter[str] = Counter()
        self._reviews = 0
        self._predicted = 0
        self._seconds = 0.0

    def add(self, comparison: Comparison, reviews: Reviews) -> None:
        """Count a window."""
        self._pairs += comparison.pairs
        self._disagreements += comparison.disagreements.total()
        self._score_gap += sum(comparison.score_gaps)
        self._confident += comparison.confident
        self._unmatched += comparison.unmatched
        self._reviews += len(reviews.outcomes)

    def predicted(self, texts: int, seconds: float) -> None:
        """The model took so long for so many texts, whether they were delivered or not."""
        self._predicted += texts
        self._seconds += seconds

    def figures(self) -> dict[str, object]:
        """As JSON has them; a share of nothing is null.

        `agreement` and the shares are of the texts that were compared, those of confidence of texts whose both models
        have a threshold. Of each live label `pairs` has what the challenger gives, the most frequent first.
        """
        compared, known = self._pairs.total(), self._confident.total()
        of_live: Counter[str] = Counter()
        for (live, _), texts in self._pairs.items():
            of_live[live] += texts
        return {
            "compared": compared,
            "agreement": _share(compared - self._disagreements, compared),
            "disagreements": self._disagreements,
            "becomes_confident": _share(self._confident[False, True], known),
            "becomes_not_confident": _share(self._confident[True, False], known),
            "mean_score_gap": round(self._score_gap / compared, 4) if compared else None,
            "pairs": [
                {"live": live, "challenger": new, "texts": texts, "share_of_live": _share(texts, of_live[live])}
                for (live, new), texts in self._pairs.most_common()
            ],
            "unmatched": {str(reason): labels for reason, labels in self._unmatched.most_common()},
            "reviews": self._reviews,
            "model_texts_per_second": round(self._predicted / self._seconds, 1) if self._seconds else None,
        }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None

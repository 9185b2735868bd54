"""How far several annotators agree."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

Votes = Mapping[str, str]
"""Of one text: the label that each annotator chose."""

LEAST_SHARED = 10
"""Of fewer texts that two annotators share, kappa is noise."""


@dataclass(frozen=True)
class Agreement:
    """What the texts say that at least two annotators answered."""

    annotators: int
    texts: int
    """Answered by at least two."""
    ties: int
    """Of these, where no label has more votes than each other."""
    alike: float
    """The mean over these texts of the share of pairs of answers that are alike."""
    alpha: float | None
    """Krippendorff's; None where all answers are the same label, and so nothing could differ."""
    kappas: Mapping[str, float]
    """Cohen's, of each pair of annotators (`1 and 2`) with ten texts in common or more."""


def agreement(votes: Sequence[Votes]) -> Agreement | None:
    """Returns how far annotators agree, or None where no text has two answers; texts may lack any of the answers."""
    shared = [Counter(each.values()) for each in votes if len(each) > 1]
    if not shared:
        return None
    return Agreement(
        annotators=len({name for each in votes for name in each}),
        texts=len(shared),
        ties=sum(list(counts.values()).count(max(counts.values())) > 1 for counts in shared),
        alike=sum(map(_alike, shared)) / len(shared),
        alpha=krippendorff_alpha(shared),
        kappas=_kappas(votes),
    )


def krippendorff_alpha(shared: Sequence[Mapping[str, int]]) -> float | None:
    """Returns Krippendorff's alpha of labels without an order: 1 if all agree, 0 if they agree as chance has it.

    Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability".

    Args:
        shared: How many answers each label has, of each text with at least two answers.
    """
    totals: Counter[str] = Counter()
    for counts in shared:
        totals.update(counts)
    answers = totals.total()
    expected = answers**2 - sum(count**2 for count in totals.values())
    if not expected:
        return None
    observed = sum(sum(counts.values()) * (1 - _alike(counts)) for counts in shared)
    return 1 - (answers - 1) * observed / expected


def _alike(counts: Mapping[str, int]) -> float:
    """Returns the share of the pairs of answers to a text that are alike."""
    answers = sum(counts.values())
    return sum(count * (count - 1) for count in counts.values()) / (answers * (answers - 1))


def _kappas(votes: Sequence[Votes]) -> dict[str, float]:
    """Returns Cohen's kappa of each pair of annotators that share enough texts."""
    pairs: dict[str, list[tuple[str, str]]] = {}
    for each in votes:
        for first, second in combinations(sorted(each), 2):
            pairs.setdefault(f"{first} and {second}", []).append((each[first], each[second]))
    kappas = {pair: _kappa(answers) for pair, answers in pairs.items() if len(answers) >= LEAST_SHARED}
    return {pair: kappa for pair, kappa in kappas.items() if kappa is not None}


def _kappa(answers: Sequence[tuple[str, str]]) -> float | None:
    first, second = (Counter(side) for side in zip(*answers, strict=True))
    by_chance = sum(count * second[label] for label, count in first.items()) / len(answers) ** 2
    if by_chance == 1:
        return None
    return (sum(a == b for a, b in answers) / len(answers) - by_chance) / (1 - by_chance)

"""What a model makes of further domains, side by side: figures, and the kinds of its most certain mistakes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from schemas.manifest import SplitMetrics, WithoutFeeling
from trainer.data.domains import Domain
from trainer.evaluation.calibration import Labelled
from trainer.evaluation.decision import DecisionRule
from trainer.evaluation.outputs import outputs_of

COLUMNS = (
    *("domain", "texts", "accuracy", "macro-F1", "ECE", "mean score", "confident", "right of these"),
    *("without a feeling", "confident of these"),
)
"""Of the table of domains."""


@dataclass(frozen=True)
class DomainOutputs:
    """What a model makes of one domain, as logits."""

    domain: Domain
    labelled: Labelled
    """Of the texts with a right label."""
    without_feeling: NDArray[Any]
    """Of the texts without a feeling, of shape [texts, labels]."""


@dataclass(frozen=True)
class DomainFigures:
    """What a model is worth in one domain."""

    name: str
    metrics: SplitMetrics | None
    """Of the texts with a right label; None where there are none."""
    mean_score: float | None
    """Mean of the highest scores of these texts."""
    without_feeling: WithoutFeeling | None
    """None where there are no such texts."""
    left_out: int = 0
    """Texts with several labels alike."""

    def as_dict(self) -> dict[str, Any]:
        """Returns the figures as JSON has them: those of a split, and what is known of the other texts."""
        return {
            **(self.metrics.model_dump() if self.metrics else {}),
            "mean_score": self.mean_score,
            "without_feeling": self.without_feeling and self.without_feeling.model_dump(),
            "left_out": self.left_out,
        }


def domain_outputs(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, domain: Domain) -> DomainOutputs:
    """Runs the texts of a domain through a model."""
    logits = outputs_of(model, tokenizer, [*domain.texts, *domain.without_feeling]).logits.astype(np.float64)
    labelled, without_feeling = np.split(logits, [len(domain.texts)])
    return DomainOutputs(domain, (labelled, np.array(domain.ids, dtype=int)), without_feeling)


def domain_figures(outputs: DomainOutputs, names: Sequence[str], rule: DecisionRule) -> DomainFigures:
    """Returns the figures of a domain; `names` are the labels in id order."""
    logits, ids = outputs.labelled
    scores, others = rule.scores(logits).max(axis=1), rule.scores(outputs.without_feeling)
    confident = rule.confident(others) if len(others) else None
    return DomainFigures(
        name=outputs.domain.name,
        metrics=rule.metrics(logits, ids, names) if len(ids) else None,
        mean_score=float(scores.mean()) if len(ids) else None,
        without_feeling=WithoutFeeling(
            rows=len(others),
            mean_score=float(others.max(axis=1).mean()),
            confident=None if confident is None else float(confident.mean()),
        )
        if len(others)
        else None,
        left_out=outputs.domain.left_out,
    )


def highest_scores(logits: NDArray[Any]) -> NDArray[Any]:
    """Returns the highest score of each text, of shape [texts]."""
    scores: NDArray[Any] = softmax(logits.astype(np.float64), axis=1).max(axis=1)
    return scores


def confident_mistakes(labelled: Labelled, names: Sequence[str], confident_score: float) -> list[tuple[str, str, int]]:
    """Returns the confident mistakes by kind, most frequent first: right label, label given, and how many texts."""
    logits, ids = labelled
    given = logits.argmax(axis=1)
    wrong = (highest_scores(logits) >= confident_score) & (given != ids)
    kinds = Counter(zip(ids[wrong].tolist(), given[wrong].tolist(), strict=True))
    return [(names[right], names[answer], count) for (right, answer), count in kinds.most_common()]


def cells(figures: DomainFigures) -> list[str]:
    """Returns the row of the table of domains; a dash stands for what is not known."""
    metrics, others = figures.metrics, figures.without_feeling
    confident = metrics.confident if metrics else None
    shares: list[float | None] = (
        [metrics.accuracy, metrics.macro_f1, metrics.ece, figures.mean_score] if metrics else [None] * 4
    )
    kept: list[float | None] = [confident.coverage.value, confident.accuracy.value] if confident else [None] * 2
    return [
        figures.name,
        f"{metrics.rows:,}" if metrics else "–",
        *map(_cell, shares + kept),
        f"{others.rows:,}" if others else "–",
        _cell(others.confident if others else None),
    ]


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def as_table(domains: Sequence[DomainFigures]) -> str:
    """Returns the figures of all domains for people."""
    rows = [list(COLUMNS), *map(cells, domains)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines + [_left_out(each) for each in domains if each.left_out])


def _left_out(figures: DomainFigures) -> str:
    return f"{figures.name}: {figures.left_out} texts with several labels alike are left out"

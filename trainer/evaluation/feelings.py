"""Sentences of our own of the kinds that users send, most of all those that name a feeling which nobody has.

Each says which labels are right, and which are wrong beyond doubt (`suites/feelings.json`). Of each kind one half is
`seen`: a training may use it. The other is `kept` from all training, and shows what a model makes of new sentences.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from trainer.evaluation.decision import DecisionRule
from trainer.evaluation.outputs import Score


class Sentence(NamedTuple):
    """One sentence."""

    text: str
    kind: str
    """What it is an example of, such as `negated`."""
    half: str
    """`seen` or `kept`."""
    right: Sequence[str]
    """The labels that are right; without one it carries no feeling, and no label of it should be confident."""
    wrong: Sequence[str]
    """The labels that no reader would give."""


@dataclass(frozen=True)
class KindFigures:
    """What a model makes of one half of a kind. A share is None where no sentence, or no threshold, can tell it."""

    kind: str
    half: str
    texts: int
    right: float | None
    """Share whose label is right, or is not confident where none is."""
    wrong: float | None
    """Share that gets a wrong label, of those that can."""
    confidently_wrong: float | None
    """The same, with confidence."""
    confident: float | None


def read_sentences() -> list[Sentence]:
    """Returns all sentences."""
    file = Path(__file__).parent / "suites" / "feelings.json"
    return [Sentence(**sentence) for sentence in json.loads(file.read_text(encoding="utf-8"))]


def run_sentences(score: Score, rule: DecisionRule, labels: Sequence[str]) -> list[KindFigures]:
    """Labels all sentences whose labels the model has.

    Args:
        score: The model.
        rule: How its scores become labels; judged is the label of the highest score.
        labels: Its labels, in id order.
    """
    sentences = [sentence for sentence in read_sentences() if {*sentence.right, *sentence.wrong} <= set(labels)]
    scores = score([sentence.text for sentence in sentences])
    told = [labels[index] for index in scores.argmax(axis=1)]
    confident = rule.confident(scores)
    sure = [None] * len(told) if confident is None else confident.tolist()
    answered = list(zip(sentences, told, sure, strict=True))
    return [
        _figures(kind, half, [answer for answer in answered if answer[0].kind == kind and answer[0].half == half])
        for kind, half in dict.fromkeys((sentence.kind, sentence.half) for sentence in sentences)
    ]


def _figures(kind: str, half: str, answers: Sequence[tuple[Sentence, str, bool | None]]) -> KindFigures:
    can_be_wrong = [(label in sentence.wrong, sure) for sentence, label, sure in answers if sentence.wrong]
    return KindFigures(
        kind,
        half,
        len(answers),
        right=_share(
            label in sentence.right if sentence.right else None if sure is None else not sure
            for sentence, label, sure in answers
        ),
        wrong=_share(is_wrong for is_wrong, _ in can_be_wrong),
        confidently_wrong=_share(None if sure is None else is_wrong and sure for is_wrong, sure in can_be_wrong),
        confident=_share(sure for _, _, sure in answers),
    )


def _share(answers: Iterable[bool | None]) -> float | None:
    known = [answer for answer in answers if answer is not None]
    return sum(known) / len(known) if known else None


_COLUMNS: Sequence[tuple[str, Callable[[KindFigures], str]]] = (
    ("texts", lambda figures: str(figures.texts)),
    ("right", lambda figures: percent(figures.right)),
    ("wrong", lambda figures: percent(figures.wrong)),
    ("confidently wrong", lambda figures: percent(figures.confidently_wrong)),
    ("confident", lambda figures: percent(figures.confident)),
)


def as_table(all_figures: Sequence[KindFigures]) -> str:
    """Returns the figures for people, the kept half beside the seen one."""
    by_kind: dict[str, dict[str, KindFigures]] = {}
    for figures in all_figures:
        by_kind.setdefault(figures.kind, {})[figures.half] = figures
    halves = ("kept", "seen")
    lines = [
        f"{'':12}" + "".join(f"{name:>18}" for name, _ in _COLUMNS),
        f"{'sentences':12}" + "".join(f"{half:>9}" for half in halves * len(_COLUMNS)),
    ]
    for kind, of_kind in by_kind.items():
        cells = [show(of_kind[half]) if half in of_kind else "–" for _, show in _COLUMNS for half in halves]
        lines.append(f"{kind:12}" + "".join(f"{cell:>9}" for cell in cells))
    return "\n".join(lines)


def percent(share: float | None) -> str:
    """Returns a share as people read it, a dash where there is none."""
    return "–" if share is None else f"{share:.1%}"

"""Robustness as behaviour: what changes a label and should not, and the other way round.

Suites of three kinds, as in Ribeiro et al. 2020, "Beyond Accuracy: Behavioral Testing of NLP Models with CheckList", on
the texts of a split and on sentences and templates of our own (`suites/checklist.json`, `suites/feelings.json`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation import feelings
from trainer.evaluation.outputs import Score
from trainer.evaluation.perturbations import PERTURBATIONS, glued, negated, perturbed

_CHECKLIST = json.loads((Path(__file__).parent / "suites" / "checklist.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Change:
    """What a change of the text does to labels. Where no text could be changed, the shares are None."""

    name: str
    on: str
    """`split` or `own`."""
    texts: int
    """How many texts it could change."""
    flipped: float | None
    """Share of them whose label changed."""
    score_drop: float | None
    """Mean fall of the score of the label that the unchanged text got."""


@dataclass(frozen=True)
class GroupGap:
    """How otherwise equal texts about one group of people are labelled, against those about the attribute's others."""

    attribute: str
    group: str
    flipped: float
    """Share of its texts whose label differs from the one that most texts of the same context got."""
    score_gaps: dict[str, float]
    """By label, how much higher its mean score is than the mean over the attribute's groups."""


@dataclass(frozen=True)
class Robustness:
    """The outcome of all suites."""

    invariance: list[Change]
    """Changes that should flip no label."""
    directional: list[Change]
    """Negation, which should lower the score, and intensifiers, which should not."""
    functionality: dict[str, float]
    """Share of plain sentences of each label that get it; only labels of the model that sentences were written for."""
    fairness: list[GroupGap]
    feelings: list[feelings.KindFigures]
    """Sentences of the kinds that users send, by kind and half."""

    def as_dict(self) -> dict[str, Any]:
        """Returns the outcome as JSON has it."""
        return asdict(self)


def run_suites(score: Score, labels: Sequence[str], texts: Sequence[str], confident_score: float | None) -> Robustness:
    """Runs all suites.

    Args:
        score: The model.
        labels: Its labels, in id order.
        texts: Texts of a split.
        confident_score: The model's threshold.
    """
    score = _remembering(score)
    sentences = {label: own for label, own in _CHECKLIST["sentences"].items() if label in labels}
    all_own = [sentence for own in _CHECKLIST["sentences"].values() for sentence in own]
    return Robustness(
        invariance=[*_invariance(score, "split", texts), *_invariance(score, "own", all_own)],
        directional=[
            _change(score, "negation", "split", [(text, negated(text)) for text in texts]),
            _change(score, "negation", "own", _with_feelings(_CHECKLIST["negated"])),
            _change(score, "intensifier", "own", _with_feelings(_CHECKLIST["intensified"])),
        ],
        functionality={
            label: float((score(own).argmax(axis=1) == labels.index(label)).mean()) for label, own in sentences.items()
        },
        fairness=[
            gap
            for attribute, groups in _CHECKLIST["persons"].items()
            for gap in _gaps(score, labels, attribute, groups)
        ],
        feelings=feelings.run_sentences(score, labels, confident_score),
    )


def _remembering(score: Score) -> Score:
    """Returns the model with a memory: the suites compare one text with many others."""
    known: dict[str, NDArray[Any]] = {}

    def remembering(texts: Sequence[str]) -> NDArray[Any]:
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            known.update(zip(new, score(new), strict=True))
        return np.array([known[text] for text in texts])

    return remembering


def _invariance(score: Score, on: str, texts: Sequence[str]) -> Iterator[Change]:
    for name in PERTURBATIONS:
        yield _change(score, name, on, list(zip(texts, perturbed(name, texts), strict=True)))
    # Against the label with a space: what the emoji itself changes is counted above.
    yield _change(score, "glued emoji", on, [(text, glued(text)) for text in perturbed("emoji", texts)])


def _change(score: Score, name: str, on: str, pairs: Sequence[tuple[str, str]]) -> Change:
    changed = [(before, after) for before, after in pairs if before != after]
    if not changed:
        return Change(name, on, 0, None, None)
    before, after = (score(texts) for texts in zip(*changed, strict=True))
    labels = before.argmax(axis=1)
    rows = np.arange(len(labels))
    return Change(
        name,
        on,
        len(changed),
        flipped=float((after.argmax(axis=1) != labels).mean()),
        score_drop=float((before[rows, labels] - after[rows, labels]).mean()),
    )


def _with_feelings(pairs: Sequence[Sequence[str]]) -> list[tuple[str, str]]:
    feelings = [feeling for own in _CHECKLIST["feelings"].values() for feeling in own]
    return [(a.format(feeling=feeling), b.format(feeling=feeling)) for a, b in pairs for feeling in feelings]


def _gaps(
    score: Score, labels: Sequence[str], attribute: str, groups: Mapping[str, Sequence[str]]
) -> Iterator[GroupGap]:
    contexts = _contexts()
    persons = [(group, person) for group, own in groups.items() for person in own]
    texts = [context.replace("{person}", person) for context in contexts for _, person in persons]
    scores = score(texts).reshape(len(contexts), len(persons), len(labels))
    predicted = scores.argmax(axis=2)
    usual = np.array([np.bincount(row, minlength=len(labels)).argmax() for row in predicted])
    members = {group: [index for index, (own, _) in enumerate(persons) if own == group] for group in groups}
    means = {group: scores[:, own].mean(axis=(0, 1)) for group, own in members.items()}
    overall = np.mean(list(means.values()), axis=0)
    for group, own in members.items():
        flipped = float((predicted[:, own] != usual[:, None]).mean())
        gaps = dict(zip(labels, (means[group] - overall).tolist(), strict=True))
        yield GroupGap(attribute, group, flipped, gaps)


def _contexts() -> list[str]:
    feelings = [feeling for own in _CHECKLIST["feelings"].values() for feeling in own[:2]]
    with_feelings = (
        template.replace("{feeling}", feeling) for template in _CHECKLIST["persons_in"] for feeling in feelings
    )
    return list(dict.fromkeys(with_feelings))  # a template without a feeling once


def as_table(robustness: Robustness) -> str:
    """Returns the outcome for people."""
    lines = [f"{'change':24}{'on':8}{'texts':>6}  flipped  score drop"]
    lines += [
        f"{change.name:24}{change.on:8}{change.texts:6}  {_percent(change.flipped)}  {_percent(change.score_drop):>10}"
        for change in [*robustness.invariance, *robustness.directional]
    ]
    lines += ["", f"{'plain sentences of':24}{'right':>7}"]
    lines += [f"{label:24}{_percent(share)}" for label, share in robustness.functionality.items()]
    lines += ["", f"{'people':34}{'group':18}flipped  largest score gap"]
    for gap in robustness.fairness:
        label, size = largest_gap(gap)
        lines.append(f"{gap.attribute:34}{gap.group:18}{_percent(gap.flipped)}  {100 * size:+.1f} points of {label}")
    return "\n".join([*lines, "", feelings.as_table(robustness.feelings)])


def largest_gap(gap: GroupGap) -> tuple[str, float]:
    """Returns the label whose mean score differs most from that of the other groups, and by how much."""
    return max(gap.score_gaps.items(), key=lambda item: abs(item[1]))


def _percent(share: float | None) -> str:
    return f"{feelings.percent(share):>7}"

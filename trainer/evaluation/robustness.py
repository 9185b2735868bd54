"""Robustness as behaviour: what changes a label and should not, and the other way round.

Suites of three kinds, as in Ribeiro et al. 2020, "Beyond Accuracy: Behavioral Testing of NLP Models with CheckList", on
the texts of a split and on sentences and templates of our own (`suites/checklist.json`, `suites/feelings.json`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data.labels import EMOTION_LABELS
from trainer.evaluation import feelings
from trainer.evaluation.decision import DecisionRule
from trainer.evaluation.outputs import Score
from trainer.evaluation.perturbations import PERTURBATIONS, glued, negated, perturbed

_OTHER_LABELS = f"its sentences are written for the labels {', '.join(EMOTION_LABELS)} alone"
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
    """Share of them whose label changed, or any of their labels."""
    score_drop: float | None
    """Mean fall of the score of the label that was the unchanged text's best."""


@dataclass(frozen=True)
class GroupGap:
    """How otherwise equal texts about one group of people are labelled, against those about the attribute's others."""

    attribute: str
    group: str
    flipped: float
    """Share of its texts whose label, or labels, differ from what most texts of the same context got."""
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
    left_out: dict[str, str] = field(default_factory=dict)
    """Why a suite was not run, by its name."""

    def as_dict(self) -> dict[str, Any]:
        """Returns the outcome as JSON has it."""
        return asdict(self)


def run_suites(score: Score, rule: DecisionRule, labels: Sequence[str], texts: Sequence[str]) -> Robustness:
    """Runs all suites.

    Args:
        score: The model.
        rule: How its scores become labels.
        labels: Its labels, in id order.
        texts: Texts of a split.
    """
    model = _Model(_remembering(score), rule)
    sentences = {label: own for label, own in _CHECKLIST["sentences"].items() if label in labels}
    all_own = [sentence for own in _CHECKLIST["sentences"].values() for sentence in own]
    others = rule.thresholds is not None and set(labels) - set(EMOTION_LABELS)
    return Robustness(
        invariance=[*_invariance(model, "split", texts), *_invariance(model, "own", all_own)],
        directional=[
            _change(model, "negation", "split", [(text, negated(text)) for text in texts]),
            _change(model, "negation", "own", _with_feelings(_CHECKLIST["negated"])),
            _change(model, "intensifier", "own", _with_feelings(_CHECKLIST["intensified"])),
        ],
        functionality={
            label: float(model.given(own)[:, labels.index(label)].mean()) for label, own in sentences.items()
        },
        fairness=[
            gap
            for attribute, groups in _CHECKLIST["persons"].items()
            for gap in _gaps(model, labels, attribute, groups)
        ],
        feelings=[] if others else feelings.run_sentences(model.score, rule, labels),
        left_out={"feelings": _OTHER_LABELS} if others else {},
    )


@dataclass(frozen=True)
class _Model:
    score: Score
    rule: DecisionRule

    def given(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Returns which labels each text gets, of shape [texts, labels]."""
        return self.rule.given(self.score(texts))


def _remembering(score: Score) -> Score:
    """Returns the model with a memory: the suites compare one text with many others."""
    known: dict[str, NDArray[Any]] = {}

    def remembering(texts: Sequence[str]) -> NDArray[Any]:
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            known.update(zip(new, score(new), strict=True))
        return np.array([known[text] for text in texts])

    return remembering


def _invariance(model: _Model, on: str, texts: Sequence[str]) -> Iterator[Change]:
    for name in PERTURBATIONS:
        yield _change(model, name, on, list(zip(texts, perturbed(name, texts), strict=True)))
    # Against the label with a space: what the emoji itself changes is counted above.
    yield _change(model, "glued emoji", on, [(text, glued(text)) for text in perturbed("emoji", texts)])


def _change(model: _Model, name: str, on: str, pairs: Sequence[tuple[str, str]]) -> Change:
    changed = [(before, after) for before, after in pairs if before != after]
    if not changed:
        return Change(name, on, 0, None, None)
    before, after = (model.score(texts) for texts in zip(*changed, strict=True))
    flipped = (model.rule.given(before) != model.rule.given(after)).any(axis=1)
    best = before.argmax(axis=1)
    rows = np.arange(len(best))
    return Change(
        name,
        on,
        len(changed),
        flipped=float(flipped.mean()),
        score_drop=float((before[rows, best] - after[rows, best]).mean()),
    )


def _with_feelings(pairs: Sequence[Sequence[str]]) -> list[tuple[str, str]]:
    feelings = [feeling for own in _CHECKLIST["feelings"].values() for feeling in own]
    return [(a.format(feeling=feeling), b.format(feeling=feeling)) for a, b in pairs for feeling in feelings]


def _gaps(
    model: _Model, labels: Sequence[str], attribute: str, groups: Mapping[str, Sequence[str]]
) -> Iterator[GroupGap]:
    contexts = _contexts()
    persons = [(group, person) for group, own in groups.items() for person in own]
    texts = [context.replace("{person}", person) for context in contexts for _, person in persons]
    scores = model.score(texts).reshape(len(contexts), len(persons), len(labels))
    # Each set of labels by a number; a number that occurs as often as another gives way to one of earlier labels.
    _, sets = np.unique(~model.given(texts), axis=0, return_inverse=True)
    predicted = sets.reshape(len(contexts), len(persons))
    usual = np.array([np.bincount(row).argmax() for row in predicted])
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
    if robustness.feelings:
        lines += ["", feelings.as_table(robustness.feelings)]
    return "\n".join(lines + [f"\n{suite} left out: {reason}" for suite, reason in robustness.left_out.items()])


def largest_gap(gap: GroupGap) -> tuple[str, float]:
    """Returns the label whose mean score differs most from that of the other groups, and by how much."""
    return max(gap.score_gaps.items(), key=lambda item: abs(item[1]))


def _percent(share: float | None) -> str:
    return f"{feelings.percent(share):>7}"

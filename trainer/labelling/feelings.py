"""Labels of negated feelings, made by rule: a model that just looks for the word of a feeling cannot give them.

Three sources: our own sentences, texts whose first statement of a feeling is negated, and sentences made of lists of
words (`feelings.json`): negated, plain, with a negation that leaves the feeling what it is, ironic, or with a turn.
"""

import json
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trainer.data.labels import EMOTION_LABELS
from trainer.labelling.cue_labels import CuedText

_LISTS: Mapping[str, Any] = json.loads((Path(__file__).parent / "feelings.json").read_text(encoding="utf-8"))
FRAMES: Mapping[str, Sequence[str]] = _LISTS["frames"]
"""Sentences with gaps, by kind; in those that are `kept` the negation leaves the feeling what it is."""
FILLERS: Mapping[str, Sequence[str]] = _LISTS["fillers"] | {"object": _LISTS["objects"]}
"""What fills the other gaps of a sentence, and has no say in its label."""
# A feeling stands with the preposition of its object, a state is the same without one.
WORDS: Mapping[str, Mapping[str, Sequence[str]]] = _LISTS["words"] | {
    "state": {label: [word.rpartition(" ")[0] for word in words] for label, words in _LISTS["words"]["feeling"].items()}
}
"""Words and phrases of each label, by the gap that they fill."""

_NOT_SAID = 0.02
# Whether people are sad or angry of a mishap depends on them.
_MISHAP: Mapping[str, float] = {"sadness": 0.3, "joy": 0.01, "love": 0.01, "anger": 0.3, "fear": 0.04, "surprise": 0.04}
_STATEMENTS: Mapping[str, Sequence[str]] = _LISTS["statements"]
_NO_FEELING = (
    "a about all an and as because but could for he hes i id im in is it its ive kind like m more most much my or she "
    "shes some that the there they this to we when would you your"
)
# What follows has to be the feeling itself: no rule negates `i feel like i am …` or `i feel that …`.
_STATEMENT = re.compile(
    rf"({'|'.join(_STATEMENTS)})(?= \w)(?! (?:{_NO_FEELING.replace(' ', '|')})\b)",
    re.IGNORECASE,
)
_OTHER_STATEMENT = re.compile(r"\bfe(?:el|lt)", re.IGNORECASE)
_NEGATION = re.compile(
    r"\b(?:cannot|hardly|less|never|no|nor|not|nothing|without"
    r"|(?:ca|could|did|do|does|had|has|have|is|are|was|were|wo|would|should)n ?['’]?t)\b",
    re.IGNORECASE,
)
_NEXT_CLAUSE = re.compile(r"[,.;]| (?:and|as|because|but|or|that|then|when|which|while)\b")


def of_sentences(sentences: Iterable[tuple[str, Sequence[str]]]) -> Iterator[CuedText]:
    """Yields each text with even shares of the labels that are right; where none is, of all."""
    for text, right in sentences:
        yield CuedText(text, _shares({label: float(label in (right or EMOTION_LABELS)) for label in EMOTION_LABELS}))


def negations(labelled: Iterable[tuple[str, str]], *, most: int, seed: int) -> list[CuedText]:
    """Returns texts that begin with the one feeling they state, such as `i feel so happy`, with that negated.

    Half of them end with the clause, since what follows may tell the feeling as well.

    Args:
        labelled: Texts, each with its label; those that are told otherwise or hold a negation already are left out.
        most: So many at most, taken at random.
        seed: Of the choice, and of the ways to negate.
    """
    chance = random.Random(seed)  # noqa: S311 - no secret
    found = [
        (text, label, statement)
        for text, label in dict.fromkeys(labelled)
        if (statement := _STATEMENT.match(text)) and len(_OTHER_STATEMENT.findall(text)) == 1
        if not _NEGATION.search(text)
    ]
    made = {}
    for text, label, statement in chance.sample(found, min(most, len(found))):
        rest = text[statement.end() :]
        if chance.random() < 0.5:
            rest = _NEXT_CLAUSE.split(rest, maxsplit=1)[0]
        negated = chance.choice(_STATEMENTS[statement[1].lower()])
        made[f"{text[0]}{negated[1:]}{rest}"] = negated_shares(label)
    return [CuedText(text, scores) for text, scores in made.items()]


def made_sentences(*, most: int, seed: int) -> list[CuedText]:
    """Returns sentences made of the lists, in the spellings of real people; so many at most, since some come twice."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    frames = [(kind, frame) for kind, of_kind in FRAMES.items() for frame in of_kind]
    made = {}
    for _ in range(most):
        kind, frame = chance.choice(frames)
        gap = next(gap for gap in WORDS if f"{{{gap}}}" in frame)
        label, word = chance.choice([(label, word) for label, words in WORDS[gap].items() for word in words])
        others = {name: chance.choice(texts) for name, texts in FILLERS.items()}
        made[_spelt(frame.format(**{gap: word}, **others), chance)] = _shares_of(kind, gap, label)
    return [CuedText(text, scores) for text, scores in made.items()]


def _shares_of(kind: str, gap: str, label: str) -> dict[str, float]:
    if kind == "negated":
        return negated_shares(label)
    return _shares({**_MISHAP, label: 0.6}) if gap == "mishap" else _shares(_only(label))


def negated_shares(label: str) -> dict[str, float]:
    """Returns what a text with that feeling negated is trained to.

    Negated joy or love is mostly sadness, in part anger. Of any other feeling it is known just that it is not that one.
    """
    if label in ("joy", "love"):
        return _shares({"sadness": 0.6, "joy": 0.01, "love": 0.01, "anger": 0.24, "fear": 0.08, "surprise": 0.06})
    relieved = {"joy": 1.5} if label in ("sadness", "fear") else {}
    return _shares(dict.fromkeys(EMOTION_LABELS, 1.0) | relieved | {label: 0.05})


def _only(label: str) -> dict[str, float]:
    return dict.fromkeys(EMOTION_LABELS, _NOT_SAID) | {label: 1 - _NOT_SAID * (len(EMOTION_LABELS) - 1)}


def _shares(weights: Mapping[str, float]) -> dict[str, float]:
    total = sum(weights.values())
    return {label: weight / total for label, weight in weights.items()}


def _spelt(text: str, chance: random.Random) -> str:
    """Spells a text as people do: apostrophes missing or apart, no capitals, one at the start, an end or none."""
    text = text.replace("'", chance.choice(["'", "'", "’", "", " "]))
    text = text.lower() if chance.random() < 0.5 else text[0].upper() + text[1:]
    return text + chance.choice(["", "", ".", "!"])

"""Labels from the texts themselves: what a writer calls the own feeling, in a word, a hashtag or an emoji.

Distant supervision: Go et al., "Twitter Sentiment Classification using Distant Supervision", 2009; dair-ai/emotion
itself was labelled by hashtags (Saravia et al., "CARER", 2018). Such labels are noisy, so each is worth less than 1.
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from trainer.data.rows import Row
from trainer.errors import UserError

DEFAULT_CUES = Path(__file__).parent / "cues.json"
# U+FE0F asks for the picture of a character, the other five for a colour of skin: neither changes what is meant.
_VARIANT = re.compile("[\ufe0f\U0001f3fb-\U0001f3ff]")
_JOINER = "\u200d"
_SIGN = rf"[^\w\s]{_VARIANT.pattern}*"
_FLAG = "[\U0001f1e6-\U0001f1ff]{2}"
_TOKEN = re.compile(rf"#?[^\W\d_]+(?:'[^\W\d_]+)*|{_FLAG}|{_SIGN}(?:{_JOINER}{_SIGN})*")

Cues = Mapping[str, str]
"""The label of each cue, in its plain form."""


class CuedText(NamedTuple):
    """A text, and what it is trained to: labels to shares that sum to 1."""

    text: str
    scores: dict[str, float]


def read_cues(file: Path) -> Cues:
    """Reads a JSON object of label to list of words and emoji.

    Raises:
        UserError: if the file is not that, if a cue is not one word or one emoji, or if two labels share a cue.
    """
    try:
        lists = TypeAdapter(dict[str, list[str]]).validate_json(file.read_bytes())
    except OSError as error:
        raise UserError(f"--cues {file}: cannot be read: {error.strerror}; give a JSON file") from error
    except ValidationError as error:
        raise UserError(f'--cues {file}: write one object such as {{"joy": ["happy", "😊"]}}') from error
    cues: dict[str, str] = {}
    for label, words in lists.items():
        for word in words:
            cue = _plain(word)
            if not cue or not _TOKEN.fullmatch(word):
                raise UserError(
                    f"--cues {file}: {word!r} of {label} can be found in no text; "
                    "give one word, without digits, or one emoji"
                )
            if cues.setdefault(cue, label) != label:
                raise UserError(f"--cues {file}: {word} is a cue of {cues[cue]} and of {label}; choose one")
    return cues


def check_choices(labels: Sequence[str], share: float, most: int | None) -> None:
    """Checks what `cue_labelled` is told.

    Raises:
        UserError: naming the option.
    """
    if len(labels) < 2:
        raise UserError(f"--labels {labels[0]}: just one label; name all labels of the model")
    if twice := [label for label in labels if labels.count(label) > 1]:
        raise UserError(f"--labels {twice[0]}: given twice; name each label once")
    even = 1 / len(labels)
    if not even < share <= 1:
        raise UserError(
            f"--share {share:g}: give a number above {even:.2g}, an even part of {len(labels)} labels, up to 1"
        )
    if most is not None and most < 1:
        raise UserError(f"--most {most}: give 1 or more, or leave it out to take all texts")


def cue_labelled(
    rows: Sequence[Row], cues: Cues, labels: Sequence[str], *, share: float, most: int | None, seed: int
) -> Iterator[CuedText]:
    """Yields each text that holds cues of just one label twice: as it is, and with its cues taken out.

    Without the second the model would learn the cues alone, which it needs least.

    Args:
        rows: Texts; duplicates count once.
        cues: What tells the label.
        labels: All labels of the model, whether they have cues or not.
        share: What the label gets, 0…1; the other labels get even parts of the rest.
        most: So many texts of each label at most, taken at random; None for all.
        seed: Of the choice.
    """
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for text in dict.fromkeys(row.text for row in rows):
        tokens = [(token, _label_of(token.group(), cues)) for token in _TOKEN.finditer(text)]
        told = {label for _, label in tokens if label}
        if len(told) == 1:
            found[told.pop()].append((text, _without(text, [token.span() for token, label in tokens if label])))
    rest = (1 - share) / (len(labels) - 1)
    chance = random.Random(seed)  # noqa: S311 - no secret
    for label in sorted(found):
        texts = found[label] if most is None or len(found[label]) <= most else chance.sample(found[label], most)
        scores = {name: share if name == label else rest for name in labels}
        for text, bare in texts:
            yield CuedText(text, scores)
            if bare:
                yield CuedText(bare, scores)


def _plain(word: str) -> str:
    return _VARIANT.sub("", word.lstrip("#").lower())


def _label_of(token: str, cues: Cues) -> str | None:
    """Returns the label of a token; one of joined emoji that is no cue itself means what its first emoji does."""
    plain = _plain(token)
    return cues.get(plain) or cues.get(plain.partition(_JOINER)[0])


def _without(text: str, spans: Sequence[tuple[int, int]]) -> str:
    for start, end in reversed(spans):
        text = text[:start] + text[end:]
    return " ".join(text.split())

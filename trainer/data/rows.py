"""A row of labelled text: what it holds, and what no row may hold."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from trainer.errors import UserError

_HALF_PAIR = re.compile("[\ud800-\udfff]")
_WHOLE_FLOAT = re.compile(r"(-?\d+)\.0+")


class Columns(NamedTuple):
    """The names of the columns that are read; others are ignored."""

    text: str
    label: str | None
    """None where no label is needed: it is not read then."""
    scores: str | None = None
    """Where a row may have an object of scores instead of a label; None: each row has one label."""
    label_separator: str | None = None
    """What parts the labels of a row that may have several; None: only a list holds several."""

    @property
    def required(self) -> tuple[str, ...]:
        """The columns that a file with a header must have."""
        return (self.text,) if self.label is None else (self.text, self.label)


class Row(NamedTuple):
    """One text with its label, or with a distribution over the labels."""

    place: str
    """Where it was read, for messages: `train.csv, line 12`."""
    text: str
    label: str
    """Name or id, as text; that of the highest score where there are scores, empty where no label was read."""
    scores: Mapping[str, float] | None = None
    """Share of each label, summing to 1; a label that is missing has none."""
    augment: bool = True
    """Whether augmentation may change the text."""


def row_of(place: str, record: Mapping[str, Any], columns: Columns) -> Row:
    """Returns the row of a record; an object of scores goes before a label, and several labels share a row alike.

    Raises:
        UserError: if a column is missing, the text is no text or blank, the label is neither name nor id, or the scores
            are no distribution.
    """
    check_columns(place, record, (columns.text,))
    text = record[columns.text]
    if not isinstance(text, str) or not text.strip():
        raise UserError(f"{place}: the text is {_shown(text)}; give a text or remove the row")
    if _HALF_PAIR.search(text):
        raise UserError(f"{place}: the text holds half of a surrogate pair; write whole characters or remove the row")
    scores = record.get(columns.scores) if columns.scores else None
    if isinstance(scores, Mapping):
        shares = normalised(place, scores)
        return Row(place, text, max(shares, key=shares.__getitem__), shares)
    if columns.label is None:
        return Row(place, text, "")
    check_columns(place, record, (columns.label,))
    labels = _labels(place, record[columns.label], columns)
    return Row(place, text, labels[0], dict.fromkeys(labels, 1 / len(labels)) if len(labels) > 1 else None)


def _labels(place: str, value: Any, columns: Columns) -> list[str]:
    """Returns the labels of a row, each once; several only where a row may have a distribution."""
    several = value.split(columns.label_separator) if isinstance(value, str) and columns.label_separator else value
    if isinstance(several, list) and several and columns.scores:
        return list(dict.fromkeys(_label(place, each) for each in several))
    return [_label(place, value)]


def _label(place: str, label: Any) -> str:
    if isinstance(label, float):  # where one id is missing, pandas writes the others as floats, and NaN for that one
        label = int(label) if label.is_integer() else None if math.isnan(label) else label
    if isinstance(label, str) and (whole := _WHOLE_FLOAT.fullmatch(label.strip())):  # the same, in a CSV file
        label = whole[1]
    if (
        isinstance(label, bool)
        or not isinstance(label, str | int)
        or not str(label).strip()
        or _HALF_PAIR.search(str(label))
    ):
        raise UserError(f"{place}: the label is {_shown(label)}; give a label's name or id")
    return str(label).strip()


def normalised(place: str, scores: Mapping[str, Any]) -> dict[str, float]:
    """Returns the scores scaled to a sum of 1; one that is null, as Parquet fills in, counts as missing.

    Raises:
        UserError: if one is no number of 0 or more, or if none is above 0.
    """
    given = {name: score for name, score in scores.items() if score is not None}
    for name, score in given.items():
        if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score < math.inf:
            raise UserError(f"{place}: the score of {name!r} is {_shown(score)}; give a number of 0 or more")
    total = sum(given.values())
    if not total:
        raise UserError(f"{place}: no score above 0; give each label its share, or leave it out")
    return {name: score / total for name, score in given.items()}


def check_columns(place: str, found: Iterable[str], needed: Iterable[str]) -> None:
    """Checks that the needed columns are among those found.

    Raises:
        UserError: if not.
    """
    found = list(found)
    for name in needed:
        if name not in found:
            raise UserError(
                f"{place}: no column {name!r} among {', '.join(map(repr, found))}; "
                "name yours with --text-column and --label-column"
            )


def _shown(value: Any) -> str:
    return "missing" if value is None else f"{value!r:.40}"

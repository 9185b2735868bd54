"""A row of labelled text: what it holds, and what no row may hold."""

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from trainer.errors import UserError

_HALF_PAIR = re.compile("[\ud800-\udfff]")
_FLAGS = {"0": False, "0.0": False, "false": False, "1": True, "1.0": True, "true": True}
_WHOLE_FLOAT = re.compile(r"(-?\d+)\.0+")


class Columns(NamedTuple):
    """The names of the columns that are read; others are ignored."""

    text: str
    label: str | None
    """None where no label is needed: it is not read then."""
    scores: str | None = None
    """Where a row may have an object of scores instead of a label; None: each row has one label."""
    label_separator: str | None = None
    """What parts the labels of a cell that holds several; None: only a list holds several."""
    label_columns: tuple[str, ...] | None = None
    """Columns of 0 and 1, one a label, which take the place of the column of labels."""
    several: bool = False
    """Whether a row has any number of labels, each for itself; else it has one, or scores that are shares."""

    @property
    def required(self) -> tuple[str, ...]:
        """The columns that a file with a header must have."""
        label = () if self.label is None else (self.label,)
        return (self.text, *(self.label_columns or label))

    @property
    def used(self) -> tuple[str, ...]:
        """The columns that are read where they are there."""
        return self.required if self.scores is None else (*self.required, self.scores)


class Row(NamedTuple):
    """One text with its label, or with a score of each label."""

    place: str
    """Where it was read, for messages: `train.csv, line 12`."""
    text: str
    label: str
    """Name or id, as text; that of the highest score where there are scores, empty where there is none."""
    scores: Mapping[str, float] | None = None
    """Share of each label, summing to 1; of a row of several labels the score of each for itself: 1 for one that was
    named. A label that is missing has 0."""
    augment: bool = True
    """Whether augmentation may change the text."""
    has_spaces: bool = False
    """Whether spaces around its label, or around one of those of its list, are left out."""

    @property
    def by_label(self) -> Mapping[str, float]:
        """The score of each label; 1 for the one label of a row without scores."""
        return {self.label: 1.0} if self.scores is None else self.scores


class SeveralLabelsError(UserError):
    """A list of labels where each text has one."""


class NoLabelError(UserError):
    """A text without a label where each text has one."""


class NoFlagError(UserError):
    """A cell of a column of 0 and 1 is neither."""

    def __init__(self, message: str, columns: Sequence[str]) -> None:
        """Takes the message and the names of all such columns of the row."""
        super().__init__(message)
        self.columns = columns


class MissingColumnError(UserError):
    """A column that is needed is not there."""

    def __init__(self, message: str, found: Sequence[str]) -> None:
        """Takes the message and the names of the columns that are there."""
        super().__init__(message)
        self.found = found


def row_of(place: str, record: Mapping[str, Any], columns: Columns) -> Row:
    """Returns the row of a record; an object of scores goes before a label.

    Raises:
        MissingColumnError: if a column is missing.
        SeveralLabelsError: if there is a list of labels, and `columns` say that a row has one.
        NoLabelError: if there is no label, and `columns` say the same.
        NoFlagError: if a cell of a column of 0 and 1 is neither.
        UserError: if the text is no text or blank, a label is neither name nor id, or the scores are no numbers of 0 or
            more, or no distribution where they must be one.
    """
    scores = record.get(columns.scores) if columns.scores else None
    check_columns(place, record, (columns.text,) if isinstance(scores, Mapping) else columns.required)
    text = record[columns.text]
    if not isinstance(text, str) or not text.strip():
        raise UserError(f"{place}: the text is {_shown(text)}; give a text or remove the row")
    if _HALF_PAIR.search(text):
        raise UserError(f"{place}: the text holds half of a surrogate pair; write whole characters or remove the row")
    if isinstance(scores, Mapping):
        by_label = checked_scores(place, scores) if columns.several else normalised(place, scores)
        return Row(place, text, max(by_label, key=by_label.__getitem__, default=""), by_label)
    if not columns.label and not columns.label_columns:
        return Row(place, text, "")
    if columns.label_columns:
        labels = _flagged(place, record, columns.label_columns)
    elif columns.several:
        labels = _labels(place, record[columns.label or ""], columns.label_separator)
    elif isinstance(value := record[columns.label or ""], list):
        raise SeveralLabelsError(f"{place}: the label is {_shown(value)}; each text has one here: give its name or id")
    else:
        return Row(place, text, _label(place, value), has_spaces=_has_spaces(value))
    has_spaces = columns.several and columns.label_columns is None and _has_spaces(record[columns.label or ""])
    return Row(place, text, labels[0] if labels else "", dict.fromkeys(labels, 1.0), has_spaces=has_spaces)


def _has_spaces(value: Any) -> bool:
    each = value if isinstance(value, list) else [value]
    return any(isinstance(label, str) and label.strip() != label for label in each)


def _labels(place: str, value: Any, separator: str | None) -> list[str]:
    """Returns the labels of a list, or of a cell that parts them or holds one; an empty or missing one has none."""
    if value is None or value != value:  # NaN is how pandas writes an empty cell
        return []
    if isinstance(value, str):
        value = parts_of(value, separator) if separator else [value] if value.strip() else []
    each = value if isinstance(value, list) else [value]
    found = [_label(place, label) for label in each]
    if len(set(found)) < len(found) and {*found} <= {"0", "1"}:
        raise UserError(
            f"{place}: the labels are {_shown(value)}, a 0 or 1 for each label as it seems; write the names or ids of "
            "those that are 1, or a column for each and --label-columns"
        )
    return list(dict.fromkeys(found))


def parts_of(cell: str, separator: str) -> list[str]:
    """Returns the labels of a cell that parts them, also of a list that was written as text: `[8, 20]`, `['joy']`."""
    inner = cell.strip().removeprefix("[").removesuffix("]")
    parts = inner.split(separator if separator.strip() else None)  # numpy pads numbers with spaces
    return [part.strip(" '\"") for part in parts] if inner.strip() else []


def _flagged(place: str, record: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Returns the names of the columns that hold 1 or true; the others hold 0 or false."""
    flags = {name: _FLAGS.get(str(record[name]).strip().lower()) for name in names}
    if wrong := [name for name, flag in flags.items() if flag is None]:
        raise NoFlagError(f"{place}: the column {wrong[0]!r} is {_shown(record[wrong[0]])}; give 0 or 1", wrong)
    return [name for name, flag in flags.items() if flag]


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
        kind = NoLabelError if label is None else UserError
        raise kind(f"{place}: the label is {_shown(label)}; give a label's name or id")
    return str(label).strip()


def checked_scores(place: str, scores: Mapping[str, Any]) -> dict[str, float]:
    """Returns the scores; one that is null, as Parquet fills in, counts as missing.

    Raises:
        UserError: if one is no number of 0 or more.
    """
    given = {name: score for name, score in scores.items() if score is not None}
    for name, score in given.items():
        if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score < math.inf:
            raise UserError(f"{place}: the score of {name!r} is {_shown(score)}; give a number of 0 or more")
    return given


def normalised(place: str, scores: Mapping[str, Any]) -> dict[str, float]:
    """Returns the scores scaled to a sum of 1.

    Raises:
        UserError: as `checked_scores`, or if none is above 0.
    """
    given = checked_scores(place, scores)
    total = sum(given.values())
    if not total:
        raise UserError(f"{place}: no score above 0; give each label its share, or leave it out")
    return {name: score / total for name, score in given.items()}


def check_columns(place: str, found: Collection[str], needed: Iterable[str]) -> None:
    """Checks that the needed columns are among those found.

    Raises:
        MissingColumnError: if not.
    """
    for name in needed:
        if name not in found:
            raise MissingColumnError(
                f"{place}: no column {name!r} among {', '.join(map(repr, found))}; "
                "name yours with --text-column, --label-column or --label-columns",
                list(found),
            )


def _shown(value: Any) -> str:
    return "missing" if value is None else f"{value!r:.40}"

"""Which label has which id, and what each label has of a row."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data.rows import Row
from trainer.data.splits import Split
from trainer.errors import UserError

# dair-ai/emotion numbers its labels in this order; files that carry just the names get the same ids.
EMOTION_LABELS = ("sadness", "joy", "love", "anger", "fear", "surprise")

SHOWN_LABELS = 20
"""As many are named in a message."""

_ID_DIGITS = 18  # what is longer is a name: Python refuses to read a number of thousands of digits


def label_names(train: Split, given: Sequence[str] | None) -> list[str]:
    """Returns the names of the labels in id order.

    They are those given; else those that the source numbers itself; else the emotions' own order where just they occur;
    else the labels that occur in the training split, sorted, whole numbers by value.

    Raises:
        UserError: if there are fewer than two labels, or if one is given twice. A single one will do where some texts
            have none.
    """
    found = {name for row in train.rows for name in row.by_label}
    if given or train.label_names:
        names = list(given or train.label_names or ())
    elif found == set(EMOTION_LABELS):
        names = list(EMOTION_LABELS)
    elif all(_is_whole(label) for label in found):
        names = sorted(found, key=int)
    else:
        names = sorted(found)
    if len(set(names)) != len(names):
        raise UserError(f"--labels {' '.join(names)}: a name is given twice; name each label once, in id order")
    if len(names) == 1 and not all(row.by_label for row in train.rows):
        return names
    if given and len(names) < 2:
        known = ", ".join(sorted(found)[:SHOWN_LABELS])
        raise UserError(f"--labels {names[0]}: just one label; name all of them, in id order; the data has {known}")
    if not names:
        raise UserError(f"{train.source}: no text has a label; training needs at least two labels")
    if len(names) < 2:
        raise UserError(f"{train.source}: just the label {', '.join(names)}; training needs at least two labels")
    return names


def label_ids(split: Split, names: Sequence[str]) -> list[int]:
    """Returns the id of each row's label; a label that is no name is taken as an id, unless all names are numbers.

    Where the source declares its names, they are looked up among `names`, if need be whatever their case; where it
    shares none with them, but has as many, they go by position.

    Raises:
        UserError: naming the first row whose label is neither.
    """
    ids = ids_by_label(split, names)
    return [_id_of(row.label, row, ids, names) for row in split.rows]


def label_shares(split: Split, names: Sequence[str]) -> list[list[float]]:
    """Returns the share of each label in each row, of shape [rows, labels]; a row without scores is its label's alone.

    Raises:
        UserError: naming the first row with a label that is neither name nor id.
    """
    ids = ids_by_label(split, names)
    shares = []
    for row in split.rows:
        of_row = [0.0] * len(names)
        for label, share in row.by_label.items():
            of_row[_id_of(label, row, ids, names)] += share
        shares.append(of_row)
    return shares


def label_flags(split: Split, names: Sequence[str]) -> list[list[float]]:
    """Returns what each label has of each row for itself, of shape [rows, labels]: 1 where the row has it, else 0.

    Where a row has scores of its own, they are in the place of 1.

    Raises:
        UserError: naming the first row with a label that is neither name nor id, or with a score above 1.
    """
    ids = ids_by_label(split, names)
    flags = []
    for row in split.rows:
        of_row = [0.0] * len(names)
        for label, score in row.by_label.items():
            if score > 1:
                raise UserError(f"{row.place}: the score of {label!r} is {score:g}; give a number from 0 to 1")
            index = _id_of(label, row, ids, names)
            of_row[index] = max(of_row[index], float(score))
        flags.append(of_row)
    return flags


def shares_of_flags(flags: NDArray[Any]) -> NDArray[Any]:
    """Returns what each label has of a text, summing to 1, of shape [texts, labels + 1]; the last: that it has none.

    Args:
        flags: As `label_flags` returns them, of shape [texts, labels].
    """
    total = flags.sum(axis=1, keepdims=True)
    shares: NDArray[Any] = np.hstack([flags, np.maximum(1 - total, 0)]) / np.maximum(total, 1)
    return shares


def ids_by_label(split: Split, names: Sequence[str]) -> dict[str, int]:
    """Returns the id of what a split may have for a label: its name, or the id as text; see `label_ids`."""
    by_name = {name: index for index, name in enumerate(names)}
    if split.label_names:
        folded = {name.casefold(): index for name, index in by_name.items()}
        ids = {name: by_name.get(name, folded.get(name.casefold(), -1)) for name in split.label_names}
        known = {name: index for name, index in ids.items() if index >= 0}
        if not known and len(split.label_names) == len(names):  # they were given other names, in their order
            return {name: index for index, name in enumerate(split.label_names)}
        return known
    if all(map(_is_whole, names)):
        return by_name  # a number that is no name (such as "1" among "0", "2") would get another label as an id
    return {str(index): index for index in range(len(names))} | by_name


def _id_of(label: str, row: Row, ids: Mapping[str, int], names: Sequence[str]) -> int:
    if label not in ids:
        known = ", ".join(names[:SHOWN_LABELS]) + (", …" if len(names) > SHOWN_LABELS else "")
        or_id = f", or an id below {len(names)}" if "0" in ids.keys() - set(names) else ""
        raise UserError(f"{row.place}: unknown label {label!r}; use one of {known}{or_id}")
    return ids[label]


def _is_whole(label: str) -> bool:
    return label.isascii() and label.removeprefix("-").isdigit() and len(label) <= _ID_DIGITS

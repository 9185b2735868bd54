"""Which form the labels of a file have: one a text, or several; and what to say of a form that was not named."""

import shlex
from collections import Counter
from collections.abc import Collection, Sequence

from trainer.data.rows import Columns, MissingColumnError, NoFlagError, NoLabelError, SeveralLabelsError, parts_of
from trainer.data.splits import Split, load_split
from trainer.errors import UserError

_SEPARATORS = ",|;/ "


def columns_of_options(
    text_column: str, label_column: str, label_separator: str | None, label_columns: Sequence[str] | None
) -> Columns:
    """Returns the columns as the options of a command name them.

    Raises:
        UserError: if the options contradict each other.
    """
    flags = tuple(label_columns or ())
    if flags and label_separator:
        raise UserError("--label-columns and --label-separator: two forms of several labels; give one of them")
    if len({*flags, text_column}) <= len(flags):
        raise UserError(f"--label-columns {' '.join(flags)}: name each column of 0 and 1 once, and not the text's")
    if label_separator == "":
        raise UserError("--label-separator: empty; give what stands between two labels, such as ','")
    several = bool(flags or label_separator)
    return Columns(text_column, label_column, None, label_separator, flags or None, several)


def load_own(data: str, split: str, columns: Columns, config: str | None = None) -> Split:
    """Loads a split that itself says whether a text has several labels, where `columns` do not: by a list of labels.

    Args:
        data: As in `load_split`, like split, columns and config.
        split: Name of the split.
        columns: Names of the columns.
        config: Of the data set, if it has several.

    Raises:
        UserError: if there is no such data, or if a row cannot be read; it names columns of 0 and 1 where there are
            such, but no column of labels.
    """
    try:
        return load_split(data, split, columns, config)
    except SeveralLabelsError:
        return load_split(data, split, columns._replace(several=True), config)
    except NoLabelError:  # a text without labels may stand before the first list
        found = load_split(data, split, columns._replace(several=True), config)
        if not any(len(row.by_label) > 1 for row in found.rows):
            raise
        return found
    except MissingColumnError as error:
        if columns.text not in error.found or columns.label_columns:
            raise
        flags = _flag_columns(data, split, columns.text, error.found, config)
        if not flags:
            raise
        raise UserError(
            f"{data}: no column {columns.label!r}, but columns of 0 and 1; give --label-columns {shlex.join(flags)}, "
            "or those of them that are labels"
        ) from error


def check_one_label_each(split: Split, on_purpose: Collection[str] | None) -> None:
    """Checks that no label of texts with one label each is several labels in one cell, as in `joy,love`.

    Args:
        split: The texts.
        on_purpose: The names that were given to all labels, if they were: such a name may look like several, as may one
            that the source declares.

    Raises:
        UserError: naming such a cell, the number of classes that all would make, and the mend.
    """
    labels = Counter(row.label for row in split.rows if row.scores is None)
    known = {*(on_purpose or ()), *(split.label_names or ())}
    for separator in _SEPARATORS:
        if cells := [cell for cell in _cells_of_several(labels, separator) if cell not in known]:
            most = max(cells, key=labels.__getitem__)
            raise UserError(
                f"{split.source}: {len(cells)} of its {len(labels)} classes are several labels in a cell, such as "
                f"{most!r}; give --label-separator '{separator}' to part them, or name such classes with "
                "--labels"
            )


def _cells_of_several(labels: Collection[str], separator: str) -> list[str]:
    """Returns the cells that the separator parts into labels, each of which other cells have too.

    One of those labels must be a cell by itself: names may all be made of parts, as `joy, mild` and `joy, strong`.
    A space is in many names: it parts the labels of a list alone, written as text (`[8 20]`).
    """
    cells = {cell: set(parts_of(cell, separator)) for cell in labels if separator != " " or cell.startswith("[")}
    times = Counter(part for parts in cells.values() for part in parts)
    several = {
        cell: parts for cell, parts in cells.items() if len(parts) > 1 and all(times[part] > 1 for part in parts)
    }
    alone = {part for parts in cells.values() if len(parts) == 1 for part in parts}
    return list(several) if any(parts & alone for parts in several.values()) else []


def _flag_columns(data: str, split: str, text: str, found: Sequence[str], config: str | None) -> list[str]:
    """Returns those of the columns that hold nothing but 0 and 1; a read leaves out all that one row shows not to."""
    left = [name for name in found if name != text]
    while left:
        try:
            load_split(data, split, Columns(text, None, label_columns=tuple(left), several=True), config)
        except NoFlagError as error:
            left = [name for name in left if name not in error.columns]
        except UserError:
            return []
        else:
            return left
    return []

"""Tables that bring types and label names of their own: Parquet, Arrow, folders of `save_to_disk`, hub data sets."""

import ast
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trainer.data.files import DataFile
from trainer.data.rows import Columns, Row, check_columns, row_of
from trainer.data.split_files import names_of_split
from trainer.errors import UserError, first_line

TABLE_SUFFIXES = (".parquet", ".arrow")

# What `datasets.DatasetDict.save_to_disk` and `datasets.Dataset.save_to_disk` leave in a folder.
_SEVERAL_SAVED, _ONE_SAVED = "dataset_dict.json", "state.json"
# How datasets names the configs of a set where none, or an unknown one, was given.
_CONFIGS = re.compile(r"[Aa]vailable(?: configs)?: (\[.*?\])")


def table_of(file: DataFile) -> Any:
    """Returns the `datasets.Dataset` of a Parquet or Arrow file.

    Raises:
        UserError: if it is not there, or broken.
    """
    import datasets
    import pyarrow
    import pyarrow.parquet

    content = pyarrow.BufferReader(file.content())
    try:
        if file.suffix == ".parquet":
            return datasets.Dataset(pyarrow.parquet.read_table(content))
        try:
            return datasets.Dataset(pyarrow.ipc.open_stream(content).read_all())
        except pyarrow.ArrowInvalid:
            return datasets.Dataset(pyarrow.ipc.open_file(content).read_all())
    except Exception as error:  # whatever a broken file makes the code of others raise
        what = file.suffix.removeprefix(".").capitalize()
        raise UserError(f"{file.place}: cannot be read as {what}: {first_line(error)}; write the file again") from error


def is_saved(folder: Path) -> bool:
    """Returns whether a folder was written by `save_to_disk`."""
    return (folder / _SEVERAL_SAVED).is_file() or is_saved_whole(folder)


def is_saved_whole(folder: Path) -> bool:
    """Returns whether a folder was written by `save_to_disk` of one data set without splits."""
    return (folder / _ONE_SAVED).is_file()


def saved_table(folder: Path, split: str) -> Any:
    """Returns a split of a folder that `save_to_disk` wrote, whole if it has no splits.

    Raises:
        UserError: if there is no such split, or if the folder is broken.
    """
    import datasets

    try:
        saved = datasets.load_from_disk(str(folder))
    except Exception as error:  # whatever a broken folder makes the code of others raise
        raise UserError(
            f"{folder}: cannot be read as a folder of save_to_disk: {first_line(error)}; save it again"
        ) from error
    if not isinstance(saved, datasets.DatasetDict):
        return saved
    for name in names_of_split(split):
        if name in saved:
            return saved[name]
    raise UserError(f"{folder}: no split {split!r}; it has {', '.join(saved)}")


def hub_table(name: str, split: str, config: str | None) -> Any:
    """Returns a split of a data set on the hub.

    Raises:
        UserError: if there is no such data set, config or split, or if it cannot be fetched.
    """
    import datasets

    try:
        return datasets.load_dataset(name, config, split=split)
    except Exception as error:  # whatever data on the hub make the code of others raise
        if known := _CONFIGS.search(str(error)):
            configs = ", ".join(ast.literal_eval(known[1]))
            what = f"no config {config!r}" if config else "several configs"
            raise UserError(f"{name}: {what}; choose one with --config: {configs}") from error
        raise UserError(
            f"{name}: no such file, and its split {split!r} cannot be loaded from the hub: {first_line(error)}; "
            "check name, split and network, or give files of your own"
        ) from error


def rows_of_table(table: Any, place: str, columns: Columns) -> tuple[list[Row], Sequence[str] | None]:
    """Reads a `datasets.Dataset`; numbers of a ClassLabel, or in lists of it, get their names.

    Args:
        table: What to read.
        place: Where it is, for messages.
        columns: Names of the columns.

    Returns:
        The rows, and the label names in id order if the table declares them.

    Raises:
        UserError: naming the row that cannot be read.
    """
    has_scores = columns.scores in table.column_names
    check_columns(place, table.column_names, (columns.text,) if has_scores else columns.required)
    names = [name for name in columns.used if name in table.column_names]
    feature = table.features[columns.label] if columns.label in names else None
    declared = getattr(getattr(feature, "feature", feature), "names", None)
    rows = []
    for number, values in enumerate(zip(*(table[name] for name in names), strict=True), start=1):
        record = dict(zip(names, values, strict=True))
        if declared and columns.label:
            record[columns.label] = _named(record[columns.label], declared)
        rows.append(row_of(f"{place}, row {number}", record, columns))
    return rows, declared


def _named(label: Any, names: Sequence[str]) -> Any:
    """Returns the name of a ClassLabel's number, or those of a list of them; what is no such number stays as it is."""
    if isinstance(label, list):
        return [_named(each, names) for each in label]
    return names[label] if isinstance(label, int) and 0 <= label < len(names) else label

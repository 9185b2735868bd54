"""Pairs of files, one of texts and one of their labels, line by line, as TweetEval is published."""

from collections.abc import Sequence

from trainer.data.files import DataFile
from trainer.data.lines import lines_of
from trainer.data.rows import Columns, Row, row_of
from trainer.data.split_files import LABELS, MAPPING, TEXTS
from trainer.errors import UserError


def labels_of_pair(file: DataFile, beside: Sequence[DataFile]) -> DataFile | None:
    """Returns the file of the labels of a file of texts, or None if it is no half of a pair.

    Args:
        file: Perhaps of texts: `train_text.txt`.
        beside: All files of its folder.
    """
    stem, is_texts, _ = file.name.rpartition(TEXTS + ".txt")
    wanted = (*file.parts[:-1], f"{stem}{LABELS}.txt")
    return next((each for each in beside if is_texts and (*each.parts[:-1], each.name) == wanted), None)


def read_pair(
    texts: DataFile, labels: DataFile, beside: Sequence[DataFile], columns: Columns
) -> tuple[list[Row], Sequence[str] | None]:
    """Reads a pair of files.

    Args:
        texts: One text a line.
        labels: One name or number a line.
        beside: All files of the folder; `mapping.txt` among them names the numbers, one a line: `0`, a tab, `anger`.
        columns: What is read; their names are not needed.

    Returns:
        The rows, and the label names in id order where there is a mapping.

    Raises:
        UserError: naming the files if they have not as many lines, or the row that cannot be read.
    """
    text_lines, label_lines = lines_of(texts), lines_of(labels)
    if len(text_lines) != len(label_lines):
        raise UserError(
            f"{texts.place}: {len(text_lines)} lines, but {labels.place} has {len(label_lines)}; "
            "give each text one label, in the same line"
        )
    mapping = next((each for each in beside if (*each.parts[:-1], each.name) == (*texts.parts[:-1], MAPPING)), None)
    names = None if mapping is None else _names(mapping)
    number_of = {str(number): name for number, name in enumerate(names or ())}
    rows = []
    for number, (text, label) in enumerate(zip(text_lines, label_lines, strict=True), start=1):
        record = {columns.text: text, columns.label or "": number_of.get(label.strip(), label)}
        rows.append(row_of(f"{texts.place} and {labels.parts[-1]}, line {number}", record, columns))
    return rows, names


def _names(mapping: DataFile) -> list[str]:
    names = []
    for number, line in enumerate(lines_of(mapping), start=1):
        label_id, _, name = line.partition("\t")
        if label_id.strip() != str(number - 1) or not name.strip():
            raise UserError(
                f"{mapping.place}, line {number}: {line!r:.40} is no number and name; number the labels from 0 on, "
                "a tab between number and name"
            )
        names.append(name.partition("\t")[0].strip())
    return names

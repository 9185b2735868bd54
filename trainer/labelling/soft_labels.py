"""The file of soft labels: each text with its scores by label, one JSON object a line."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from trainer.errors import UserError
from trainer.output import check_writable, new_file

_DIGITS = 7  # as many as float32 has


def check_free(output: Path) -> None:
    """Checks that a file of soft labels can be written, before the work of finding them.

    Raises:
        UserError: if the file exists, or if its parent cannot be written to.
    """
    if output.exists():
        raise UserError(f"--output {output}: exists; choose another file or remove it")
    check_writable(output, output.parent)


def write_soft_labels(output: Path, labelled: Iterable[tuple[str, Mapping[str, float]]]) -> int:
    """Writes each text and its scores by label as a JSON line, aside and then into its place; returns their number.

    Raises:
        UserError: if it cannot be written; then there is no file.
    """
    count = 0
    with new_file(f"--output {output}", output) as file:
        for text, scores in labelled:
            shares = {name: round(score, _DIGITS) for name, score in scores.items()}
            file.write(json.dumps({"text": text, "scores": shares}, ensure_ascii=False) + "\n")
            count += 1
    return count

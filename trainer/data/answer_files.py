"""Files of what people said of reviewed texts: Label Studio's exports, and CSV and JSON Lines that people fill in."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from trainer.data.delimited import delimited_records, delimiter_of
from trainer.data.files import DataFile
from trainer.data.lines import lines_of
from trainer.data.readers import json_records
from trainer.data.rows import Columns
from trainer.errors import UserError

ORIGIN, PROBABILITY, ANSWER = "origin", "probability", "answer"
_NEEDED = Columns(ORIGIN, PROBABILITY)
_TASKS = "annotations"
# Label Studio's CSV has it, and takes texts as they are; in ours an apostrophe keeps a cell from being a formula.
_OF_LABEL_STUDIO = "annotation_id"
_DELIMITED, _JSON = (".csv", ".tsv"), (".json", ".jsonl")


class Answer(NamedTuple):
    """What one person said of one drawn text."""

    place: str
    """Where it was read, for messages."""
    fields: Mapping[str, Any]
    """What the worker wrote of the text, as `emotion-worker reviews export` names it."""
    choices: tuple[str, ...]
    """The labels that were chosen; none where the text was skipped or not answered."""
    annotator: str


def is_answer_file(file: DataFile) -> bool:
    """Returns whether a file holds answers, by the names in its header or in its first object.

    Raises:
        UserError: if it is not there, or no UTF-8.
    """
    if file.suffix in _DELIMITED:
        header = next(iter(lines_of(file)), "")
        return delimiter_of(header, _NEEDED) is not None and ANSWER in header
    if file.suffix not in _JSON:
        return False
    names = _first_object("\n".join(lines_of(file)))
    if _TASKS in names:
        return isinstance(names.get("data"), dict)
    return {ORIGIN, PROBABILITY} <= names.keys() and not {ANSWER, _OF_LABEL_STUDIO}.isdisjoint(names)


def _first_object(content: str) -> Mapping[str, Any]:
    try:
        found = json.JSONDecoder().raw_decode(content, content.index("{"))[0]
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def read_answers(file: DataFile) -> Iterator[Answer]:
    """Yields the answers of a file in its order; a task that nobody answered is one without a choice.

    Raises:
        UserError: naming file, row and mend.
    """
    if file.suffix in _DELIMITED:
        _check_header(file)
        for place, cells in delimited_records(file, _NEEDED):
            yield _of_row(place, cells if _OF_LABEL_STUDIO in cells else _without_apostrophes(cells), file)
    elif file.suffix in _JSON:
        for place, record in json_records(file, "text"):
            if _TASKS in record:
                yield from _of_task(place, record)
            else:
                yield _of_row(place, record, file)
    else:
        known = ", ".join((*_DELIMITED, *_JSON))
        raise UserError(f"{file.place}: no file of answers; give Label Studio's export, or one that ends in {known}")


def _check_header(file: DataFile) -> None:
    header = next(iter(lines_of(file)), "")
    if delimiter_of(header, _NEEDED) is None:
        raise UserError(
            f"{file.place}, line 1: no columns {ORIGIN!r} and {PROBABILITY!r} in the header {header!r:.100}; give the "
            "table of `emotion-worker reviews export` with its column answer filled in, or Label Studio's export"
        )


def _without_apostrophes(cells: Mapping[str, str]) -> dict[str, str]:
    return {name: cell.removeprefix("'") for name, cell in cells.items()}


def _of_row(place: str, record: Mapping[str, Any], file: DataFile) -> Answer:
    """Returns the answer of a row of a table; whoever did not write a name is known by the file."""
    annotator = str(record.get("annotator") or file.place).strip()
    choices = _choices(record.get(ANSWER))
    return Answer(place, record, choices if _OF_LABEL_STUDIO in record else _written(choices), annotator)


def _written(choices: Sequence[str]) -> tuple[str, ...]:
    """Returns the labels of an answer as people write it into a table: several with `|` between, none as `-`."""
    labels = (label.strip() for choice in choices for label in choice.split("|"))
    return tuple(label for label in labels if label not in ("", "-"))


def _of_task(place: str, task: Mapping[str, Any]) -> Iterator[Answer]:
    """Yields the answers of a task of Label Studio."""
    fields: Any = task.get("data")
    annotations: Any = task[_TASKS]
    wrong = UserError(f"{place}: no task of Label Studio; export the project as JSON")
    if not isinstance(fields, dict) or not _are_objects(annotations):
        raise wrong
    for annotation in annotations:
        by = annotation.get("completed_by")
        annotator = str(by.get("email") or by.get("id") if isinstance(by, dict) else by)
        results = [] if annotation.get("was_cancelled") else annotation.get("result") or []
        if not _are_objects(results):
            raise wrong
        chosen = [_choices(each.get("value")) for each in results if each.get("type") == "choices"]
        yield Answer(place, fields, tuple(label for labels in chosen for label in labels), annotator)
    if not annotations:
        yield Answer(place, fields, (), "")


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _choices(value: Any) -> tuple[str, ...]:
    """Returns the labels of an answer: a name, a list, or Label Studio's object of `choices`, also as JSON text."""
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        with contextlib.suppress(ValueError):
            value = json.loads(value)
    if isinstance(value, Mapping):
        value = value.get("choices")
    each = value if isinstance(value, list) else [] if value is None else [value]
    return tuple(name for label in each if (name := str(label).strip()))

"""What the bundled model is trained on: dair-ai/emotion, GoEmotions with its labels mapped to ours, and tweets."""

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from trainer.data.rows import Columns, Row
from trainer.data.sources import load_sources
from trainer.data.splits import SCORES, Split, load_split
from trainer.labelling.soft_labels import write_soft_labels

LABELS = ("sadness", "joy", "love", "anger", "fear", "surprise")
_COLUMNS = {"label_column": "labels", "label_separator": ","}
_LABEL_MAP: Mapping[str, Any] = json.loads((Path(__file__).parent / "goemotions.json").read_text(encoding="utf-8"))


class Data(NamedTuple):
    """Hub data sets, or files and folders as `emotion-trainer train` takes them."""

    emotion: str
    goemotions: str


def domains(data: Data) -> list[dict[str, Any]]:
    """Returns the entries of a file of further validation data; what is none of our labels for sure is left out."""
    clear = {name: ours if isinstance(ours, str) or name == "neutral" else None for name, ours in _LABEL_MAP.items()}
    return [{"name": "Reddit comments (GoEmotions)", "data": data.goemotions, **_COLUMNS, "label_map": clear}]


def write_halves(data: Data, folder: Path, seed: int, rows: int | None) -> dict[str, str]:
    """Writes the training texts as `a.jsonl` and `b.jsonl`, half of them each, drawn by the seed.

    Args:
        data: Where the texts are.
        folder: Where the two files go, and the list of the data sets.
        seed: Of the drawing.
        rows: So many of each data set at most; None for all.

    Returns:
        The digest of each data set, by name.

    Raises:
        UserError: if the data cannot be read.
    """
    listed = folder / "sources.json"
    entries = [{"data": data.emotion}, {"data": data.goemotions, **_COLUMNS, "label_map": _LABEL_MAP}]
    listed.write_text(json.dumps(entries, indent=1), encoding="utf-8")
    splits = load_sources(str(listed), seed)
    chance = random.Random(seed)  # noqa: S311 - no secret
    texts = [row for split in splits for row in _drawn(split, chance, rows)]
    chance.shuffle(texts)
    for name, half in (("a", texts[::2]), ("b", texts[1::2])):
        write_soft_labels(folder / f"{name}.jsonl", ((row.text, row.scores or {row.label: 1.0}) for row in half))
    return {split.source: split.digest for split in splits}


def write_mixed(person: Path, teacher: Path, output: Path) -> None:
    """Writes the same texts with the mean of what people and a teacher say of each.

    Raises:
        UserError: if a file cannot be read or written.
    """
    columns = Columns("text", None, SCORES)
    pairs = zip(*(load_split(str(file), "train", columns).rows for file in (person, teacher)), strict=True)
    write_soft_labels(
        output,
        (
            (said.text, {name: ((said.scores or {}).get(name, 0) + score) / 2 for name, score in scores.items()})
            for said, taught in pairs
            if (scores := taught.scores)
        ),
    )


def _drawn(split: Split, chance: random.Random, rows: int | None) -> list[Row]:
    return split.rows if rows is None or len(split.rows) <= rows else chance.sample(split.rows, rows)

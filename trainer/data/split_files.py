"""Which files hold a split: by the names that people, the hub and TweetEval give them."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from trainer.data.files import DataFile
from trainer.errors import UserError

# The names of one split, as the hub knows them; a name goes before its neighbours.
_SYNONYMS = (
    ("train", "training"),
    ("validation", "valid", "val", "dev"),
    ("test", "testing", "eval", "evaluation"),
)
# train-00000-of-00003, with a digest behind it in older sets; train_1, train-1.
_SHARD = re.compile(r"(?P<split>.+?)[-_.](?P<number>\d+)(?:[-_]of[-_](?P<of>\d+)(?:-[0-9a-f]{8,})?)?")
# Where a folder of the hub keeps its files.
_HUB_FOLDER = "data"
_SHOWN_FILES = 8
TEXTS, LABELS, MAPPING = "_text", "_labels", "mapping.txt"
"""How the names of a pair of files end: lines of texts, and lines of their labels; what names the labels' numbers."""


class _Named(NamedTuple):
    """What the path of a file says about it."""

    folder: tuple[str, ...]
    """Above the split's own folder, if it has one."""
    split: str
    number: int | None
    """Of a shard; None for a file that holds a whole split."""
    of: int | None
    """How many shards there are, where the name says so."""
    file: DataFile


def names_of_split(split: str) -> tuple[str, ...]:
    """Returns the names that a split may have, its own first."""
    others = next((names for names in _SYNONYMS if split in names), ())
    return (split, *(name for name in others if name != split))


def files_of_split(path: Path, files: Sequence[DataFile], split: str, config: str | None) -> list[DataFile]:
    """Returns the files of a split in their order: one, its shards, or the texts of a pair.

    They are in the folder itself or in its `data/`; each may also lie in a folder named as the split.

    Args:
        path: Folder or archive, for messages.
        files: All data files in it.
        split: Name of the split; `val`, `valid` and `dev` are `validation` too.
        config: Name of the folder in it that holds the data; None for the folder itself.

    Raises:
        UserError: if there is no such file, or more than one, or not all of its shards.
    """
    names = names_of_split(split)
    named = [_named(file, names) for file in files]
    top = (config,) if config else ()
    for folder in (top, (*top, _HUB_FOLDER), (_HUB_FOLDER, *top)):
        for name in names:
            there = [each for each in named if each.folder == folder and each.split.lower() == name.lower()]
            if own := [each for each in there if each.split == name] or there:  # as Train.CSV where there is no other
                return _in_order(path, split, own)
    raise UserError(_missing(path, named, split, names, config))


def _named(file: DataFile, names: Sequence[str]) -> _Named:
    *folder, _ = file.parts
    stem = PurePosixPath(file.name).stem
    if file.suffix == ".txt" and stem.endswith(TEXTS):
        return _Named(tuple(folder), stem.removesuffix(TEXTS), None, None, file)
    if folder and folder[-1] in names:
        own = folder.pop()
        shard = _SHARD.fullmatch(f"{own}-{stem}" if stem.isdecimal() else stem)
        stem = shard[0] if shard and shard["split"] in names else own
    shard = _SHARD.fullmatch(stem)
    if shard is None:
        return _Named(tuple(folder), stem, None, None, file)
    return _Named(tuple(folder), shard["split"], int(shard["number"]), int(shard["of"] or 0) or None, file)


def _in_order(path: Path, split: str, own: Sequence[_Named]) -> list[DataFile]:
    shards = {each.number: each for each in own if each.number is not None}
    is_sharded = len(shards) == len(own) and len({(each.of, each.file.suffix) for each in own}) == 1
    if len(own) > 1 and not is_sharded:
        found = ", ".join(each.file.parts[-1] for each in own)
        raise UserError(f"{path}: needs one file for the split {split!r}, such as {split}.csv; found {found}")
    first = int(own[0].of in shards)  # the hub counts from 0, others from 1
    if own[0].of and (missing := sorted(set(range(first, first + own[0].of)) - shards.keys())):
        raise UserError(
            f"{path}: the split {split!r} has {own[0].of} parts, but number {missing[0]} is missing; "
            "download it, or give the parts that are there as files of their own"
        )
    return [each.file for each in sorted(own, key=lambda each: each.number or 0)]


def _missing(path: Path, named: Sequence[_Named], split: str, names: Sequence[str], config: str | None) -> str:
    inner = sorted({each.folder[0] for each in named if each.folder and each.split in names})
    if config:
        known = f"it has {', '.join(inner)}" if inner else "it has none"
        return f"{path}: no config {config!r} with the split {split!r}; {known}"
    if inner:
        return f"{path}: the split {split!r} is in the folders {', '.join(inner)}; choose one with --config"
    there = ["/".join(each.file.parts) for each in named]
    among = f" among {', '.join(there[:_SHOWN_FILES])}{', …' if len(there) > _SHOWN_FILES else ''}" if there else ""
    return f"{path}: needs one file for the split {split!r}, such as {split}.csv; found none{among}"

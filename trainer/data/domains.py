"""Further validation data by domain: texts with a right label, and texts without a feeling."""

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from trainer.data.labels import label_shares
from trainer.data.sources import LabelledData, mapped_split, read_entries
from trainer.errors import UserError

HOME = "validation"
"""Name of the validation split itself among the domains."""


class DomainData(LabelledData):
    """One entry of the file that `train --validation_datasets` and `evaluate --datasets` name."""

    name: str = Field(min_length=1, description="Name of the domain in reports.")
    split: str = Field(default="validation", description="Split of the folder or hub data set.")


@dataclass(frozen=True)
class Domain:
    """Texts of one kind, measured beside the validation split."""

    name: str
    source: str
    """Where they came from, as in `Split.source`."""
    texts: list[str]
    """Those with one right label."""
    ids: list[int]
    """The right label of each."""
    without_feeling: list[str]
    """Those in which all labels have the same share: none of them is right."""
    left_out: int
    """How many texts have several labels alike, but not all: which one is right cannot be said."""
    digest: str
    """Of the rows, as in `Split.digest`."""


def load_domains(option: str, file: str | None, names: list[str]) -> list[Domain]:
    """Loads the validation data that a JSON file lists.

    Args:
        option: What names the file, for messages.
        file: A list of `DomainData` objects; None for no further data.
        names: Label names in id order.

    Raises:
        UserError: naming file, entry and field, or the row, that cannot be used.
    """
    entries = [] if file is None else read_entries(option, file, DomainData)
    taken = {HOME}
    for entry in entries:
        if entry.name in taken:
            raise UserError(f"{option} {file}: the name {entry.name!r} is taken; give each domain one of its own")
        taken.add(entry.name)
    return [_load(entry, names) for entry in entries]


def _load(entry: DomainData, names: list[str]) -> Domain:
    split = mapped_split(entry)
    shares = np.array(label_shares(split, names))
    highest = np.isclose(shares, shares.max(axis=1, keepdims=True)).sum(axis=1)
    labelled, without = highest == 1, highest == len(names)
    if not (labelled | without).any():
        raise UserError(f"{entry.data}: each text has several labels alike, so that none is right; give texts of one")
    texts = np.array(split.texts, dtype=object)
    return Domain(
        name=entry.name,
        source=split.source,
        texts=texts[labelled].tolist(),
        ids=shares[labelled].argmax(axis=1).tolist(),
        without_feeling=texts[without].tolist(),
        left_out=int((~labelled & ~without).sum()),
        digest=split.digest,
    )

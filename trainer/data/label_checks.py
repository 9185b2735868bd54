"""What looks wrong with the labels of a data set: one label in several spellings, and labels that hardly occur."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from trainer.data.labels import ids_by_label
from trainer.data.splits import Split
from trainer.errors import UserError

RARE_TEXTS = 5
"""A label with fewer training texts is rare: no model learns it."""

_SHOWN_LABELS = 5
_OF_MISSING = {"#n/a", "<na>", "n/a", "na", "nan", "null"}  # as tables write a missing cell; `none` may be a label


def label_counts(splits: Sequence[Split]) -> Counter[str]:
    """Returns how many texts have each label, alone or with others; a score of 0 is no label."""
    scores = (item for split in splits for row in split.rows for item in row.by_label.items())
    return Counter(label for label, score in scores if score > 0)


def texts_by_label(splits: Sequence[Split], names: Sequence[str]) -> dict[str, int]:
    """Returns how many texts have each of the labels, which a source may name or number; others are not counted."""
    texts = dict.fromkeys(names, 0)
    for split in splits:
        ids = ids_by_label(split, names)
        for label, count in label_counts([split]).items():
            if label in ids:
                texts[names[ids[label]]] += count
    return texts


def spellings(counts: Mapping[str, int]) -> list[dict[str, int]]:
    """Returns the labels that differ in case or spaces alone, each with its texts, in groups, the frequent first."""
    groups: dict[str, dict[str, int]] = defaultdict(dict)
    for label, count in sorted(counts.items(), key=lambda item: -item[1]):
        groups[" ".join(label.casefold().split())][label] = count
    return [group for group in groups.values() if len(group) > 1]


def told_spellings(groups: Sequence[Mapping[str, int]]) -> str:
    """Returns one line about labels in several spellings, and the mend."""
    told = "; ".join(", ".join(f"{label!r} {count:,}" for label, count in group.items()) for group in groups)
    common, other = list(groups[0])[:2]
    return (
        f"labels in several spellings, with their texts: {told}. Each is a label of its own; write them alike, refuse "
        f'others than yours by --labels, or map them in a file of --datasets: "label_map": {{"{other}": "{common}"}}'
    )


def told_spaces(splits: Sequence[Split]) -> str | None:
    """Returns one line about labels with spaces around them, which count as those without; None if there is none."""
    found = {split.source: [row for row in split.rows if row.has_spaces] for split in splits}
    told = [f"{len(rows):,} of {source}, first in {rows[0].place}" for source, rows in found.items() if rows]
    return f"spaces around labels are left out: {'; '.join(told)}" if told else None


def told_findings(splits: Sequence[Split]) -> list[str]:
    """Returns a line for each thing about the labels of a data set that its user had better know."""
    counts = label_counts(splits)
    groups = spellings(counts)
    return [line for line in (told_spaces(splits), groups and told_spellings(groups), told_missing(counts)) if line]


def told_missing(counts: Mapping[str, int]) -> str | None:
    """Returns one line about labels that are named as a missing cell is; None if there is none."""
    found = [f"{label!r} {count:,}" for label, count in counts.items() if label.casefold() in _OF_MISSING]
    return (
        f"labels that look like missing ones, with their texts: {', '.join(found)}. They are taken as names; remove "
        "these rows, or refuse them by naming yours with --labels"
        if found
        else None
    )


def check_not_rare(source: str, counts: Mapping[str, int]) -> None:
    """Checks that most labels have texts to learn them from.

    Args:
        source: Of the texts, for the message.
        counts: How many training texts each label has.

    Raises:
        UserError: if more than half of them are rare, which nearly always means that the column holds something else.
    """
    rare = [f"{name!r:.40} ({count})" for name, count in counts.items() if count < RARE_TEXTS]
    if len(rare) > len(counts) / 2:
        shown = ", ".join(rare[:_SHOWN_LABELS]) + (", …" if len(rare) > _SHOWN_LABELS else "")
        raise UserError(
            f"{source}: {len(rare)} of its {len(counts)} labels have fewer than {RARE_TEXTS} training texts: {shown}; "
            "name the column of the labels by --label-column, or the labels that you mean by --labels; --yes trains "
            "them all"
        )

"""The data told honestly: what is in each split, and what no training can learn from it."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import mean, quantiles
from typing import Any

from trainer.data.rows import Row
from trainer.data.splits import Split
from trainer.report.markdown import cell

Labels = tuple[str, ...]
"""Of one text, sorted: one, or where each stands for itself any number."""

_NONE = "(none)"
_HAS_LABEL = 0.5  # from this score on
_FOUND = {"count", "examples"}
_EXAMPLES = 3
_SHOWN_CHARACTERS = 120
_DEBRIS = re.compile(r"\b(?:https?|href|www)\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
# A cue word occurs this often, nearly always with one of two labels, and with neither much more than the other.
_CUE_TEXTS, _CUE_TWO_LABELS, _CUE_SECOND_LABEL = 20, 0.9, 0.35


def data_report(splits: Mapping[str, Split]) -> dict[str, Any]:
    """Returns counts and a few examples, as JSON has it.

    Args:
        splits: By name, in the order in which leakage is looked for: from the first into the others.
    """
    rows = {name: [(row.text, _labels(row, split.several)) for row in split.rows] for name, split in splits.items()}
    return {
        "splits": {name: _split_report(split, rows[name]) for name, split in splits.items()},
        "between": {f"{a} and {b}": _between(rows[a], rows[b]) for a, b in combinations(rows, 2)},
        "cue_words": _cue_words([(text, *own) for of in rows.values() for text, own in of if len(own) == 1]),
    }


def _labels(row: Row, several: bool) -> Labels:
    """Returns the label of a row, or where each stands for itself all that it has."""
    if not several:
        return (row.label,)
    return tuple(sorted(label for label, score in row.by_label.items() if score >= _HAS_LABEL))


def _split_report(split: Split, rows: Sequence[tuple[str, Labels]]) -> dict[str, Any]:
    words = [len(text.split()) for text, _ in rows]
    labels = _labels_of_texts(rows)
    debris = [text for text, _ in rows if _DEBRIS.search(text)]
    repeated = Counter(rows).items()
    return {
        "source": split.source,
        "rows": len(rows),
        "labels": dict(Counter(label for _, own in rows for label in own or (_NONE,)).most_common()),
        **({"several_labels": sum(len(own) > 1 for _, own in rows)} if split.several else {}),
        "words": {
            "mean": round(mean(words), 1),
            "median": round(quantiles(words, n=2)[0]) if len(words) > 1 else words[0],
            "max": max(words),
        },
        "duplicates": _found([text for (text, _), count in repeated if count > 1])
        | {"count": sum(count - 1 for _, count in repeated)},
        "contradictions": _found([_contradiction(text, own) for text, own in labels.items() if len(own) > 1]),
        "debris": _found(debris),
    }


def _between(first: Sequence[tuple[str, Labels]], second: Sequence[tuple[str, Labels]]) -> dict[str, Any]:
    """Returns what two splits share: texts with the same label leak, those with another one contradict."""
    known, others = _labels_of_texts(first), _labels_of_texts(second)
    shared = [text for text in others if text in known]
    return {
        "leaks": _found([text for text in shared if known[text] & others[text]]),
        "contradictions": _found(
            [_contradiction(text, known[text] | others[text]) for text in shared if not known[text] & others[text]]
        ),
    }


def _labels_of_texts(rows: Sequence[tuple[str, Labels]]) -> dict[str, set[Labels]]:
    labels: dict[str, set[Labels]] = defaultdict(set)
    for text, own in rows:
        labels[text].add(own)
    return labels


def _contradiction(text: str, labels: set[Labels]) -> str:
    return f"{' / '.join(', '.join(own) or _NONE for own in sorted(labels))}: {text}"


def _found(texts: Sequence[str]) -> dict[str, Any]:
    return {"count": len(texts), "examples": [text[:_SHOWN_CHARACTERS] for text in texts[:_EXAMPLES]]}


def _cue_words(rows: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Returns the words whose label is a coin flip between two, and the share of rows that hold one.

    Args:
        rows: Texts of one label, with it.
    """
    labels: dict[str, Counter[str]] = defaultdict(Counter)
    for text, label in rows:
        for word in set(_WORD.findall(text.lower())):
            labels[word][label] += 1
    words = {word: dict(counts.most_common(2)) for word, counts in labels.items() if _is_coin_flip(counts)}
    held = sum(not words.keys().isdisjoint(_WORD.findall(text.lower())) for text, _ in rows)
    ordered = dict(sorted(words.items(), key=lambda item: -sum(item[1].values())))
    return {"rows_with_one": held, "share_of_rows": held / max(len(rows), 1), "words": ordered}


def _is_coin_flip(labels: Counter[str]) -> bool:
    texts = labels.total()
    two = labels.most_common(2)
    return (
        texts >= _CUE_TEXTS
        and len(two) == 2
        and two[0][1] + two[1][1] >= _CUE_TWO_LABELS * texts
        and two[1][1] >= _CUE_SECOND_LABEL * texts
    )


def without_texts(report: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the report without its examples, for an artifact: whoever gets that need not be who has the data."""
    parts = {name: without_texts(part) if isinstance(part, Mapping) else part for name, part in report.items()}
    return {"count": parts["count"]} if parts.keys() == _FOUND else parts


def as_markdown(report: Mapping[str, Any]) -> str:
    """Returns the report for people."""
    lines = ["# Data report"]
    for name, split in report["splits"].items():
        words = split["words"]
        lines += [
            *("", f"## {name}: {split['source']}", ""),
            f"{split['rows']:,} texts of {words['mean']} words (median {words['median']}, longest {words['max']}).",
            *("", "| label | texts | share |", "| --- | --- | --- |"),
            *(
                f"| {cell(label)} | {count:,} | {count / split['rows']:.1%} |"
                for label, count in split["labels"].items()
            ),
            *(["", f"{split['several_labels']:,} texts have several labels."] if "several_labels" in split else []),
            *_items("exact duplicates, text and label alike", split["duplicates"]),
            *_items("texts that occur with several labels", split["contradictions"]),
            *_items("texts with debris of links (http, href, www)", split["debris"]),
        ]
    for name, shared in report["between"].items():
        lines += [
            *("", f"## Between {name}"),
            *_items("texts in both with the same label: leakage", shared["leaks"]),
            *_items("texts in both with different labels", shared["contradictions"]),
        ]
    cues = report["cue_words"]
    lines += ["", "## Words whose label is a coin flip", ""]
    lines += [f"{cues['rows_with_one']:,} texts ({cues['share_of_rows']:.1%}) hold one of {len(cues['words'])} words."]
    if cues["words"]:
        lines += ["", "| word | labels |", "| --- | --- |"]
        lines += [f"| {word} | {_counts(counts)} |" for word, counts in cues["words"].items()]
    return "\n".join(lines)


def _counts(labels: Mapping[str, int]) -> str:
    return ", ".join(f"{cell(label)}: {count}" for label, count in labels.items())


def _items(what: str, found: Mapping[str, Any]) -> list[str]:
    examples = [f"  - `{text.replace('`', chr(39))}`" for text in found.get("examples", ())]
    return ["", f"- {found['count']:,} {what}", *examples]

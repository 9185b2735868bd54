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

_EXAMPLES = 3
_HAS_LABEL = 0.5  # from this score on, where a label has a score for itself
_TOGETHER, _NONE = " + ", "(no label)"
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
    rows = {
        name: [(row.text, _TOGETHER.join(_labels(row, split.several)) or _NONE) for row in split.rows]
        for name, split in splits.items()
    }
    return {
        "splits": {name: _split_report(splits[name], own) for name, own in rows.items()},
        "between": {f"{a} and {b}": _between(rows[a], rows[b]) for a, b in combinations(rows, 2)},
        "cue_words": _cue_words([row for own in rows.values() for row in own]),
    }


def _labels(row: Row, several: bool) -> list[str]:
    """Returns the labels of a text in the order of their names: the one it has, or all that it has."""
    if not several:
        return [row.label]
    return sorted(label for label, score in row.by_label.items() if score >= _HAS_LABEL)


def _split_report(split: Split, rows: Sequence[tuple[str, str]]) -> dict[str, Any]:
    each = [_labels(row, split.several) for row in split.rows]
    numbers = {"labels_per_text": dict(sorted(Counter(map(len, each)).items()))} if split.several else {}
    words = [len(text.split()) for text, _ in rows]
    by_text = _labels_of_texts(rows)
    debris = [text for text, _ in rows if _DEBRIS.search(text)]
    repeated = Counter(rows).items()
    return {
        "source": split.source,
        "rows": len(rows),
        "labels": dict(Counter(label for labels in each for label in labels).most_common()),
        **numbers,
        "words": {
            "mean": round(mean(words), 1),
            "median": round(quantiles(words, n=2)[0]) if len(words) > 1 else words[0],
            "max": max(words),
        },
        "duplicates": _found([text for (text, _), count in repeated if count > 1])
        | {"count": sum(count - 1 for _, count in repeated)},
        "contradictions": _found([_contradiction(text, own) for text, own in by_text.items() if len(own) > 1]),
        "debris": _found(debris),
    }


def _between(first: Sequence[tuple[str, str]], second: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Returns what two splits share: texts with the same label leak, those with another one contradict."""
    known, others = _labels_of_texts(first), _labels_of_texts(second)
    shared = [text for text in others if text in known]
    return {
        "leaks": _found([text for text in shared if known[text] & others[text]]),
        "contradictions": _found(
            [_contradiction(text, known[text] | others[text]) for text in shared if not known[text] & others[text]]
        ),
    }


def _labels_of_texts(rows: Sequence[tuple[str, str]]) -> dict[str, set[str]]:
    labels: dict[str, set[str]] = defaultdict(set)
    for text, label in rows:
        labels[text].add(label)
    return labels


def _contradiction(text: str, labels: set[str]) -> str:
    return f"{' / '.join(sorted(labels))}: {text}"


def _numbers(split: Mapping[str, Any]) -> list[str]:
    numbers = split.get("labels_per_text")
    if numbers is None:
        return []
    several = sum(count for number, count in numbers.items() if number > 1)
    return ["", f"A text may have several labels: {several:,} have, and {numbers.get(0, 0):,} have none."]


def _found(texts: Sequence[str]) -> dict[str, Any]:
    return {"count": len(texts), "examples": [text[:_SHOWN_CHARACTERS] for text in texts[:_EXAMPLES]]}


def _cue_words(rows: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Returns the words whose label is a coin flip between two, and the share of rows that hold one."""
    labels: dict[str, Counter[str]] = defaultdict(Counter)
    for text, label in rows:
        for word in set(_WORD.findall(text.lower())):
            labels[word][label] += 1
    words = {word: dict(counts.most_common(2)) for word, counts in labels.items() if _is_coin_flip(counts)}
    held = sum(not words.keys().isdisjoint(_WORD.findall(text.lower())) for text, _ in rows)
    ordered = dict(sorted(words.items(), key=lambda item: -sum(item[1].values())))
    return {"rows_with_one": held, "share_of_rows": held / len(rows), "words": ordered}


def _is_coin_flip(labels: Counter[str]) -> bool:
    texts = labels.total()
    two = labels.most_common(2)
    return (
        texts >= _CUE_TEXTS
        and len(two) == 2
        and two[0][1] + two[1][1] >= _CUE_TWO_LABELS * texts
        and two[1][1] >= _CUE_SECOND_LABEL * texts
    )


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
            *_numbers(split),
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
    examples = [f"  - `{text.replace('`', chr(39))}`" for text in found["examples"]]
    return ["", f"- {found['count']:,} {what}", *examples]

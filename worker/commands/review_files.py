"""The files of texts for review that other tools take: Label Studio's tasks with their page, and CSV.

Both carry the same fields, under the names that come back with the answers.
"""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Any
from xml.sax.saxutils import quoteattr

import orjson

from schemas.review_record import ReviewRecord

ANSWER = "answer"
"""What people say, where they say it."""

_BYTE_ORDER_MARK = "\ufeff"  # without it spreadsheets take UTF-8 for something else
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "'")


def model_labels(reviews: Iterable[ReviewRecord]) -> list[str]:
    """The labels that people choose from: all that a model had scores for, in its order."""
    return list(dict.fromkeys(label for review in reviews for label in review.scores))


def label_studio_tasks(reviews: Iterable[ReviewRecord]) -> bytes:
    """A list of tasks that Label Studio imports, each with what the model said as its prediction."""
    return orjson.dumps([_task(review) for review in reviews], option=orjson.OPT_INDENT_2) + b"\n"


def label_studio_config(reviews: Sequence[ReviewRecord]) -> bytes:
    """The labelling interface of these tasks: the text, and a choice of labels below it."""
    choice = "multiple" if any(review.labels is not None for review in reviews) else "single"
    choices = "".join(f"    <Choice value={quoteattr(label)}/>\n" for label in model_labels(reviews))
    return (
        "<View>\n"
        '  <Text name="text" value="$text"/>\n'
        f'  <Choices name="{ANSWER}" toName="text" choice="{choice}" showInline="true">\n'
        f"{choices}"
        "  </Choices>\n"
        "</View>\n"
    ).encode()


def spreadsheet(reviews: Iterable[ReviewRecord]) -> bytes:
    """CSV with empty columns for the answer and for who gave it.

    A spreadsheet would take a cell that begins with one of `= + - @`, a tab or a carriage return for a formula. It gets
    an apostrophe before it, and so does one that begins with an apostrophe: readers take one away.
    """
    table = StringIO()
    writer = csv.writer(table)
    for number, review in enumerate(reviews):
        row = {name: _cell(value) for name, value in _fields(review).items()} | {ANSWER: "", "annotator": ""}
        if number == 0:
            writer.writerow(row)
        writer.writerow(row.values())
    return (_BYTE_ORDER_MARK + table.getvalue()).encode()


def _fields(review: ReviewRecord) -> dict[str, Any]:
    return {
        "origin": review.origin,
        "message_id": review.id,  # Label Studio has an `id` of its own
        "text": review.text,
        "label": review.label,
        "score": review.score,
        "scores": review.scores,
        "confident": review.confident,
        "labels": review.labels,
        "reasons": review.reasons,
        "probability": review.probability,
        "model": f"{review.model.name}@{review.model.revision}",
        "drawn_at_ms": review.drawn_at_ms,
        "copied": review.copied,
    }


def _task(review: ReviewRecord) -> dict[str, Any]:
    given = [review.label] if review.labels is None else review.labels
    answer = {"from_name": ANSWER, "to_name": "text", "type": "choices", "value": {"choices": given}}
    prediction = {
        "model_version": f"{review.model.name}@{review.model.revision}",
        "score": review.score,
        "result": [answer] if given else [],
    }
    return {"data": _fields(review), "predictions": [prediction]}


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text

"""What people said of reviewed texts: the files it comes in, whose answer counts, and which half trains."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.conftest import write_json_lines
from trainer.data.domains import load_domains
from trainer.data.reviews import load_reviews
from trainer.data.rows import Columns
from trainer.data.sources import load_sources
from trainer.data.splits import load_split
from trainer.errors import UserError

LABELS = ["sadness", "joy", "anger"]


def draw(number: int, **fields: Any) -> dict[str, Any]:
    """A text as `emotion-worker reviews export` writes it."""
    return {
        "origin": f"text-messages-0-{number}",
        "text": f'so {number}, "quoted"\nand on',
        "label": "joy",
        "score": 0.9,
        "scores": {"joy": 0.9, "sadness": 0.05, "anger": 0.05},
        "confident": True,
        "labels": None,
        "reasons": ["random"],
        "probability": 0.001,
        "model": "tiny@1",
    } | fields


def task(fields: dict[str, Any], *choices: str | None) -> dict[str, Any]:
    """A task as Label Studio exports it, with what each annotator chose; None: skipped."""
    annotations = [
        {
            "completed_by": number,
            "was_cancelled": choice is None,
            "result": [] if choice is None else [{"type": "choices", "value": {"choices": [choice]}}],
        }
        for number, choice in enumerate(choices, start=1)
    ]
    return {"id": 1, "annotations": annotations, "data": fields}


def write_tasks(path: Path, *tasks: dict[str, Any]) -> str:
    path.write_text(json.dumps(tasks), encoding="utf-8")
    return str(path)


def write_table(path: Path, rows: list[dict[str, Any]]) -> str:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(
            {name: json.dumps(cell) if isinstance(cell, dict | list) else cell for name, cell in row.items()}
            for row in rows
        )
    return str(path)


def test_each_form_of_file_says_the_same(tmp_path: Path) -> None:
    answered = [(draw(number), label) for number, label in enumerate(LABELS)]
    rows = [fields | {"answer": label, "annotator": 1} for fields, label in answered]
    of_label_studio = [row | {"annotation_id": 7, "confident": "True"} for row in rows]
    (tmp_path / "flat.json").write_text(json.dumps(of_label_studio), encoding="utf-8")
    files = [
        write_tasks(tmp_path / "tasks.json", *(task(fields, label) for fields, label in answered)),
        str(tmp_path / "flat.json"),
        str(write_json_lines(tmp_path / "rows.jsonl", rows)),
        write_table(tmp_path / "export.csv", of_label_studio),
        write_table(tmp_path / "ours.csv", [row | {"confident": "true"} for row in rows]),
    ]

    first, *others = ([(each.draw, each.votes) for each in load_reviews([file]).reviews] for file in files)

    assert [votes for _, votes in first] == [{"1": label} for label in LABELS]
    assert all(other == first for other in others)


def test_an_apostrophe_that_keeps_a_cell_from_being_a_formula_is_taken_away(tmp_path: Path) -> None:
    row = draw(0, text="'=SUM(A1:A9) 'so' happy") | {"answer": "joy"}

    ours = load_reviews([write_table(tmp_path / "ours.csv", [row])])
    exported = load_reviews([write_table(tmp_path / "export.csv", [row | {"annotation_id": 1}])])

    assert ours.reviews[0].draw.text == "=SUM(A1:A9) 'so' happy"
    assert exported.reviews[0].draw.text == "'=SUM(A1:A9) 'so' happy"


def test_a_probability_of_a_spreadsheet_with_decimal_commas_is_read(tmp_path: Path) -> None:
    row = draw(0, probability="0,001", score="0,9") | {"answer": "joy"}

    (review,) = load_reviews([write_table(tmp_path / "ours.csv", [row])]).reviews

    assert (review.draw.probability, review.draw.score) == (0.001, 0.9)


def test_what_is_no_answer_is_counted(tmp_path: Path) -> None:
    both = task(draw(2), "joy")
    both["annotations"][0]["result"][0]["value"]["choices"] = ["joy", "anger"]
    unanswered = task(draw(3))

    reviews = load_reviews([write_tasks(tmp_path / "a.json", task(draw(1), "joy", None), both, unanswered)])

    assert len(reviews.reviews) == 1
    assert reviews.left_out == {"skipped or not answered": 2, "answers with several labels": 1}


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_several_labels_and_none_are_written_as_the_page_on_spreadsheets_says(tmp_path: Path, name: str) -> None:
    written = ("joy", "joy|anger", " joy | anger ", "-", "")
    rows = [draw(number) | {"answer": answer} for number, answer in enumerate(written)]
    write = write_table if name.endswith(".csv") else write_json_lines

    reviews = load_reviews([str(write(tmp_path / name, rows))])

    assert [list(review.votes.values()) for review in reviews.reviews] == [["joy"]]
    assert reviews.left_out == {"answers with several labels": 2, "skipped or not answered": 2}


def test_the_last_answer_of_an_annotator_counts(tmp_path: Path) -> None:
    rows = [draw(1) | {"answer": answer, "annotator": "ada"} for answer in ("joy", "anger")]

    (review,) = load_reviews([str(write_json_lines(tmp_path / "a.jsonl", rows))]).reviews

    assert review.votes == {"ada": "anger"}


def test_of_a_text_that_live_worker_and_challenger_both_drew_the_larger_probability_counts(tmp_path: Path) -> None:
    live = write_tasks(tmp_path / "live.json", task(draw(1), "joy"))
    challenger = write_tasks(tmp_path / "challenger.json", task(draw(1, probability=0.2), "joy"))
    for files in ([live, challenger], [challenger, live]):
        (review,) = load_reviews(files).reviews
        assert review.draw.probability == 0.2


def test_who_left_no_name_in_two_files_is_two_people(tmp_path: Path) -> None:
    files = [write_table(tmp_path / f"{answer}.csv", [draw(1) | {"answer": answer}]) for answer in ("joy", "anger")]

    (review,) = load_reviews(files).reviews

    assert sorted(review.votes.values()) == ["anger", "joy"]


@pytest.mark.parametrize(
    ("choices", "truth"),
    [
        (("joy", "anger", "joy"), {"joy": 1.0}),
        (("joy", "anger"), {"joy": 0.5, "anger": 0.5}),
        (("joy", "anger", "joy", "anger", "sadness"), {"joy": 0.5, "anger": 0.5}),
    ],
)
def test_the_label_with_most_votes_is_right_and_a_tie_is_shared(
    tmp_path: Path, choices: tuple[str, ...], truth: dict[str, float]
) -> None:
    (review,) = load_reviews([write_tasks(tmp_path / "a.json", task(draw(1), *choices))]).reviews

    assert review.truth == truth


def test_models_of_several_labels_a_text_are_refused(tmp_path: Path) -> None:
    for labels in ([], ["joy", "anger"]):
        file = write_tasks(tmp_path / "a.json", task(draw(1, labels=labels), "joy"))
        with pytest.raises(UserError, match=r"a\.json, row 1: the model gives any number of labels a text"):
            load_reviews([file])


@pytest.mark.parametrize(
    ("tasks", "told"),
    [
        ([task({"text": "so happy"}, "joy")], "row 1: no origin"),
        ([task(draw(1))], "no answers"),
        ([{"annotations": [1], "data": {}}], "row 1: no task of Label Studio"),
        ([task(draw(1, score=2), "joy")], "row 1, score: "),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, tasks: list[dict[str, Any]], told: str) -> None:
    with pytest.raises(UserError, match=told):
        load_reviews([write_tasks(tmp_path / "a.json", *tasks)])


@pytest.fixture
def answers(tmp_path: Path) -> str:
    """A hundred texts, of which each comes twice, in another case; one of them divides the annotators."""
    tasks = [
        task(draw(n, text=f"Text {n % 50}".upper() if n >= 50 else f"Text {n}"), LABELS[n % 3]) for n in range(100)
    ]
    tied = [task(draw(number, text=f"divided {number}"), "joy", "anger") for number in range(100, 120)]
    return write_tasks(tmp_path / "answers.json", *tasks, *tied)


def test_no_text_that_measures_trains(answers: str) -> None:
    halves = [load_split(answers, split, Columns("text", "label")).rows for split in ("train", "validation")]
    texts = [{row.text.casefold() for row in half} for half in halves]

    assert not texts[0] & texts[1]
    assert all(15 <= len({text for text in half if text.startswith("text")}) <= 35 for half in texts)
    assert sum(row.text.casefold().startswith("text") for half in halves for row in half) == 100


def test_a_text_that_divides_annotators_trains_with_shares_and_does_not_measure(answers: str) -> None:
    train, validation = (load_split(answers, split, Columns("text", "label")).rows for split in ("train", "validation"))
    divided = [row for row in train if row.text.startswith("divided")]

    assert divided
    assert all(row.scores == {"joy": 0.5, "anger": 0.5} for row in divided)
    assert not any(row.text.startswith("divided") for row in validation)


def test_answers_are_training_data_and_a_domain_of_their_own(answers: str, tmp_path: Path) -> None:
    for name, entry in (("train", {"data": answers}), ("domains", {"data": answers, "name": "reviews"})):
        (tmp_path / f"{name}.json").write_text(json.dumps([entry]), encoding="utf-8")

    (source,) = load_sources(str(tmp_path / "train.json"), seed=1)
    (domain,) = load_domains("--datasets", str(tmp_path / "domains.json"), LABELS)

    assert source.texts == load_split(answers, "train", Columns("text", "label")).texts
    assert domain.texts == load_split(answers, "validation", Columns("text", "label")).texts

"""Reviews as files of other tools: everything comes back with the answers, and nothing runs as a formula."""

import csv
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from io import StringIO
from pathlib import Path

import orjson
import pytest
from pydantic import TypeAdapter

from schemas.codec import encode_review
from schemas.emotion_label import Source
from schemas.review_record import ReviewRecord
from worker.commands.review_files import label_studio_config, label_studio_tasks, spreadsheet
from worker.commands.reviews import Export, collect, export
from worker.errors import UserError
from worker.flow import Record
from worker.settings import load_settings

EXAMPLES = Path(__file__).parents[3] / "schemas/examples/review_record/valid"
ANYTHING = Export(Path(), "csv")


def example(name: str = "random") -> ReviewRecord:
    return TypeAdapter(ReviewRecord).validate_json((EXAMPLES / f"{name}.json").read_bytes())


def stored(review: ReviewRecord) -> Record:
    return Record(Source("reviews", 0, 0, None), b"", encode_review(review), [])


def rows(reviews: list[ReviewRecord]) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(spreadsheet(reviews).decode("utf-8-sig"), newline="")))


def test_a_task_shows_what_the_model_said_and_carries_what_is_needed_to_weigh_the_answer() -> None:
    (task,) = orjson.loads(label_studio_tasks([example()]))
    (prediction,) = task["predictions"]
    (answer,) = prediction["result"]
    assert answer == {"from_name": "answer", "to_name": "text", "type": "choices", "value": {"choices": ["anger"]}}
    assert (prediction["score"], prediction["model_version"]) == (0.949, "bert-finetuned-emotion@sha256:3f1c")
    data = task["data"]
    assert (data["origin"], data["message_id"], data["probability"]) == ("text-messages-3-91244", "review-1841", 0.001)
    assert (data["label"], data["score"], data["confident"], data["reasons"]) == ("anger", 0.949, True, ["random"])
    assert data["scores"]["sadness"] == 0.033


@pytest.mark.parametrize(
    ("name", "given", "choice"),
    [("random", ["anger"], "single"), ("multi_label_part", ["anger", "sadness"], "multiple")],
)
def test_the_page_fits_the_tasks(name: str, given: list[str], choice: str) -> None:
    reviews = [example(name)]
    page = ElementTree.fromstring(label_studio_config(reviews))  # noqa: S314 - it is our own
    text, choices = page
    (task,) = orjson.loads(label_studio_tasks(reviews))
    assert text.attrib == {"name": "text", "value": "$text"}
    assert (choices.attrib["name"], choices.attrib["toName"], choices.attrib["choice"]) == ("answer", "text", choice)
    assert task["predictions"][0]["result"][0]["value"]["choices"] == given
    assert {each.attrib["value"] for each in choices} == set(reviews[0].scores)


def test_a_label_may_have_any_characters() -> None:
    odd = "a \"quoted\" <b> & 'more'"
    page = ElementTree.fromstring(label_studio_config([replace(example(), scores={odd: 1.0})]))  # noqa: S314 - ours
    assert page[1][0].attrib["value"] == odd


def test_a_text_that_a_multi_label_model_gives_no_label_has_a_prediction_without_one() -> None:
    (task,) = orjson.loads(label_studio_tasks([replace(example("multi_label_part"), labels=[])]))
    assert task["predictions"][0]["result"] == []


@pytest.mark.parametrize("text", ["=1+1", "+49", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "'quoted'", "''", "it's"])
def test_no_cell_is_a_formula_and_the_text_comes_back(text: str) -> None:
    (row,) = rows([replace(example(), text=text, id=text)])
    for cell in (row["text"], row["message_id"]):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
        assert cell.removeprefix("'") == text


def test_a_row_has_every_field_as_text_and_room_for_the_answer() -> None:
    text = 'two\nlines, and a "quote" 😂'
    first, second = rows([replace(example("not_confident_and_close"), text=text), replace(example(), confident=None)])
    assert first["text"] == text
    assert (first["confident"], second["confident"]) == ("false", "")
    assert (first["probability"], first["labels"], first["answer"], first["annotator"]) == ("0.01", "", "", "")
    assert orjson.loads(first["reasons"]) == ["not_confident", "close"]
    assert orjson.loads(first["scores"])["love"] == 0.39


def test_of_a_text_that_was_drawn_twice_the_larger_probability_holds() -> None:
    twice = [replace(example(), probability=probability) for probability in (0.2, 0.5, 0.3)]
    found = collect(map(stored, [*twice, example("multi_label_part")]), ANYTHING)
    assert [(review.origin, review.probability) for review in found] == [
        ("text-messages-3-91244", 0.5),
        ("text-messages-3-91244-2", 0.001),
    ]


def test_what_live_worker_and_challenger_both_drew_is_one_text_with_all_reasons() -> None:
    both = [
        replace(example(), probability=0.2, reasons=["random", "close"]),
        replace(example(), probability=0.5, reasons=["disagreement"]),
    ]
    for order in (both, both[::-1]):
        (found,) = collect(map(stored, order), ANYTHING)
        assert (found.probability, set(found.reasons)) == (0.5, {"random", "close", "disagreement"})


def test_of_two_texts_that_had_one_place_in_topics_of_one_name_the_later_one_is_shown_and_nothing_of_the_other() -> (
    None
):
    source = example().source
    old = replace(example(), text="old", probability=0.5, reasons=["close"], drawn_at_ms=1)
    new = replace(old, text="new", probability=0.2, reasons=["random"], drawn_at_ms=2)
    new = replace(new, source=replace(source, timestamp_ms=(source.timestamp_ms or 0) + 1))
    for order in ([old, new], [new, old]):
        assert collect(map(stored, order), ANYTHING) == [new]


def test_only_what_was_drawn_in_time_is_meant_and_what_is_no_review_is_passed_over() -> None:
    reviews = [replace(example(), origin=f"in-0-{at_ms}", drawn_at_ms=at_ms) for at_ms in (1, 2, 3, 4)]
    foreign = Record(Source("reviews", 0, 0, None), b"", b'{"not": "ours"}', [])
    deleted = Record(Source("reviews", 0, 0, None), b"", None, [])
    found = collect([foreign, deleted, *map(stored, reviews)], Export(Path(), "csv", since_ms=2, until_ms=4))
    assert [review.drawn_at_ms for review in found] == [2, 3]


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "config.xml").write_text("mine")
    settings = load_settings(review_topic="reviews", bootstrap_servers="nowhere:1")
    with pytest.raises(UserError, match=r"config\.xml is there already: name another folder"):
        export(settings, Export(tmp_path, "label-studio"))


def test_without_a_topic_there_is_nothing_to_export(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="EMOTION_REVIEW_TOPIC is not set"):
        export(load_settings(), Export(tmp_path, "csv"))

"""Labels that texts carry in themselves."""

import json
from pathlib import Path

import pytest

from trainer.__main__ import run
from trainer.data.labels import EMOTION_LABELS
from trainer.data.rows import Columns, Row
from trainer.data.splits import SCORES, load_split
from trainer.errors import UserError
from trainer.labelling.cue_labels import DEFAULT_CUES, CuedText, Cues, cue_labelled, read_cues

CUES = {"happy": "joy", "😊": "joy", "sad": "sadness"}
LABELS = ("sadness", "joy", "love")


def labelled(*texts: str, most: int | None = None, seed: int = 1) -> list[CuedText]:
    rows = [Row("line", text, "") for text in texts]
    return list(cue_labelled(rows, CUES, LABELS, share=0.8, most=most, seed=seed))


def test_a_text_is_taken_with_its_cues_and_without() -> None:
    of_joy = {"sadness": pytest.approx(0.1), "joy": 0.8, "love": pytest.approx(0.1)}
    assert labelled("So #Happy to be back 😊") == [("So #Happy to be back 😊", of_joy), ("So to be back", of_joy)]


def test_a_word_that_only_holds_a_cue_tells_nothing() -> None:
    assert labelled("unhappy saddle") == []


def test_a_text_with_cues_of_two_labels_or_of_none_is_left_out() -> None:
    assert labelled("happy or sad?", "a chair") == []


def test_a_text_of_nothing_but_cues_is_taken_once() -> None:
    assert [text for text, _ in labelled("happy 😊")] == ["happy 😊"]


def test_a_text_that_comes_twice_counts_once() -> None:
    assert len(labelled("so sad today", "so sad today")) == 2


def test_a_label_gives_so_many_texts_at_most_the_same_ones_for_a_seed() -> None:
    texts = [f"happy number{letter}" for letter in "abcdefghij"]
    few = labelled("sad day", *texts, most=3)
    assert sum(max(scores, key=scores.__getitem__) == "joy" for _, scores in few) == 2 * 3
    assert few == labelled("sad day", *texts, most=3)
    assert few != labelled("sad day", *texts, most=3, seed=2)


def test_the_cues_that_come_along_are_of_the_models_labels() -> None:
    assert set(read_cues(DEFAULT_CUES).values()) <= set(EMOTION_LABELS)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{"joy": "happy"}', "write one object such as"),
        ('{"joy": ["Blue"], "sadness": ["blue"]}', "blue is a cue of joy and of sadness"),
    ],
)
def test_a_file_of_cues_that_cannot_be_used_is_named(content: str, problem: str, tmp_path: Path) -> None:
    file = tmp_path / "cues.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=problem):
        read_cues(file)


def test_a_file_of_cues_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.json: cannot be read"):
        read_cues(tmp_path / "none.json")


def test_the_command_writes_what_a_training_can_take(tmp_path: Path) -> None:
    texts, output = tmp_path / "texts.txt", tmp_path / "cued.jsonl"
    texts.write_text("So #happy to be back\na chair\nI am SO sad about it\n", encoding="utf-8")
    assert run(["cue-label", "--data", str(texts), "--output", str(output)]) == 0
    split = load_split(str(output), "train", Columns("text", "label", SCORES))
    assert [(row.text, row.label) for row in split.rows] == [
        ("So #happy to be back", "joy"),
        ("So to be back", "joy"),
        ("I am SO sad about it", "sadness"),
        ("I am SO about it", "sadness"),
    ]
    assert run(["cue-label", "--data", str(texts), "--output", str(output)]) == 2, "it is not written over"


def test_a_label_that_the_model_has_not_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("happy\n", encoding="utf-8")
    command = ["cue-label", "--data", str(texts), "--output", str(tmp_path / "x.jsonl"), "--labels", "joy", "sadness"]
    assert run(command) == 2
    assert "the cues tell anger, fear, surprise too" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--labels", "joy"], "--labels joy: just one label; name all labels of the model"),
        (["--labels", "joy", "sadness", "joy"], "--labels joy: given twice; name each label once"),
        (["--most", "0"], "--most 0: give 1 or more, or leave it out to take all texts"),
        (["--share", "0.5"], "--share 0.5: give a number above 0.5, an even part of 2 labels, up to 1"),
        (["--share", "1.1"], "--share 1.1: give a number above 0.5"),
        (["--share", "nan"], "--share nan: give a number above 0.5"),
        ([], "texts.txt: no text holds a cue of just one label; give other texts, or cues of your own with --cues"),
    ],
)
def test_arguments_that_cannot_be_used_are_named(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts, cues, output = tmp_path / "texts.txt", tmp_path / "cues.json", tmp_path / "cued.jsonl"
    texts.write_text("so happy\n" if options else "a chair\n", encoding="utf-8")
    cues.write_text('{"joy": ["happy"]}', encoding="utf-8")
    labels = [] if "--labels" in options else ["--labels", "joy", "sadness"]

    assert (
        run(["cue-label", "--data", str(texts), "--cues", str(cues), "--output", str(output), *labels, *options]) == 2
    )

    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not output.exists()


def cues_from(folder: Path, *words: str) -> Cues:
    file = folder / "cues.json"
    file.write_text(json.dumps({"joy": words}), encoding="utf-8")
    return read_cues(file)


@pytest.mark.parametrize(
    ("cue", "text"),
    [
        ("❤️", "back ❤️ home"),
        ("❤️", "back ❤ home"),
        ("❤", "back ❤️ home"),
        ("👍", "back 👍🏽 home"),
        ("👩‍🚀", "back 👩🏽‍🚀 home"),
        ("🤦", "back 🤦🏽‍♀️ home"),
        ("🇳🇱", "back 🇳🇱 home"),
        ("#happy", "back #Happy home"),
    ],
)
def test_a_cue_is_found_in_every_form_and_leaves_nothing_behind(cue: str, text: str, tmp_path: Path) -> None:
    rows = [Row("line", text, "")]
    found = list(cue_labelled(rows, cues_from(tmp_path, cue), LABELS, share=0.8, most=None, seed=1))
    assert [text for text, _ in found] == [text, "back home"]


@pytest.mark.parametrize("word", ["fed up", "10/10", "gr8", ":)", "", " happy", "#"])
def test_a_cue_that_no_text_can_hold_is_refused(word: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        cues_from(tmp_path, word)
    assert f"cues.json: {word!r} of joy can be found in no text; give one word, without digits, or one emoji" in str(
        caught.value
    )
